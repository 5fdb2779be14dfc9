# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes: a Deployment whose one pod moves, by a label of the nodes and by its scale.

Its template demands the node label ``organic.core5g/KEY=here`` and no second pod on the same node. So with the label on
the target node and a scale of 2, the Deployment starts the second pod there; with a scale of 1 it ends the pod that is
to go, whose cost of deletion is the lower one. Template and revision stay as they are, and whoever else writes them
(GitOps, Helm) finds nothing to change back. What was asked of the cluster is in an annotation of the Deployment until
it is done.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import Done, Parameters
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.base import Orchestrator
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import (
    ApiRefused,
    KubernetesApi,
    Pod,
)

ANNOTATION = "organic.live-migration/move"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
LABEL_VALUE = "here"
_END_S = 60.0
_POLL_S = 0.2


def node_label(key: str) -> str:
    """The label of the nodes where the pod of a Deployment may be; ``key`` is NAMESPACE.DEPLOYMENT."""
    return f"organic.core5g/{key}"


@dataclass(frozen=True)
class Move:
    """What was asked of the cluster and is not done yet."""

    source: str
    target: str


class KubernetesOrchestrator(Orchestrator):
    """The pod of a Deployment.

    Args:
        hosts: of the migration. A host's node has its inventory name, or that of its variable ``kubernetes_node``.
        timeout_s: the longest that a step of the migration may take.
        api: of the cluster; by default that of the variable ``kubeconfig``.
    """

    def __init__(self, hosts: Hosts, timeout_s: int, api: KubernetesApi | None = None) -> None:
        self._hosts = hosts
        self._timeout_s = timeout_s
        self._given = api
        self._spec: ContainerSpec | None = None
        self._has_placed = False

    @property
    def _api(self) -> KubernetesApi:
        if self._given is None:
            self._given = KubernetesApi(self._hosts.variable("kubeconfig"), self._hosts.variable("kubernetes_context"))
        return self._given

    @property
    def _key(self) -> str:
        if self._spec is None or self._spec.await_key is None:
            raise AnsibleActionFail("The cluster was not asked yet.")
        return self._spec.await_key

    @property
    def _name(self) -> tuple[str, str]:
        """Namespace and name of the Deployment."""
        namespace, _dot, name = self._key.partition(".")
        return namespace, name

    def _node_of(self, host: str) -> str:
        return self._hosts.variable("kubernetes_node", host) or host

    @property
    def _nodes(self) -> Move:
        return Move(self._node_of(self._hosts.source), self._node_of(self._hosts.target))

    # What is known before anything is changed

    def recover(self, spec: ContainerSpec) -> None:
        """End an interrupted move: the pod that is ready has the process."""
        self._spec = spec
        with _failing("end the move that an earlier migration began"):
            deployment = self._api.deployment(*self._name)
            move = None if deployment is None else _move_of(deployment)
            if move is None:
                return
            there = self._pod_on(move.target)
            stays, goes = (
                (move.target, move.source) if there is not None and there.ready else (move.source, move.target)
            )
            self._end(stays, goes)
        for host in (self._hosts.source, self._hosts.target):
            if self._node_of(host) == goes:
                self._await_file(phases.REVOKE, on_source=host == self._hosts.source)

    def blockers(self, spec: ContainerSpec) -> list[Blocker]:
        self._spec = spec
        namespace, name = self._name
        try:
            deployment = self._api.deployment(namespace, name)
            node = self._api.node(self._nodes.target)
            missing = self._api.missing_rights(namespace)
        except ApiRefused as error:
            return [
                Blocker(
                    "api_unreachable",
                    f"The API server does not answer as it should: {error}",
                    "Set the variable kubeconfig to a file with which 'kubectl --kubeconfig FILE get nodes' works "
                    "on this controller",
                )
            ]
        if deployment is None:
            return [
                Blocker(
                    "deployment_unknown",
                    f"There is no Deployment '{name}' in namespace '{namespace}'",
                    "Only the pod of a Deployment moves; its container's init is called NAMESPACE.DEPLOYMENT",
                )
            ]
        found = _deployment_blockers(deployment, self._key) + _node_blockers(node, self._nodes.target)
        if missing:
            found.append(
                Blocker(
                    "rights_missing",
                    f"The user of this kubeconfig may not {', '.join(missing)}",
                    "Give it the role of docs/kubernetes.md",
                )
            )
        return found

    # The move

    def place(self, spec: ContainerSpec, target_host: str) -> None:
        self._spec = spec
        self._has_placed = True
        self._await_file(phases.HOLD, on_source=True)
        self._await_file(phases.AWAIT, on_source=False)
        nodes = self._nodes
        try:
            with _failing(f"start a second pod of '{self._key}' on node '{nodes.target}'"):
                self._api.annotate_deployment(*self._name, {ANNOTATION: json.dumps(asdict(nodes))})
                self._api.label_node(nodes.target, {node_label(self._key): LABEL_VALUE})
                self._api.scale(*self._name, 2)
                self._wait(lambda: self._has_started(nodes.target), self._timeout_s, self._why_not(nodes.target))
        except AnsibleError:
            self.revert()
            raise

    def commit(self) -> None:
        nodes = self._nodes
        with _failing(f"end the pod of '{self._key}' on node '{nodes.source}'"):
            self._wait(lambda: self._is_ready(nodes.target), _END_S, lambda: f"the pod on {nodes.target} is not ready")
            self._end(nodes.target, nodes.source)
        self._await_file(phases.REVOKE, on_source=True)

    def revert(self) -> None:
        if not self._has_placed:
            return
        nodes = self._nodes
        with _failing(f"end the pod of '{self._key}' on node '{nodes.target}'"):
            self._end(nodes.source, nodes.target)
        self._await_file(phases.REVOKE, on_source=True)
        with contextlib.suppress(AnsibleError):  # a host that is gone: the file keeps its init from a false start
            self._await_file(phases.REVOKE, on_source=False)

    def _end(self, stays: str, goes: str) -> None:
        """Have one pod where the process is, and no other; returns when the other one's object is gone."""
        namespace, name = self._name
        going = self._pod_on(goes)
        if going is not None:
            self._api.annotate_pod(namespace, going.name, {DELETION_COST: "-1000"})
        self._api.label_node(stays, {node_label(self._key): LABEL_VALUE})
        self._api.scale(namespace, name, 1)
        self._wait(lambda: self._pod_on(goes) is None, _END_S, lambda: f"the pod on {goes} has not ended")
        self._api.label_node(goes, {node_label(self._key): None})
        self._api.annotate_deployment(namespace, name, {ANNOTATION: None})

    def _pods(self) -> list[Pod]:
        return self._api.pods(*self._name)

    def _pod_on(self, node: str) -> Pod | None:
        """The newest on a node."""
        return max((pod for pod in self._pods() if pod.node == node), key=lambda pod: pod.created, default=None)

    def _has_started(self, node: str) -> bool:
        pod = self._pod_on(node)
        return pod is not None and pod.running and not pod.ending

    def _is_ready(self, node: str) -> bool:
        pod = self._pod_on(node)
        return pod is not None and pod.ready and not pod.ending

    def _why_not(self, node: str) -> Callable[[], str]:
        def explain() -> str:
            unplaced = [pod for pod in self._pods() if pod.node in (node, "") and not pod.running]
            return "; ".join(pod.reason for pod in unplaced if pod.reason) or "no pod appeared there"

        return explain

    @staticmethod
    def _wait(condition: Callable[[], bool], timeout_s: float, explain: Callable[[], str]) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise ApiRefused(f"after {timeout_s:.0f} s {explain()}")
            time.sleep(_POLL_S)

    def _await_file(self, action: str, on_source: bool) -> None:
        request = Parameters(phases.AWAIT_FILE, self._key, action=action)
        (self._hosts.on_source if on_source else self._hosts.on_target)(request, Done)


@contextlib.contextmanager
def _failing(action: str) -> Any:
    """Name the action in what the cluster refused."""
    try:
        yield
    except ApiRefused as error:
        raise AnsibleActionFail(f"The cluster could not {action}: {error}.") from None


def _move_of(deployment: dict[str, Any]) -> Move | None:
    text = (deployment["metadata"].get("annotations") or {}).get(ANNOTATION)
    if text is None:
        return None
    try:
        return Move(**json.loads(text))
    except (ValueError, TypeError):
        raise ApiRefused(f"its annotation {ANNOTATION} is none of ours: {text}") from None


def _deployment_blockers(deployment: dict[str, Any], key: str) -> list[Blocker]:
    spec, pod = deployment["spec"], deployment["spec"]["template"]["spec"]
    found = []
    if spec.get("replicas", 1) != 1:
        found.append(
            Blocker(
                "deployment_replicas",
                f"Deployment '{key}' has {spec['replicas']} replicas; only the pod of one with a single replica moves",
                f"kubectl scale deployment/{key.partition('.')[2]} --replicas=1, or have Kubernetes start the others "
                "elsewhere",
            )
        )
    if (pod.get("nodeSelector") or {}).get(node_label(key)) != LABEL_VALUE:
        found.append(
            Blocker(
                "node_selector",
                f"The pods of Deployment '{key}' do not demand the node label {node_label(key)}={LABEL_VALUE}",
                "Deploy it with that nodeSelector; playbooks/deploy_nf.yml does",
            )
        )
    terms = ((pod.get("affinity") or {}).get("podAntiAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if not any(term.get("topologyKey") == "kubernetes.io/hostname" for term in terms or ()):
        found.append(
            Blocker(
                "anti_affinity",
                f"Two pods of Deployment '{key}' could be on one node, as it has no required anti-affinity",
                "Deploy it with a required podAntiAffinity of topology kubernetes.io/hostname to itself",
            )
        )
    probes = [(one.get("readinessProbe") or {}).get("exec", {}).get("command") for one in pod["containers"]]
    if [paths.INIT, "ready"] not in probes:
        found.append(
            Blocker(
                "readiness_probe",
                f"The readiness of Deployment '{key}' is not asked of its resident init, so that a pod without its "
                "process could count as ready",
                f"Deploy it with the readinessProbe exec: ['{paths.INIT}', 'ready']",
            )
        )
    return found


def _node_blockers(node: dict[str, Any] | None, name: str) -> list[Blocker]:
    if node is None:
        return [
            Blocker(
                "node_unknown",
                f"The cluster has no node '{name}'",
                "Set the variable kubernetes_node of the target host to the name that 'kubectl get nodes' shows",
            )
        ]
    ready = [one["status"] for one in node["status"].get("conditions", ()) if one["type"] == "Ready"]
    if ready != ["True"]:
        return [
            Blocker(
                "node_not_ready",
                f"The target node {name} is not Ready",
                f"'kubectl describe node {name}' says why; choose another target host",
            )
        ]
    if node["spec"].get("unschedulable"):
        return [
            Blocker(
                "node_cordoned",
                f"The target node {name} is cordoned, so that no pod is placed there",
                f"kubectl uncordon {name}, or choose another target host",
            )
        ]
    return []
