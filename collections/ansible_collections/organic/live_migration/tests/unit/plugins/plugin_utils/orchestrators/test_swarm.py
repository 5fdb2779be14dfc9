# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller asks about a service. The hosts are fakes: real ones are in check_swarm_refusals.py."""

from __future__ import annotations

from typing import Any, cast

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    Done,
    NodeAnswer,
    Parameters,
    SwarmAnswer,
)
from ansible_collections.organic.live_migration.plugins.module_utils.paths import INIT
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.swarm import SwarmOrchestrator

SPEC = ContainerSpec(
    "smf", "c0ffee", "nf", "sha256:0", INIT, "smf", "running", 7, "2026-01-01T00:00:00Z", service="smf"
)
MIGRATION = "00112233445566ff"
ENGINE = Blocker("engine_unreachable", "Docker does not answer", "Start it")
NO_QUORUM = Blocker("swarm_unreachable", "The Swarm does not answer", "Bring its managers back")


class Cluster:
    """Three hosts; the third is the manager."""

    source, target = "edge-a", "edge-b"

    def __init__(self) -> None:
        self.nodes = {
            "edge-a": NodeAnswer("node-a", False),
            "edge-b": NodeAnswer("node-b", False),
            "edge-c": NodeAnswer("node-c", True),
        }
        self.others = ["edge-c"]
        self.check = SwarmAnswer(notes=["A note."])
        self.recovery = SwarmAnswer()
        self.recovery_error = ""
        self.asked: list[tuple[str, str]] = []
        self.gone: set[str] = set()

    def on(self, host: str, parameters: Parameters, answer: type) -> Any:
        if host in self.gone:
            raise AnsibleActionFail(f"Host '{host}': Docker does not answer.")
        if answer is NodeAnswer:
            return self.nodes[host]
        if answer is Done:
            self.asked.append((host, parameters.action))
            return Done()
        assert answer is SwarmAnswer
        self.asked.append((host, parameters.action))
        if parameters.action == phases.CHECK:
            return self.check
        if self.recovery_error:
            raise AnsibleActionFail(self.recovery_error)
        return self.recovery

    def on_source(self, parameters: Parameters, answer: type) -> Any:
        return self.on(self.source, parameters, answer)

    def on_target(self, parameters: Parameters, answer: type) -> Any:
        return self.on(self.target, parameters, answer)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def orchestrator(cluster: Cluster) -> SwarmOrchestrator:
    return SwarmOrchestrator(cast(Hosts, cluster), 120)


def test_the_manager_checks_the_service_and_has_notes(cluster: Cluster) -> None:
    asked = orchestrator(cluster)
    asked.recover(SPEC)
    assert asked.blockers(SPEC) == []
    assert asked.notes == ["A note."]
    assert cluster.asked == [("edge-c", phases.RECOVER), ("edge-c", phases.CHECK)]


def test_a_move_that_was_reverted_leaves_no_await_files(cluster: Cluster) -> None:
    cluster.recovery = SwarmAnswer(done=phases.REVERT)
    orchestrator(cluster).recover(SPEC)
    assert cluster.asked[1:] == [("edge-a", phases.REVOKE), ("edge-b", phases.REVOKE)]


def test_without_a_manager_in_the_inventory_the_migration_is_refused(cluster: Cluster) -> None:
    cluster.nodes["edge-c"] = NodeAnswer("", False)
    asked = orchestrator(cluster)
    asked.recover(SPEC)
    assert [blocker.code for blocker in asked.blockers(SPEC)] == ["no_manager"]
    assert cluster.asked == []


def test_without_docker_on_the_target_the_migration_is_refused(cluster: Cluster) -> None:
    cluster.nodes["edge-b"] = NodeAnswer("", False, [ENGINE])
    asked = orchestrator(cluster)
    asked.recover(SPEC)
    assert asked.blockers(SPEC) == [ENGINE]
    assert cluster.asked == []


@pytest.mark.parametrize(
    ("target", "codes"),
    [
        (NodeAnswer("node-b", False, configurations={"core-node": ""}), []),
        (NodeAnswer("node-b", False), ["network_missing"]),
        (NodeAnswer("node-b", False, configurations={"core-node": "eth9"}), ["parent_missing"]),
        (NodeAnswer("", False), []),  # it is in no Swarm, which the manager tells
    ],
)
def test_the_target_node_must_have_what_the_network_is_made_from(
    cluster: Cluster, target: NodeAnswer, codes: list[str]
) -> None:
    cluster.nodes["edge-b"] = target
    cluster.check = SwarmAnswer(configurations={"core": "core-node"})
    assert [blocker.code for blocker in orchestrator(cluster).blockers(SPEC)] == codes


def test_without_a_quorum_the_migration_is_refused(cluster: Cluster) -> None:
    cluster.recovery_error = "The swarm does not have a leader."
    cluster.check = SwarmAnswer([NO_QUORUM])
    asked = orchestrator(cluster)
    asked.recover(SPEC)
    assert asked.blockers(SPEC) == [NO_QUORUM]


def test_a_former_move_that_does_not_end_fails_with_its_reason(cluster: Cluster) -> None:
    cluster.recovery_error = "A task has not ended within 60 s."
    cluster.check = SwarmAnswer([Blocker("service_moving", "Another move has not ended", "Wait for it")])
    with pytest.raises(AnsibleActionFail, match="has not ended within 60 s"):
        orchestrator(cluster).recover(SPEC)


def test_another_manager_ends_the_move_when_the_first_one_is_lost(cluster: Cluster) -> None:
    cluster.others = ["edge-c", "edge-d", "edge-e"]
    cluster.nodes.update({"edge-d": NodeAnswer("node-d", False), "edge-e": NodeAnswer("node-e", True)})
    asked = orchestrator(cluster)
    asked.place(SPEC, "edge-b", MIGRATION)
    cluster.gone = {"edge-c"}
    asked.commit()
    assert cluster.asked[-2:] == [("edge-c", phases.PLACE), ("edge-e", phases.COMMIT)]


def test_a_task_is_not_placed_twice(cluster: Cluster) -> None:
    """The manager that was lost may have done it."""
    cluster.others = ["edge-c", "edge-e"]
    cluster.nodes["edge-e"] = NodeAnswer("node-e", True)
    asked = orchestrator(cluster)
    assert asked.blockers(SPEC) == []
    cluster.gone = {"edge-c"}
    with pytest.raises(AnsibleActionFail, match="edge-c"):
        asked.place(SPEC, "edge-b", MIGRATION)
    asked.revert()
    assert ("edge-e", phases.PLACE) not in cluster.asked
    assert ("edge-e", phases.REVERT) in cluster.asked


def test_the_only_manager_is_lost(cluster: Cluster) -> None:
    asked = orchestrator(cluster)
    asked.place(SPEC, "edge-b", MIGRATION)
    cluster.gone = {"edge-c"}
    with pytest.raises(AnsibleActionFail, match="edge-c"):
        asked.commit()
