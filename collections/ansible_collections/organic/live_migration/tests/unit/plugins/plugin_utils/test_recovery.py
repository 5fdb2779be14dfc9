# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.plugin_utils.recovery import recover

SETTLED = {"migration_id": "1" * 16, "name": "upf", "role": "source", "peer": "edge-b", "outcome": "resumed"}
UNDECIDED = {"migration_id": "0" * 16, "name": "smf", "target_host": "edge-b"}


class Hosts:
    """One host, and the targets that it knows; each tells the outcome, or raises."""

    source = "edge-a"

    def __init__(self, found: dict[str, Any], **targets: str | Exception) -> None:
        self._found = {"ok": True, "settled": [], "in_doubt": [], "in_progress": [], **found}
        self._targets = targets
        self.asked: list[tuple[str, str]] = []
        self._target = ""

    def towards(self, target: str) -> Hosts:
        self._target = target
        if target not in self._targets:
            raise AnsibleActionFail(f"The target host '{target}' is not in the inventory.")
        return self

    def on_source(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(("source", arguments["phase"]))
        return self._found if arguments["phase"] == "recover" else {"ok": True}

    def on_target(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append((self._target, arguments["phase"]))
        answer = self._targets[self._target]
        if isinstance(answer, Exception):
            raise answer
        return {"ok": True, "outcome": answer}


def run(hosts: Hosts, dry_run: bool = False) -> dict[str, Any]:
    return recover(hosts, hosts.towards, dry_run)


def test_nothing_to_settle_changes_nothing() -> None:
    hosts = Hosts({"in_progress": [{"name": "nrf"}]})
    result = run(hosts)
    assert not result["changed"]
    assert result["in_progress"] == [{"name": "nrf"}]
    assert hosts.asked == [("source", "recover")]


def test_what_the_host_settles_alone_asks_nobody() -> None:
    hosts = Hosts({"settled": [SETTLED]})
    result = run(hosts)
    assert result["changed"]
    assert result["settled"] == [SETTLED]
    assert hosts.asked == [("source", "recover")]


@pytest.mark.parametrize("outcome", ["ran", "ended", "destroyed"])
def test_the_target_decides_what_was_committed(outcome: str) -> None:
    hosts = Hosts({"in_doubt": [UNDECIDED]}, **{"edge-b": outcome})
    result = run(hosts)
    assert result["changed"]
    assert result["decided"] == [{**UNDECIDED, "outcome": outcome}]
    assert hosts.asked == [("source", "recover"), ("edge-b", "outcome"), ("source", "settle")]


def test_one_that_cannot_be_asked_stays_and_the_others_are_settled() -> None:
    gone = AnsibleActionFail("Host 'edge-c' cannot be reached: timed out")
    other = {**UNDECIDED, "migration_id": "2" * 16, "name": "amf", "target_host": "edge-c"}
    unknown = {**UNDECIDED, "migration_id": "3" * 16, "name": "pcf", "target_host": "edge-d"}
    hosts = Hosts({"in_doubt": [other, unknown, UNDECIDED]}, **{"edge-b": "ran", "edge-c": gone})
    result = run(hosts)
    assert result["failed"]
    assert [one["name"] for one in result["decided"]] == ["smf"]
    assert [one["name"] for one in result["in_doubt"]] == ["amf", "pcf"]
    assert "'amf' stands frozen on edge-a until edge-c was asked" in result["msg"]
    assert "not in the inventory" in result["msg"]
    assert hosts.asked.count(("source", "settle")) == 1


def test_check_mode_asks_nobody() -> None:
    hosts = Hosts({"settled": [SETTLED], "in_doubt": [UNDECIDED]}, **{"edge-b": "ran"})
    result = run(hosts, dry_run=True)
    assert result["changed"]
    assert result["decided"] == [{**UNDECIDED, "outcome": "unknown"}]
    assert hosts.asked == [("source", "recover")]
