# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    HostMigrations,
    InDoubt,
    InProgress,
    NodeAnswer,
    NotRecovered,
    OutcomeAnswer,
    Parameters,
    Recovered,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.recovery import recover

RECOVERED = Recovered("1" * 16, "upf", "source", "edge-b", "running")
ENTRY = InDoubt("0" * 16, "smf", "edge-b")


class Hosts:
    """One host, and the targets that it knows; each reports the outcome, or raises."""

    engine = "docker"

    source = "edge-a"

    def __init__(self, found: HostMigrations, **targets: str | Exception) -> None:
        self._found = found
        self._targets = targets
        self.asked: list[tuple[str, str]] = []
        self._target = ""

    def towards(self, target: str) -> Hosts:
        self._target = target
        if target not in self._targets:
            raise AnsibleActionFail(f"The target host '{target}' is not in the inventory.")
        return self

    def on_source(self, parameters: Parameters, _answer: type) -> Any:
        self.asked.append(("source", parameters.phase))
        return self._found if parameters.phase == "recover" else OutcomeAnswer(parameters.outcome)

    def on(self, host: str, parameters: Parameters, _answer: type) -> NodeAnswer:
        assert (host, parameters.phase) == (self.source, "swarm_node")
        return NodeAnswer("", False)

    def on_target(self, parameters: Parameters, _answer: type) -> Any:
        self.asked.append((self._target, parameters.phase))
        answer = self._targets[self._target]
        if isinstance(answer, Exception):
            raise answer
        return OutcomeAnswer(answer)


def run(hosts: Hosts, dry_run: bool = False) -> dict[str, Any]:
    return recover(hosts, hosts.towards, dry_run, abandoned=True)


def test_nothing_to_recover_changes_nothing() -> None:
    entry = InProgress("2" * 16, "nrf", "source", "edge-b")
    hosts = Hosts(HostMigrations(in_progress=[entry]))
    result = run(hosts)
    assert not result["changed"]
    assert result["in_progress"] == [asdict(entry)]
    assert hosts.asked == [("source", "recover")]


def test_for_what_the_host_recovers_alone_no_other_is_asked() -> None:
    hosts = Hosts(HostMigrations([RECOVERED]))
    result = run(hosts)
    assert result["changed"]
    assert result["recovered"] == [asdict(RECOVERED)]
    assert hosts.asked == [("source", "recover")]


@pytest.mark.parametrize("outcome", ["running", "exited", "never_ran"])
def test_the_target_resolves_what_was_committed(outcome: str) -> None:
    hosts = Hosts(HostMigrations(in_doubt=[ENTRY]), **{"edge-b": outcome})
    result = run(hosts)
    assert result["changed"]
    assert result["resolved"] == [{**asdict(ENTRY), "outcome": outcome}]
    assert hosts.asked == [("source", "recover"), ("edge-b", "query_outcome"), ("source", "resolve")]


def test_one_that_cannot_be_asked_stays_in_doubt_and_the_others_are_resolved() -> None:
    gone = AnsibleActionFail("Host 'edge-c' cannot be reached: timed out")
    other = replace(ENTRY, migration_id="2" * 16, name="amf", target_host="edge-c")
    unknown = replace(ENTRY, migration_id="3" * 16, name="pcf", target_host="edge-d")
    hosts = Hosts(HostMigrations(in_doubt=[other, unknown, ENTRY]), **{"edge-b": "running", "edge-c": gone})
    result = run(hosts)
    assert result["failed"]
    assert [one["name"] for one in result["resolved"]] == ["smf"]
    assert [one["name"] for one in result["in_doubt"]] == ["amf", "pcf"]
    assert "'amf' stays frozen (in doubt) on edge-a until edge-c can be reached: Host" in result["msg"]
    assert "not in the inventory. Fix the cause and run this task again." in result["msg"]
    assert hosts.asked.count(("source", "resolve")) == 1


def test_what_could_not_be_recovered_fails_and_what_could_not_be_set_again_warns() -> None:
    broken = NotRecovered("4" * 16, "amf", "source", "The engine refused.")
    unreadable = NotRecovered("5" * 16, "", "target", "It is no record.")
    back = replace(RECOVERED, not_restored=["route default"])
    result = run(Hosts(HostMigrations([back], not_recovered=[broken, unreadable])))
    assert (result["failed"], result["recovered"]) == (True, [asdict(back)])
    assert "'amf' could not be recovered on edge-a: The engine refused." in result["msg"]
    assert f"Migration {'5' * 16} could not be recovered" in result["msg"]
    assert result["warnings"] == ["'upf' runs on edge-a again, but these could not be set again: route default."]


def test_check_mode_asks_no_target() -> None:
    hosts = Hosts(HostMigrations([RECOVERED], [ENTRY]), **{"edge-b": "running"})
    result = run(hosts, dry_run=True)
    assert result["changed"]
    assert result["resolved"] == [{**asdict(ENTRY), "outcome": "unknown"}]
    assert hosts.asked == [("source", "recover")]
