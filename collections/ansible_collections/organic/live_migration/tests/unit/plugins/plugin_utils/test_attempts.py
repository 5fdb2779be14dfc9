# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which strategy moves a process whose clone is lost, and what is reported of the attempts before."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.plugin_utils import attempts

PARTED = {"flow": "tcp 192.0.2.7:4711 > 7000", "offset": 600, "source": "5f", "clone": "14"}
MOVED = {"changed": True, "migration": {"outcome": "completed"}, "warnings": ["slow"]}
VOID = {
    "failed": True,
    "msg": "The clone parted from the process.",
    "details": {"clone_void": "diverged", "divergence": PARTED},
    "migration": {"outcome": "rolled_back"},
}
BROKEN = {"failed": True, "msg": "The link broke.", "details": {}, "migration": {"outcome": "rolled_back"}}


def run(results: list[dict[str, Any]], **arguments: Any) -> tuple[dict[str, Any], list[Any]]:
    tried: list[Any] = []

    class Migration:
        def __init__(self, given: Any) -> None:
            tried.append(given["strategy"])

        def migrate(self) -> dict[str, Any]:
            result = results.pop(0)
            return {**result, "migration": dict(result.get("migration", {}))}

    make: Any = Migration
    return attempts.migrate(make, {"strategy": "ppm", "ppm_attempts": 3, **arguments}), tried


def test_a_clone_that_takes_over_is_the_end_of_it() -> None:
    result, tried = run([MOVED])
    assert tried == ["ppm"]
    assert result["migration"]["attempts"] == []
    assert result["warnings"] == ["slow"]


def test_another_clone_is_made_and_the_user_hears_why() -> None:
    result, tried = run([VOID, MOVED])
    assert tried == ["ppm", "ppm"]
    [void] = result["migration"]["attempts"]
    assert (void["reason"], void["divergence"]) == ("diverged", PARTED)
    assert result["warnings"] == ["slow", "1 clone was given up. The last one: The clone parted from the process."]


def test_at_last_pre_copy_moves_it() -> None:
    result, tried = run([VOID, VOID, MOVED], ppm_attempts=2)
    assert tried == ["ppm", "ppm", "pre_copy"]
    assert result["changed"]
    assert "2 clones were given up; strategy pre_copy moved the process." in result["warnings"][1]


@pytest.mark.parametrize("last", [BROKEN, {"failed": True, "msg": "Refused.", "blockers": []}])
def test_any_other_failure_is_not_repeated(last: dict[str, Any]) -> None:
    result, tried = run([VOID, last, MOVED])
    assert tried == ["ppm", "ppm"]
    assert result["failed"]


@pytest.mark.parametrize("strategy", ["pre_copy", "auto"])
def test_other_strategies_have_one_attempt(strategy: str) -> None:
    result, tried = run([{**MOVED, "migration": {}}], strategy=strategy)
    assert tried == [strategy]
    assert "attempts" not in result["migration"]
