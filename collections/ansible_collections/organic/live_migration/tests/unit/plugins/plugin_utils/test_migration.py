# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller asks of the two hosts, whatever they answer. Played here; tests/faults has real hosts."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.plugin_utils.migration import Migration

ARGUMENTS = {
    "name": "smf",
    "target_host": "edge-b",
    "target_address": None,
    "memory_reserve_mb": 256,
    "shared_volumes": [],
    "timeout_s": 120,
    "strategy": "inter_copy",
    "method": "resident",
}
LOOK = {"ok": True, "undecided": [], "reasons": [], "source": {}, "engine_id": "a", "memory_bytes": 1, "processes": 1}
BROKEN = {"ok": False, "message": "The connection to the other host broke.", "details": {}}
UNDECIDED = {"migration_id": "0" * 16, "name": "smf", "target_host": "edge-b"}
UNREACHABLE = AnsibleActionFail("Host 'edge-b' cannot be reached: timed out")


class Hosts:
    """Answers by phase: a result, an exception, or a list of these for one call after the other."""

    source, target = "edge-a", "edge-b"

    def __init__(self, **answers: Any) -> None:
        self._answers = {"look": LOOK, "prepare": {"ok": True, "reasons": [], "port": 7}, "settle": {"ok": True},
                         "withdraw": {"ok": True}, **answers}  # fmt: skip
        self.asked: list[tuple[str, str]] = []

    def on_source(self, **arguments: Any) -> dict[str, Any]:
        return self._answer("source", arguments)

    def on_target(self, **arguments: Any) -> dict[str, Any]:
        return self._answer("target", arguments)

    def _answer(self, side: str, arguments: dict[str, Any]) -> dict[str, Any]:
        phase = arguments["phase"]
        self.asked.append((side, phase))
        answer = self._answers[phase]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    @staticmethod
    def target_addresses(_wanted: str | None) -> list[str]:
        return ["192.0.2.12"]


def migrate(hosts: Hosts, **arguments: Any) -> dict[str, Any]:
    return Migration(hosts, {**ARGUMENTS, **arguments}).migrate()


def test_after_a_failure_the_target_takes_away_what_it_prepared() -> None:
    hosts = Hosts(migrate=BROKEN)
    result = migrate(hosts)
    assert result["failed"]
    assert result["msg"] == "The connection to the other host broke. The container runs on edge-a as before."
    assert result["migration"]["status"] == "failed"
    assert hosts.asked[-1] == ("target", "withdraw")


def test_a_target_that_cannot_take_it_away_does_not_hide_the_reason() -> None:
    result = migrate(Hosts(migrate=BROKEN, withdraw=UNREACHABLE))
    assert result["failed"]
    assert "The connection to the other host broke." in result["msg"]
    assert "ends by itself after 120 s" in result["msg"]


@pytest.mark.parametrize(("outcome", "words"), [("ran", "runs there"), ("destroyed", "runs on here")])
def test_a_break_at_the_commit_is_decided_by_the_target(outcome: str, words: str) -> None:
    hosts = Hosts(migrate={**BROKEN, "undecided": True}, outcome={"ok": True, "outcome": outcome})
    result = migrate(hosts)
    assert result["failed"]
    assert result["msg"].endswith(f"The target was asked: the process {words}.")
    assert hosts.asked[-2:] == [("target", "outcome"), ("source", "settle")]


def test_a_target_that_cannot_be_asked_leaves_the_source_frozen_and_says_so() -> None:
    hosts = Hosts(migrate={**BROKEN, "undecided": True}, outcome=UNREACHABLE)
    result = migrate(hosts)
    assert result["failed"]
    assert "on edge-a it stands frozen until it was asked. Run this again" in result["msg"]
    assert ("source", "settle") not in hosts.asked
    assert ("target", "withdraw") not in hosts.asked


def test_the_next_run_settles_first() -> None:
    hosts = Hosts(
        look=[{**LOOK, "undecided": [UNDECIDED]}, LOOK], outcome={"ok": True, "outcome": "ran"}, migrate=BROKEN
    )
    migrate(hosts)
    assert hosts.asked[:4] == [("source", "look"), ("target", "outcome"), ("source", "settle"), ("source", "look")]


def test_only_the_host_that_knows_is_asked() -> None:
    """Any other would say that it has no such process, and a second copy would come to life."""
    hosts = Hosts(look={**LOOK, "undecided": [{**UNDECIDED, "target_host": "edge-c"}]})
    with pytest.raises(AnsibleActionFail, match=r"stands frozen on edge-a.*Use target_host edge-c"):
        migrate(hosts)
    assert hosts.asked == [("source", "look")]


def test_reasons_of_either_host_end_it_before_anything_is_touched() -> None:
    reason = {"code": "terminal", "message": "It has a terminal", "remedy": "Start it without -t"}
    for hosts in (Hosts(look={**LOOK, "reasons": [reason]}), Hosts(prepare={"ok": True, "reasons": [reason]})):
        result = migrate(hosts)
        assert result["failed"]
        assert result["msg"] == "Not migrated, nothing was touched: It has a terminal. Start it without -t."
        assert ("source", "migrate") not in hosts.asked


def test_no_time_is_refused_at_once() -> None:
    hosts = Hosts()
    with pytest.raises(AnsibleActionFail, match="timeout_s must be at least 1"):
        migrate(hosts, timeout_s=0)
    assert hosts.asked == []
