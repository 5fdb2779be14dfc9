# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The move of a Deployment's one pod, by a label of the nodes and by its scale.

Its template demands the node label ``organic.core5g/KEY=here`` and no second pod on the same node. So with the label on
the target node and a scale of 2, the Deployment starts the second pod there; with a scale of 1 it ends the pod that is
to go, whose cost of deletion is the lower one. Template and revision stay as they are, and whoever else writes them
(GitOps, Helm) finds nothing to change back. What was asked of the cluster is in an annotation of the Deployment until
it is done. Somebody who scales it meanwhile is never overruled.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from ansible_collections.organic.live_migration.plugins.module_utils import decoded, typed
from ansible_collections.organic.live_migration.plugins.module_utils.decoded import JsonObject
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import (
    ApiRefused,
    KubernetesApi,
    Pod,
)

ANNOTATION = "organic.live-migration/move"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
LABEL_VALUE = "here"
END_S = 60.0
POLL_S = 0.2


def node_label(key: str) -> str:
    """The label of the nodes where the pod of a Deployment may be; ``key`` is NAMESPACE.DEPLOYMENT."""
    return f"organic.core5g/{key}"


@dataclass(frozen=True)
class Move:
    """What was asked of the cluster and is not done yet: names of nodes."""

    source: str
    target: str


def move_of(deployment: JsonObject) -> Move | None:
    """The move that a Deployment is in.

    Raises:
        ApiRefused: its annotation is none of ours.
    """
    text = decoded.labels(deployment, "metadata", "annotations").get(ANNOTATION)
    if text is None:
        return None
    try:
        return typed.from_dict(Move, json.loads(text))
    except ValueError:
        raise ApiRefused(f"its annotation {ANNOTATION} is none of ours: {text}") from None


class DeploymentMove:
    """Starts and ends the pods of one Deployment.

    Every method raises ApiRefused when the cluster refuses, or does not do what it was asked within its time.

    Args:
        key: NAMESPACE.DEPLOYMENT.
    """

    def __init__(self, api: KubernetesApi, key: str) -> None:
        self._api = api
        self._key = key
        self.namespace, _dot, self.name = key.partition(".")

    def unfinished(self) -> Move | None:
        """The move that an earlier migration began and did not end."""
        deployment = self._api.deployment(self.namespace, self.name)
        return None if deployment is None else move_of(deployment)

    def begin(self, move: Move, timeout_s: float) -> None:
        """Have a second pod run on the target node."""
        self._api.annotate_deployment(self.namespace, self.name, {ANNOTATION: json.dumps(asdict(move))})
        self._api.label_node(move.target, {node_label(self._key): LABEL_VALUE})
        if not self._api.scale(self.namespace, self.name, 2, expected=1):
            raise ApiRefused(f"somebody else has scaled it to {self._replicas()} meanwhile")
        self._wait(lambda: self._has_started(move.target), timeout_s, self._why_not(move.target))

    def await_ready(self, node: str) -> None:
        """Wait until the pod on a node is ready."""
        self._wait(lambda: self._is_ready(node), END_S, lambda: f"the pod on {node} is not ready; {self._scale_now()}")

    def end(self, stays: str, goes: str) -> None:
        """Have one pod where the process is, and no other; returns when the others' objects are gone.

        Args:
            stays, goes: nodes.
        """
        namespace, name = self.namespace, self.name
        if self._api.deployment(namespace, name) is None:
            self._api.label_node(goes, {node_label(self._key): None})
            return  # the cluster removes the pods of a Deployment that was deleted
        for pod in self._pods_on(goes):
            self._api.annotate_pod(namespace, pod.name, {DELETION_COST: "-1000"})
        self._api.label_node(stays, {node_label(self._key): LABEL_VALUE})
        self._api.scale(namespace, name, 1, expected=2)
        self._wait(
            lambda: not self._pods_on(goes), END_S, lambda: f"the pod on {goes} has not ended; {self._scale_now()}"
        )
        self._api.label_node(goes, {node_label(self._key): None})
        self._api.annotate_deployment(namespace, name, {ANNOTATION: None})

    def _replicas(self) -> int:
        deployment = self._api.deployment(self.namespace, self.name)
        return 0 if deployment is None else decoded.number(deployment, "spec", "replicas", default=1)

    def _scale_now(self) -> str:
        return f"the Deployment has {self._replicas()} replicas"

    def _pods_on(self, node: str) -> list[Pod]:
        return [pod for pod in self._api.pods(self.namespace, self.name) if pod.node == node]

    def _pod_on(self, node: str) -> Pod | None:
        """The newest on a node."""
        return max(self._pods_on(node), key=lambda pod: pod.created, default=None)

    def _has_started(self, node: str) -> bool:
        pod = self._pod_on(node)
        return pod is not None and pod.running and not pod.ending

    def _is_ready(self, node: str) -> bool:
        pod = self._pod_on(node)
        return pod is not None and pod.ready and not pod.ending

    def _why_not(self, node: str) -> Callable[[], str]:
        def explain() -> str:
            pods = self._api.pods(self.namespace, self.name)
            unplaced = [pod for pod in pods if pod.node in (node, "") and not pod.running]
            return "; ".join(pod.reason for pod in unplaced if pod.reason) or "no pod appeared there"

        return explain

    @staticmethod
    def _wait(condition: Callable[[], bool], timeout_s: float, explain: Callable[[], str]) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise ApiRefused(f"after {timeout_s:.0f} s {explain()}")
            time.sleep(POLL_S)
