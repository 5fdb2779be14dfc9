# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evicts from a node of Kubernetes what is no NF, as often as its budgets allow it.

kubernetes.core.k8s_drain asks for each pod once: what a PodDisruptionBudget refuses at that moment stays on the node,
and is reported as evicted.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any, Protocol

from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_cluster import ApiError
from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_objects import NF_LABEL, node_label

_GONE = 404
_LATER = (409, 429)
"""The API server's answers to an eviction that a budget does not allow now, or that crosses another change."""
_ENDED = ("Succeeded", "Failed")
_POLL_S = 1.0


class Api(Protocol):
    """The API server."""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer."""


@dataclasses.dataclass(frozen=True)
class Pod:
    """A pod that may have to go.

    Attributes:
        stays: why it is not evicted; empty if it is.
        is_ending: it is being deleted.
    """

    namespace: str
    name: str
    uid: str
    stays: str
    is_ending: bool

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclasses.dataclass
class Evicted:
    """What became of the pods of a node.

    Attributes:
        evicted: those that went, as NAMESPACE/POD.
        left: those that are still there and should not be, each with the reason.
    """

    evicted: list[str] = dataclasses.field(default_factory=list)
    left: list[str] = dataclasses.field(default_factory=list)


def pods_to_go(api: Api, node: str) -> list[Pod]:
    """What is on a node and has no reason to be there once it is drained: no NF, and nothing of the node itself."""
    found = api.call("GET", f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}")["items"]
    return [_pod(one) for one in found if not _belongs_to_node(one) and not _is_bound_nf(one)]


def evict(api: Api, node: str, timeout_s: float) -> Evicted:
    """Evict them; returns when they are gone, or time is up."""
    deadline = time.monotonic() + timeout_s
    done = Evicted()
    refusals: dict[str, str] = {}
    asked: dict[str, Pod] = {}
    while True:
        there = pods_to_go(api, node)
        for pod in there:
            if not pod.stays and not pod.is_ending:
                asked[pod.uid] = pod
                refusals[pod.uid] = _ask(api, pod)
        going = [pod for pod in there if not pod.stays]
        if not going or time.monotonic() >= deadline:
            break
        time.sleep(_POLL_S)
    uids = {pod.uid for pod in there}
    done.evicted = sorted(str(pod) for uid, pod in asked.items() if uid not in uids)
    done.left = [f"{pod}: {pod.stays or refusals.get(pod.uid) or 'it has not ended'}" for pod in there]
    return done


def _ask(api: Api, pod: Pod) -> str:
    """Why a pod may not go yet; empty if it goes."""
    metadata = {"name": pod.name, "namespace": pod.namespace}
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": metadata,
        "deleteOptions": {"preconditions": {"uid": pod.uid}},
    }
    try:
        api.call("POST", f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction", body)
    except ApiError as error:
        if error.status == _GONE:
            return ""
        if error.status in _LATER:
            return str(error)
        raise
    return ""


def _is_bound_nf(pod: Mapping[str, Any]) -> bool:
    """It is where a label of its node says, and leaves by a migration; a floating NF is placed by the scheduler."""
    nf = (pod["metadata"].get("labels") or {}).get(NF_LABEL, "")
    return node_label(pod["metadata"]["namespace"], nf) in (pod["spec"].get("nodeSelector") or {})


def _belongs_to_node(pod: Mapping[str, Any]) -> bool:
    """It would be started again there (DaemonSet), is of the kubelet itself (static), or has ended."""
    owners = [one["kind"] for one in pod["metadata"].get("ownerReferences") or () if one.get("controller")]
    is_static = "kubernetes.io/config.mirror" in (pod["metadata"].get("annotations") or {})
    return "DaemonSet" in owners or is_static or pod.get("status", {}).get("phase") in _ENDED


def _pod(pod: Mapping[str, Any]) -> Pod:
    metadata = pod["metadata"]
    stays = ""
    if not any(one.get("controller") for one in metadata.get("ownerReferences") or ()):
        stays = "it belongs to nothing that would start it on another node; delete it, or deploy it as a Deployment"
    elif local := [one["name"] for one in pod["spec"].get("volumes") or () if "emptyDir" in one]:
        stays = f"its volume {', '.join(local)} (emptyDir) would be lost; delete the pod if that does not matter"
    is_ending = "deletionTimestamp" in metadata
    return Pod(metadata["namespace"], metadata["name"], metadata["uid"], stays if not is_ending else "", is_ending)
