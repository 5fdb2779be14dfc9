# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the pod of a container cannot move, as the cluster describes it, and what its user should know beforehand."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ansible_collections.organic.live_migration.plugins.module_utils import decoded, paths
from ansible_collections.organic.live_migration.plugins.module_utils.decoded import JsonObject
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import await_key
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators import scheduling
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.deployment import (
    LABEL_VALUE,
    move_of,
    node_label,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import KubernetesApi

_WRITES_ONCE = ("kubectl", "organic-", "OpenAPI-Generator", "helm", "before-first-apply", "python", "k9s")
"""How the field managers of those begin who write when a user has them write, and not by themselves."""
_POD, _LABELS = ("spec", "template", "spec"), ("spec", "template", "metadata", "labels")
"""Of a Deployment: where the description of its pods is, and their labels."""


class Preflight:
    """What the cluster says about the move of one pod. Nothing is changed.

    Args:
        key: NAMESPACE.DEPLOYMENT, which the container's init is called.
        source, target: nodes.
        known_managers: field managers that are trusted not to change the scale back.

    Raises:
        ApiRefused: it does not answer.
    """

    def __init__(
        self, api: KubernetesApi, key: str, source: str, target: str, known_managers: Collection[str] = ()
    ) -> None:
        self._api = api
        self._key = key
        self._known = known_managers
        self.namespace, _dot, self.name = key.partition(".")
        self.blockers: list[Blocker] = []
        self.notes: list[str] = []
        missing = api.missing_rights(self.namespace)
        if missing:
            self.blockers = [_rights_missing(missing)]
            return
        deployment = api.deployment(self.namespace, self.name)
        if deployment is None:
            self.blockers = [self._without_deployment(source)]
            return
        pod = decoded.section(deployment, *_POD)
        self.blockers = [
            *self._of_template(deployment),
            *self._of_writers(deployment),
            *scheduling.of_node(api.node(target), target, pod, node_label(key), api.all_pods_on(target)),
            *scheduling.of_claims(pod, api.claims(self.namespace)),
            *self._of_labels(source, target),
        ]
        labels = decoded.labels(deployment, *_LABELS)
        self.notes = [*_notes(pod, key), *scheduling.node_ports(api.services(self.namespace), labels)]

    def _without_deployment(self, source: str) -> Blocker:
        """Names what the pod belongs to instead."""
        owners = [
            one
            for pod in self._api.pods_on(self.namespace, source)
            if any(
                await_key(decoded.texts(container, "command")) == self._key
                for container in decoded.sections(pod, "spec", "containers")
            )
            for one in decoded.sections(pod, "metadata", "ownerReferences")
            or [{"kind": "Pod", "name": decoded.text(pod, "metadata", "name")}]
        ]
        kind, owner = (decoded.text(owners[0], "kind"), decoded.text(owners[0], "name")) if owners else ("", "")
        if kind == "Pod":
            return Blocker(
                "bare_pod",
                f"Pod '{owner}' in namespace '{self.namespace}' belongs to nothing that could start it on another node",
                f"Deploy it as a Deployment '{self.name}' with one replica (docs/kubernetes.md)",
            )
        if kind in ("StatefulSet", "DaemonSet", "Job"):
            reason = {
                "StatefulSet": "starts no second pod of one identity beside the first",
                "DaemonSet": "has one pod on each node, so there is nowhere to move",
                "Job": "counts a pod that its process has left as completed",
            }[kind]
            return Blocker(
                "workload_kind",
                f"The pod of '{self._key}' belongs to {kind} '{owner}', which {reason}",
                f"Deploy it as a Deployment '{self.name}' with one replica (docs/kubernetes.md)",
            )
        return Blocker(
            "deployment_unknown",
            f"There is no Deployment '{self.name}' in namespace '{self.namespace}'"
            + (f"; the pod belongs to {kind} '{owner}'" if owner else ""),
            "Only the pod of a Deployment moves, whose container's init has the --name NAMESPACE.DEPLOYMENT",
        )

    def _of_template(self, deployment: JsonObject) -> Iterator[Blocker]:
        key, name = self._key, self.name
        pod, replicas = decoded.section(deployment, *_POD), decoded.number(deployment, "spec", "replicas", default=1)
        if (move := move_of(deployment)) is not None:
            yield Blocker(
                "move_unfinished",
                f"Deployment '{key}' is in a move from {move.source} to {move.target} that has not ended",
                "Run container_migration_recover; the next migration ends it, too",
            )
        elif replicas != 1:
            yield Blocker(
                "deployment_replicas",
                f"Deployment '{key}' has {replicas} replicas; only the pod of one with a single replica moves",
                f"kubectl scale deployment/{name} --replicas=1, or have Kubernetes start the others elsewhere",
            )
        if decoded.section(pod, "nodeSelector").get(node_label(key)) != LABEL_VALUE:
            yield Blocker(
                "node_selector",
                f"The pods of Deployment '{key}' do not demand the node label {node_label(key)}={LABEL_VALUE}",
                "Deploy it with that nodeSelector (docs/kubernetes.md)",
            )
        labels = decoded.labels(deployment, *_LABELS)
        terms = decoded.sections(pod, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
        if not any(_keeps_apart(term, labels) for term in terms):
            yield Blocker(
                "anti_affinity",
                f"Two pods of Deployment '{key}' could be on one node, as it has no required anti-affinity to itself",
                "Deploy it with a required podAntiAffinity of topology kubernetes.io/hostname to itself",
            )
        probes = [
            decoded.texts(one, "readinessProbe", "exec", "command") for one in decoded.sections(pod, "containers")
        ]
        if [paths.INIT, "ready"] not in probes:
            yield Blocker(
                "readiness_probe",
                f"The readiness of Deployment '{key}' is not asked of its resident init, so that a pod without its "
                "process could count as ready",
                f"Deploy it with the readinessProbe exec: ['{paths.INIT}', 'ready']",
            )

    def _of_writers(self, deployment: JsonObject) -> Iterator[Blocker]:
        """Whoever else could change the scale back in the middle of a move."""
        remedy = (
            "Have it leave spec.replicas alone (docs/kubernetes.md: GitOps) or pause it; if it does not write by "
            "itself, name it in the variable kubernetes_known_managers"
        )
        for manager in sorted(_owners_of_replicas(deployment)):
            if manager not in self._known and not manager.startswith(_WRITES_ONCE):
                yield Blocker(
                    "replicas_managed",
                    f"'{manager}' sets spec.replicas of Deployment '{self._key}', and may set it back in a move",
                    remedy,
                )
        for one in decoded.sections(deployment, "metadata", "ownerReferences"):
            kind, owner = decoded.text(one, "kind"), decoded.text(one, "name")
            if one.get("controller") and owner not in self._known:
                yield Blocker(
                    "deployment_owned",
                    f"Deployment '{self._key}' belongs to {kind} '{owner}', whose controller may scale it",
                    remedy,
                )
        for scaler in self._api.autoscalers(self.namespace) or ():
            name, target = decoded.text(scaler, "metadata", "name"), decoded.section(scaler, "spec", "scaleTargetRef")
            if (target.get("kind"), target.get("name")) == ("Deployment", self.name):
                yield Blocker(
                    "autoscaler",
                    f"HorizontalPodAutoscaler '{name}' scales Deployment '{self._key}'",
                    "Remove it; a process with one address has one replica",
                )

    def _of_labels(self, source: str, target: str) -> Iterator[Blocker]:
        label = node_label(self._key)
        others = [name for name in self._api.labelled_nodes(label, LABEL_VALUE) if name not in (source, target)]
        if others:
            yield Blocker(
                "label_elsewhere",
                f"Node {', '.join(others)} has the label {label}={LABEL_VALUE}, too, so that the second pod could "
                "start there",
                f"kubectl label node {' '.join(others)} {label}-",
            )


def _rights_missing(missing: list[str]) -> Blocker:
    return Blocker(
        "rights_missing",
        f"The user of this kubeconfig may not {', '.join(missing)}",
        "Give it the role of docs/kubernetes.md",
    )


def _keeps_apart(term: JsonObject, labels: dict[str, str]) -> bool:
    """Whether a term of an anti-affinity holds against pods with these labels themselves."""
    wanted = decoded.labels(term, "labelSelector", "matchLabels")
    own = bool(wanted) and all(labels.get(name) == value for name, value in wanted.items())
    return term.get("topologyKey") == "kubernetes.io/hostname" and own


def _owners_of_replicas(deployment: JsonObject) -> set[str]:
    return {
        decoded.text(entry, "manager", default="")
        for entry in decoded.sections(deployment, "metadata", "managedFields")
        if "f:replicas" in decoded.section(entry, "fieldsV1", "f:spec")
    }


def _notes(pod: JsonObject, key: str) -> Iterator[str]:
    containers, initial = decoded.sections(pod, "containers"), decoded.sections(pod, "initContainers")
    others = [decoded.text(one, "name") for one in containers if await_key(decoded.texts(one, "command")) != key]
    sidecars = [decoded.text(one, "name") for one in initial if one.get("restartPolicy") == "Always"]
    before = [decoded.text(one, "name") for one in initial if one.get("restartPolicy") != "Always"]
    if others or sidecars:
        yield f"Only this container moves; these start again on the target: {', '.join(others + sidecars)}."
    if before:
        yield f"These init containers run again on the target, before the process arrives: {', '.join(before)}."
    ports = [
        str(port["hostPort"]) for one in containers for port in decoded.sections(one, "ports") if "hostPort" in port
    ]
    if ports:
        yield f"Host port {', '.join(ports)} is of the node's address: clients must use that of the target node."
