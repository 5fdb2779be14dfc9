# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scheduler of Kubernetes would have against a pod on a node: said before the pod is made, and Pending."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker

_TOLERABLE = ("PreferNoSchedule",)
_FACTORS = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    "k": Decimal(1000), "M": Decimal(1000) ** 2, "G": Decimal(1000) ** 3, "T": Decimal(1000) ** 4,
    "P": Decimal(1000) ** 5, "E": Decimal(1000) ** 6,
    "Ki": Decimal(1024), "Mi": Decimal(1024) ** 2, "Gi": Decimal(1024) ** 3, "Ti": Decimal(1024) ** 4,
    "Pi": Decimal(1024) ** 5, "Ei": Decimal(1024) ** 6,
}  # fmt: skip
_SINGLE_NODE = ("ReadWriteOnce", "ReadWriteOncePod")
_ENDED = ("Succeeded", "Failed")


def of_node(
    node: Mapping[str, Any] | None,
    name: str,
    pod: Mapping[str, Any],
    own_label: str = "",
    there: Sequence[Mapping[str, Any]] | None = None,
) -> Iterator[Blocker]:
    """Why a node takes no pod like this one.

    Args:
        node: as the API server describes it; None if there is none.
        name: of the node.
        pod: spec of the pod.
        own_label: of nodes, which a move sets by itself.
        there: the pods on the node; None where the user may not read them.
    """
    if node is None:
        yield Blocker(
            "node_unknown",
            f"The cluster has no node '{name}'",
            "Set the variable kubernetes_node of the target host to the name that 'kubectl get nodes' shows",
        )
        return
    ready = [one["status"] for one in node["status"].get("conditions", ()) if one["type"] == "Ready"]
    taints = [one for one in node["spec"].get("taints") or () if not _is_tolerated(one, pod.get("tolerations") or ())]
    if ready != ["True"]:
        yield Blocker(
            "node_not_ready",
            f"The target node {name} is not Ready",
            f"'kubectl describe node {name}' says why; choose another target host",
        )
    elif node["spec"].get("unschedulable"):
        yield Blocker(
            "node_cordoned",
            f"The target node {name} is cordoned, so that no pod is placed there",
            f"kubectl uncordon {name}, or choose another target host",
        )
    elif taints:
        yield Blocker(
            "node_tainted",
            f"The target node {name} has the taint {taints[0]['key']}:{taints[0]['effect']}, which the pod does not "
            "tolerate",
            "Add the toleration to the Deployment, or choose another target host",
        )
    labels = (node.get("metadata") or {}).get("labels") or {}
    if wanted := _unmet_labels(pod, labels, own_label):
        yield Blocker(
            "node_affinity",
            f"The pod demands nodes with {wanted}, which the target node {name} is not",
            "Choose a target host whose node has these labels, or change nodeSelector or affinity of the Deployment",
        )
    if there is not None and (lacking := list(_lacking(node, pod, there))):
        yield Blocker(
            "node_full",
            f"The target node {name} has too little left for what the pod requests: {', '.join(lacking)}",
            f"'kubectl describe node {name}' lists what is requested there; free some of it, or choose another target "
            "host",
        )


def of_claims(pod: Mapping[str, Any], claims: Collection[Mapping[str, Any]] | None) -> Iterator[Blocker]:
    """PersistentVolumes that two nodes cannot mount at once.

    Args:
        pod: its spec.
        claims: of its namespace; None where the user may not read them.
    """
    used = {
        one["persistentVolumeClaim"]["claimName"]: one["name"]
        for one in pod.get("volumes") or ()
        if "persistentVolumeClaim" in one
    }
    for claim in claims or ():
        name = claim["metadata"]["name"]
        modes = claim["spec"].get("accessModes") or []
        if name in used and modes and all(mode in _SINGLE_NODE for mode in modes):
            yield Blocker(
                "volume_access",
                f"Volume '{used[name]}' is of PersistentVolumeClaim '{name}' with the access mode {', '.join(modes)}: "
                "one node at a time mounts it, and in a move two do",
                "Use a claim with ReadWriteMany and name where it is mounted in shared_volumes, or start the "
                "process again on the other node",
            )


def node_ports(services: Collection[Mapping[str, Any]] | None, labels: Mapping[str, str]) -> Iterator[str]:
    """What users of a Service should know whose port is open on each node."""
    for one in services or ():
        selector = one["spec"].get("selector") or {}
        ports = [str(port["nodePort"]) for port in one["spec"].get("ports") or () if port.get("nodePort")]
        if ports and selector and all(labels.get(name) == value for name, value in selector.items()):
            yield (
                f"Service '{one['metadata']['name']}' has the node port {', '.join(ports)}: new connections to it "
                "reach the process on the target node; those that are open over the pod's cluster address do not move."
            )


def _is_tolerated(taint: Mapping[str, Any], tolerations: Collection[Mapping[str, Any]]) -> bool:
    return taint.get("effect") in _TOLERABLE or any(
        one.get("key") in (None, taint["key"])
        and one.get("effect") in (None, taint.get("effect"))
        and (one.get("operator") == "Exists" or one.get("value") == taint.get("value"))
        for one in tolerations
    )


def _unmet_labels(pod: Mapping[str, Any], labels: Mapping[str, str], own_label: str) -> str:
    """What a pod demands of the labels of its node and this one has not; empty if it has all."""
    selector = {name: value for name, value in (pod.get("nodeSelector") or {}).items() if name != own_label}
    unmet = [f"{name}={value}" for name, value in sorted(selector.items()) if labels.get(name) != value]
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or []
    expressions = [term.get("matchExpressions") or [] for term in terms]
    if expressions and not any(all(_holds(one, labels) for one in term) for term in expressions):
        unmet.append(" or ".join(", ".join(_words(one) for one in term) for term in expressions))
    return ", ".join(unmet)


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels fulfil a NodeSelectorRequirement."""
    value, values = labels.get(expression["key"]), expression.get("values") or []
    operator: str = expression["operator"]
    if operator in ("In", "NotIn"):
        return (value in values) == (operator == "In")
    if operator in ("Exists", "DoesNotExist"):
        return (value is not None) == (operator == "Exists")
    try:
        have, bound = int(value or ""), int(values[0])
    except ValueError:
        return False
    return have > bound if operator == "Gt" else have < bound


def _words(expression: Mapping[str, Any]) -> str:
    values = "|".join(expression.get("values") or [])
    return f"{expression['key']} {expression['operator']} {values}".rstrip()


def _lacking(node: Mapping[str, Any], pod: Mapping[str, Any], there: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each resource of which a node has less left than a pod requests, with both numbers."""
    allocatable = node["status"].get("allocatable") or {}
    running = [one["spec"] for one in there if one.get("status", {}).get("phase") not in _ENDED]
    if len(running) + 1 > quantity(allocatable.get("pods", "110")):
        yield f"{len(running)} of {allocatable['pods']} pods are there"
    for name, wanted in sorted(requests(pod).items()):
        left = quantity(allocatable.get(name, "0")) - sum(requests(one).get(name, Decimal(0)) for one in running)
        if wanted > left:
            yield f"{_number(wanted)} of {name}, {_number(max(left, Decimal(0)))} left"


def requests(pod: Mapping[str, Any]) -> dict[str, Decimal]:
    """What the scheduler reserves for a pod: its containers and sidecars together, or its largest init container."""
    total: dict[str, Decimal] = {}
    sidecars = [one for one in pod.get("initContainers") or () if one.get("restartPolicy") == "Always"]
    for container in [*(pod.get("containers") or ()), *sidecars]:
        for name, wanted in _requested(container).items():
            total[name] = total.get(name, Decimal(0)) + wanted
    for container in pod.get("initContainers") or ():
        for name, wanted in _requested(container).items():
            total[name] = max(total.get(name, Decimal(0)), wanted)
    for name, amount in (pod.get("overhead") or {}).items():
        total[name] = total.get(name, Decimal(0)) + quantity(amount)
    return total


def _requested(container: Mapping[str, Any]) -> dict[str, Decimal]:
    """A limit without a request is a request."""
    resources = container.get("resources") or {}
    found = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {name: quantity(amount) for name, amount in found.items()}


def quantity(text: str) -> Decimal:
    """A quantity of Kubernetes, such as 250m or 1.5Gi; an unknown one counts as 0, as the scheduler will judge it."""
    suffix = next((one for one in sorted(_FACTORS, key=len, reverse=True) if one and str(text).endswith(one)), "")
    try:
        return Decimal(str(text).removesuffix(suffix)) * _FACTORS[suffix]
    except InvalidOperation:
        return Decimal(0)


def _number(value: Decimal) -> str:
    for suffix in ("Gi", "Mi"):
        if value >= _FACTORS[suffix]:
            return f"{value / _FACTORS[suffix]:.1f}{suffix}"
    return f"{value.normalize():f}"
