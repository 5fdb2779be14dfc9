# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a container runs, by what its hosts answer."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.filter.container_placement import FilterModule

RUNNING = {"status": "running", "migration_role": ""}
EXITED = {"status": "exited", "migration_role": ""}
ABSENT = {"status": "", "migration_role": ""}


def placement(found: dict[str, dict[str, Any]], target: str = "edge-b") -> dict[str, str]:
    result: dict[str, str] = FilterModule().filters()["container_placement"](found, "counter", target)
    return result


@pytest.mark.parametrize("there", [EXITED, ABSENT])
def test_the_host_where_it_runs(there: dict[str, Any]) -> None:
    assert placement({"edge-a": RUNNING, "edge-b": there}) == {
        "host": "edge-a", "problem": "", "message": "Container counter runs on edge-a and is moved to edge-b."
    }  # fmt: skip


def test_on_the_target_already_is_no_problem() -> None:
    found = placement({"edge-a": EXITED, "edge-b": RUNNING})
    assert (found["host"], found["problem"]) == ("edge-b", "")
    assert found["message"] == "Container counter runs on edge-b already; there is nothing to do."


@pytest.mark.parametrize(
    ("found", "target", "words"),
    [
        (
            {"edge-a": EXITED, "edge-b": ABSENT},
            "edge-b",
            ["on no host (edge-a: exited, edge-b: no container)", "Start it"],
        ),
        (
            {"edge-a": RUNNING, "edge-b": RUNNING},
            "edge-b",
            ["runs on edge-a and edge-b", "container_migration_recover"],
        ),
        ({"edge-a": RUNNING}, "nowhere", ["no host 'nowhere'", "Set target_host to one of: edge-a"]),
        ({"edge-a": RUNNING}, "", ["Set target_host to one of: edge-a"]),
        (
            {"edge-a": RUNNING, "edge-b": {"failed": True, "msg": "no engine"}},
            "edge-b",
            ["not known", "edge-b", "--limit"],
        ),
        (
            {"edge-a": {**RUNNING, "migration_role": "source"}, "edge-b": {**RUNNING, "migration_role": "target"}},
            "edge-b",
            ["is being migrated (edge-a: source, edge-b: target)", "container_migration_cancel"],
        ),
    ],
)
def test_what_cannot_be_moved_is_a_problem_with_its_remedy(
    found: dict[str, dict[str, Any]], target: str, words: list[str]
) -> None:
    result = placement(found, target)
    assert all(word in result["problem"] for word in words), result
    assert result["message"] == result["problem"]
