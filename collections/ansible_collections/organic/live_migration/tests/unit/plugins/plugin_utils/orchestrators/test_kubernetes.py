# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a Kubernetes cluster, and when. Cluster and hosts are fake; tests/kubernetes has a real one."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators import deployment
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.deployment import ANNOTATION
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import Pod, _pod_of
from ansible_collections.organic.live_migration.tests.unit.plugins.plugin_utils.orchestrators.fake_cluster import (
    MIGRATION,
    SPEC,
    Case,
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "POLL_S", 0.001)
    monkeypatch.setattr(deployment, "END_S", 0.01)


PLACED = [("edge-a", "hold"), ("edge-b", "await"), "annotate", ("edge-b", "label"), 2]


def test_the_await_files_are_there_before_the_second_pod_is() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    assert case.asked == PLACED
    assert case.api.found is not None
    assert json.loads(case.api.found["metadata"]["annotations"][ANNOTATION]) == {"source": "edge-a", "target": "edge-b"}


def test_after_the_commit_the_old_pod_goes_and_then_its_hold() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    case.api.at["edge-b"] = Pod("smf-2", "edge-b", "2", True, True, False, "")
    case.orchestrator.commit()
    rest = [("edge-b", "label"), 1, ("edge-a", "unlabel"), "clear", ("edge-a", "revoke")]
    assert case.asked == PLACED + rest
    assert list(case.api.at) == ["edge-b"]
    assert case.api.labels == {"edge-b"}


def test_a_commit_that_the_cluster_does_not_see_is_reported_and_recovered_later() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    with pytest.raises(AnsibleActionFail, match="is not ready"):
        case.orchestrator.commit()
    # later it moves on from there, and its host is the source
    back = Case.like(case, source="edge-b", target="edge-a")
    back.orchestrator.recover(SPEC)
    assert list(back.api.at) == ["edge-b"]
    assert back.asked[-2:] == [("edge-b", "revoke"), ("edge-a", "revoke")]


def test_a_move_between_other_nodes_is_not_ended() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    other = Case.like(case, source="edge-c", target="edge-b")
    with pytest.raises(AnsibleActionFail, match="from edge-a to edge-b, but the process runs on edge-c"):
        other.orchestrator.recover(SPEC)


@pytest.mark.parametrize("replicas", [0, 1, 3])
def test_who_scales_it_meanwhile_is_not_overruled(replicas: int) -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    assert case.api.found is not None
    case.api.found["spec"]["replicas"] = replicas
    del case.api.at["edge-b"]
    case.orchestrator.revert()
    assert case.api.found["spec"]["replicas"] == replicas
    assert ANNOTATION not in case.api.found["metadata"]["annotations"]


def test_one_that_is_scaled_at_the_same_time_is_left_alone() -> None:
    case = Case()
    assert case.api.found is not None
    case.api.found["spec"]["replicas"] = 5
    with pytest.raises(AnsibleActionFail, match="scaled it to 5"):
        case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    assert case.api.found["spec"]["replicas"] == 5


def test_a_deployment_that_was_deleted_leaves_no_label() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    case.api.found = None
    case.orchestrator.revert()
    assert case.api.labels == {"edge-a"}


def test_after_a_failure_the_new_pod_goes_before_its_await_file() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    case.orchestrator.revert()
    rest = [("edge-a", "revoke"), ("edge-a", "label"), 1, ("edge-b", "unlabel"), "clear", ("edge-b", "revoke")]
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
        case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    assert list(case.api.at) == ["edge-a"]
    assert case.asked[-1] == ("edge-b", "revoke")


def test_an_interrupted_move_ends_where_no_process_arrived() -> None:
    case = Case()
    case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    del case.asked[:]
    case.orchestrator.recover(SPEC)
    rest = [("edge-a", "label"), 1, ("edge-b", "unlabel"), "clear", ("edge-a", "revoke"), ("edge-b", "revoke")]
    assert case.asked == rest
    del case.asked[:]
    case.orchestrator.recover(SPEC)
    assert case.asked == []


def test_a_node_may_have_another_name_than_its_host() -> None:
    case = Case(edge_b="worker-2")
    case.api.starts = False
    case.api.at["worker-2"] = Pod("smf-2", "worker-2", "2", True, False, False, "")
    case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    assert ("worker-2", "label") in case.asked


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
