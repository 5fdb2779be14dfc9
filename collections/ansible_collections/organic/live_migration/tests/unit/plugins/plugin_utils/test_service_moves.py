# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host ends which move of a service. The hosts are fakes: tests/migration/test_swarm_faults.py has real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.engines.swarm import ServiceMove
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    Done,
    HostMigrations,
    InProgress,
    MovesAnswer,
    NodeAnswer,
    Parameters,
    SwarmAnswer,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils import recovery, service_moves

COMMAND = (paths.INIT, "--name", "smf", "--", "smf")
MOVE = ServiceMove("smf", COMMAND, "node-a", "node-b", "a", "b", source_is_ready=True, has_arrived=True)
NODES = {"edge-a": NodeAnswer("node-a", True), "edge-b": NodeAnswer("node-b", False), "edge-c": NodeAnswer("", False)}


class Hosts:
    """Three hosts, two of which are nodes; the manager knows the moves."""

    engine = "docker"

    def __init__(self, source: str, *moves: ServiceMove, found: HostMigrations | None = None) -> None:
        self.source = source
        self.asked: list[tuple[str, str, str]] = []
        self.gone: set[str] = set()
        self._moves = moves
        self._found = found or HostMigrations(node=NODES[source].node, is_manager=NODES[source].is_manager)

    @property
    def others(self) -> list[str]:
        return [host for host in NODES if host != self.source]

    def on_source(self, _parameters: Parameters, _answer: type) -> Any:
        return self._found

    def on(self, host: str, parameters: Parameters, answer: type) -> Any:
        if host in self.gone:
            raise AnsibleActionFail(f"Host '{host}' cannot be reached")
        self.asked.append((host, parameters.phase, parameters.action))
        if answer is NodeAnswer:
            return NODES[host]
        if answer is MovesAnswer:
            return MovesAnswer(list(self._moves))
        if answer is SwarmAnswer:
            return SwarmAnswer(done="commit" if self._moves[0].has_arrived else "revert")
        return Done()


def recover(hosts: Hosts, dry_run: bool = False) -> dict[str, Any]:
    made = cast(service_moves.Hosts, hosts)
    return recovery.recover(made, lambda _target: made, dry_run, abandoned=True)


@pytest.mark.parametrize(("has_arrived", "outcome"), [(True, "running"), (False, "never_ran")])
def test_the_source_host_ends_a_move_and_its_await_files(has_arrived: bool, outcome: str) -> None:
    hosts = Hosts("edge-a", replace(MOVE, has_arrived=has_arrived))
    result = recover(hosts)
    assert (result["changed"], result.get("failed", False)) == (True, False)
    assert result["services"] == [{"name": "smf", "source_node": "a", "target_node": "b", "outcome": outcome}]
    changes = [asked for asked in hosts.asked if asked[2]]
    assert changes == [
        ("edge-a", "swarm_service", "recover"),
        ("edge-a", "await_file", "revoke"),
        ("edge-b", "await_file", "revoke"),
    ]


def test_a_worker_asks_the_manager() -> None:
    hosts = Hosts("edge-b", replace(MOVE, source="node-b", target="node-a"))
    assert [move["outcome"] for move in recover(hosts)["services"]] == ["running"]
    assert ("edge-a", "swarm_service", "recover") in hosts.asked


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_target_host_leaves_it_to_the_source_host(dry_run: bool) -> None:
    hosts = Hosts("edge-b", MOVE)
    result = recover(hosts, dry_run)
    assert (result["services"], result["changed"]) == ([], False)


def test_the_target_host_ends_it_when_the_source_node_is_gone_and_the_process_has_arrived() -> None:
    gone = replace(MOVE, source_is_ready=False)
    hosts = Hosts("edge-b", gone)
    hosts.gone.add("edge-c")
    assert [move["outcome"] for move in recover(hosts)["services"]] == ["running"]
    result = recover(Hosts("edge-b", replace(gone, has_arrived=False)))
    assert result["failed"]
    assert "Service 'smf' was to move from the node a, which the Swarm has lost contact with" in result["msg"]


@pytest.mark.parametrize(
    "found",
    [
        HostMigrations(supervised=["smf"], node="node-a", is_manager=True),
        HostMigrations(in_progress=[InProgress("0" * 16, "smf", "source", "edge-b")], node="node-a", is_manager=True),
    ],
)
def test_a_move_in_progress_is_left_alone(found: HostMigrations) -> None:
    hosts = Hosts("edge-a", MOVE, found=found)
    assert recover(hosts)["services"] == []
    assert not [asked for asked in hosts.asked if asked[2]]


def test_check_mode_changes_nothing() -> None:
    hosts = Hosts("edge-a", MOVE)
    result = recover(hosts, dry_run=True)
    assert result["changed"]
    assert [move["outcome"] for move in result["services"]] == ["running"]
    assert not [asked for asked in hosts.asked if asked[2]]


def test_without_a_manager_it_is_not_known() -> None:
    hosts = Hosts("edge-b", MOVE)
    hosts.gone.add("edge-a")
    result = recover(hosts)
    assert not result.get("failed")
    assert result["warnings"] == [
        "Whether a service was to move away from edge-b is not known: No host of the inventory is a manager of its "
        "Docker Swarm."
    ]


def test_a_host_in_no_swarm_asks_nobody() -> None:
    hosts = Hosts("edge-c", MOVE)
    assert recover(hosts)["services"] == []
    assert hosts.asked == []
