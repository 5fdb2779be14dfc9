# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a Kubernetes cluster, and when. Cluster and hosts are fake; tests/kubernetes has a real one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import Done, Parameters
from ansible_collections.organic.live_migration.plugins.module_utils.paths import INIT
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators import kubernetes
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes import (
    ANNOTATION,
    KubernetesOrchestrator,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import (
    ApiRefused,
    Pod,
    _pod_of,
)

KEY = "core.smf"
LABEL = f"organic.core5g/{KEY}"
SPEC = ContainerSpec(KEY, f"{KEY}@7:9", "pod", "pod", INIT, KEY, "running", 7, "2026-01-01T00:00:00Z", service=KEY)
DEPLOYMENT: dict[str, Any] = {
    "metadata": {"annotations": {}},
    "spec": {
        "replicas": 1,
        "template": {
            "spec": {
                "nodeSelector": {LABEL: "here"},
                "affinity": {
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}]
                    }
                },
                "containers": [{"readinessProbe": {"exec": {"command": [INIT, "ready"]}}}],
            }
        },
    },
}
NODE: dict[str, Any] = {"spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


class Hosts:
    """The hosts, which keep what their await files were to be."""

    source, target, engine = "edge-a", "edge-b", "kubernetes"

    def __init__(self, asked: list[Any], node_names: dict[str, str]) -> None:
        self._asked = asked
        self._node_names = node_names

    def variable(self, _name: str, host: str = "") -> str:
        return self._node_names.get(host, "")

    def on_source(self, parameters: Parameters, _kind: type) -> Done:
        self._asked.append((self.source, parameters.action))
        return Done()

    def on_target(self, parameters: Parameters, _kind: type) -> Done:
        self._asked.append((self.target, parameters.action))
        return Done()


class Api:
    """A cluster that does at once what it is asked."""

    def __init__(self, asked: list[Any]) -> None:
        self.asked = asked
        self.found: dict[str, Any] | None = copy.deepcopy(DEPLOYMENT)
        self.target: dict[str, Any] | None = copy.deepcopy(NODE)
        self.missing: list[str] = []
        self.labels = {"edge-a"}
        self.at = {"edge-a": Pod("smf-1", "edge-a", "1", True, True, False, "")}
        self.starts = True
        self.costs: dict[str, str] = {}

    def deployment(self, *_name: str) -> dict[str, Any] | None:
        return self.found

    def node(self, _name: str) -> dict[str, Any] | None:
        return self.target

    def missing_rights(self, _namespace: str) -> list[str]:
        return self.missing

    def pods(self, *_name: str) -> list[Pod]:
        return list(self.at.values())

    def annotate_deployment(self, *arguments: Any) -> None:
        assert self.found is not None
        annotations = self.found["metadata"]["annotations"]
        for name, value in arguments[-1].items():
            annotations.pop(name, None)
            if value is not None:
                annotations[name] = value
        self.asked.append("annotate" if annotations else "clear")

    def annotate_pod(self, _namespace: str, name: str, annotations: dict[str, str]) -> None:
        self.costs[name] = annotations["controller.kubernetes.io/pod-deletion-cost"]

    def label_node(self, name: str, labels: dict[str, str | None]) -> None:
        [value] = labels.values()
        (self.labels.add if value else self.labels.discard)(name)
        self.asked.append((name, "label" if value else "unlabel"))

    def scale(self, _namespace: str, _name: str, replicas: int) -> None:
        self.asked.append(replicas)
        if replicas == 2 and self.starts:
            self.at["edge-b"] = Pod("smf-2", "edge-b", "2", True, False, False, "")
        elif replicas == 2:
            self.at["edge-b"] = Pod("smf-2", "edge-b", "2", False, False, False, "ErrImageNeverPull: no such image")
        elif replicas == 1 and len(self.at) == 2:
            [goes] = [pod for pod in self.at.values() if pod.name in self.costs]
            del self.at[goes.node]


class Case:
    """An orchestrator with its fakes."""

    def __init__(self, **node_names: str) -> None:
        self.asked: list[Any] = []
        self.api = Api(self.asked)
        names = {host.replace("_", "-"): node for host, node in node_names.items()}
        self.orchestrator = KubernetesOrchestrator(Hosts(self.asked, names), 120, self.api)

    def codes(self) -> list[str]:
        return [blocker.code for blocker in self.orchestrator.blockers(SPEC)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "_POLL_S", 0.001)
    monkeypatch.setattr(kubernetes, "_END_S", 0.01)


PLACED = [("edge-a", "hold"), ("edge-b", "await"), "annotate", ("edge-b", "label"), 2]


def test_the_await_files_are_there_before_the_second_pod_is() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b")
    assert case.asked == PLACED
    assert case.api.found is not None
    assert json.loads(case.api.found["metadata"]["annotations"][ANNOTATION]) == {"source": "edge-a", "target": "edge-b"}


def test_after_the_commit_the_old_pod_goes_and_then_its_hold() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b")
    case.api.at["edge-b"] = Pod("smf-2", "edge-b", "2", True, True, False, "")
    case.orchestrator.commit()
    rest = [("edge-b", "label"), 1, ("edge-a", "unlabel"), "clear", ("edge-a", "revoke")]
    assert case.asked == PLACED + rest
    assert list(case.api.at) == ["edge-b"]
    assert case.api.labels == {"edge-b"}


def test_a_commit_that_the_cluster_does_not_see_is_reported_and_recovered_later() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b")
    with pytest.raises(AnsibleActionFail, match="is not ready"):
        case.orchestrator.commit()
    case.api.at["edge-b"] = Pod("smf-2", "edge-b", "2", True, True, False, "")
    case.orchestrator.recover(SPEC)
    assert list(case.api.at) == ["edge-b"]
    assert case.asked[-1] == ("edge-a", "revoke")


def test_after_a_failure_the_new_pod_goes_before_its_await_file() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b")
    case.orchestrator.revert()
    rest = [("edge-a", "label"), 1, ("edge-b", "unlabel"), "clear", ("edge-a", "revoke"), ("edge-b", "revoke")]
    assert case.asked == PLACED + rest
    assert list(case.api.at) == ["edge-a"]


def test_what_was_not_placed_is_not_reverted() -> None:
    case = Case()
    case.orchestrator.revert()
    assert case.asked == []


def test_a_pod_that_does_not_start_is_taken_back_with_its_reason() -> None:
    case = Case()
    case.api.starts = False
    case.orchestrator._timeout_s = 0
    with pytest.raises(AnsibleActionFail, match="ErrImageNeverPull: no such image"):
        case.orchestrator.place(SPEC, "edge-b")
    assert list(case.api.at) == ["edge-a"]
    assert case.asked[-1] == ("edge-b", "revoke")


def test_an_interrupted_move_ends_where_no_process_arrived() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b")
    del case.asked[:]
    case.orchestrator.recover(SPEC)
    assert case.asked == [("edge-a", "label"), 1, ("edge-b", "unlabel"), "clear", ("edge-b", "revoke")]
    del case.asked[:]
    case.orchestrator.recover(SPEC)
    assert case.asked == []


def test_a_node_may_have_another_name_than_its_host() -> None:
    case = Case(edge_b="worker-2")
    case.api.starts = False
    case.api.at["worker-2"] = Pod("smf-2", "worker-2", "2", True, False, False, "")
    case.orchestrator.place(SPEC, "edge-b")
    assert ("worker-2", "label") in case.asked


def test_nothing_is_in_the_way() -> None:
    assert Case().codes() == []


def test_the_deployment_must_fit() -> None:
    case = Case()
    case.api.found = None
    assert case.codes() == ["deployment_unknown"]
    case.api.found = {"metadata": {}, "spec": {"replicas": 3, "template": {"spec": {"containers": [{}]}}}}
    assert case.codes() == ["deployment_replicas", "node_selector", "anti_affinity", "readiness_probe"]


@pytest.mark.parametrize(
    ("node", "code"),
    [
        (None, "node_unknown"),
        ({"spec": {}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, "node_not_ready"),
        ({**NODE, "spec": {"unschedulable": True}}, "node_cordoned"),
    ],
)
def test_the_target_node_must_take_pods(node: dict[str, Any] | None, code: str) -> None:
    case = Case()
    case.api.target = node
    assert case.codes() == [code]


def test_rights_and_reachability_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case()
    case.api.missing = ["patch nodes"]
    [blocker] = case.orchestrator.blockers(SPEC)
    assert (blocker.code, "patch nodes" in blocker.message) == ("rights_missing", True)

    def refuse(*_name: str) -> None:
        raise ApiRefused("connection refused")

    monkeypatch.setattr(case.api, "deployment", refuse)
    assert case.codes() == ["api_unreachable"]


def test_a_foreign_annotation_is_named() -> None:
    case = Case()
    assert case.api.found is not None
    case.api.found["metadata"]["annotations"][ANNOTATION] = "soon"
    with pytest.raises(AnsibleActionFail, match="none of ours"):
        case.orchestrator.recover(SPEC)


def test_a_pod_is_read_from_what_the_api_server_says() -> None:
    item = {
        "metadata": {"name": "smf-2", "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "x"},
        "spec": {"nodeName": "edge-b"},
        "status": {
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}],
        },
    }
    pod = _pod_of(item)
    assert (pod.running, pod.ready, pod.ending, pod.reason) == (False, False, True, "ErrImagePull: not found")
    unplaced = _pod_of(
        {
            "metadata": {"name": "smf-3", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {},
            "status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/2 nodes"}]},
        }
    )
    assert (unplaced.node, unplaced.running, unplaced.reason) == ("", False, "0/2 nodes")
