# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

from tests.core.table import HEAD, REDEPLOYED, Row, comparison, markdown, write

MOVED = Row(
    "smf",
    "pre_copy",
    "edge-a",
    "edge-b",
    True,
    1234.0,
    30.4,
    {"sbi": 45.2, "n2": 0.0},
    {"registration: time-out": 2},
    deployment="docker over macvlan",
)
REFUSED = Row("scp", "hybrid", "edge-a", "edge-b", False, message="it did not", deployment="docker over macvlan")


def test_a_row_says_what_was_measured_and_what_was_not() -> None:
    assert MOVED.cells == ["docker over macvlan", "smf", "pre_copy", "1.23 s", "30.4", "45", "< 20", "", "", "2"]
    assert REFUSED.cells[3] == "not moved"
    assert REFUSED.cells[-1] == "it did not"
    assert len(MOVED.cells) == len(REFUSED.cells) == len(HEAD)


def test_the_files_agree(tmp_path: Path) -> None:
    write(tmp_path, [MOVED, REFUSED], ["200 UEs"], {"registrations": {"registrations_per_s": 101}})
    text = (tmp_path / "table.md").read_text()
    assert text == markdown([MOVED, REFUSED], ["200 UEs"])
    assert "| docker over macvlan | smf | pre_copy | 1.23 s |" in text
    with (tmp_path / "table.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [HEAD, MOVED.cells, REFUSED.cells]
    result = json.loads((tmp_path / "results.json").read_text())
    assert result["rows"][0]["process_downtime_ms"] == 30.4
    assert result["registrations"]["registrations_per_s"] == 101
    assert not list(tmp_path.glob("*.new"))


def test_deployments_are_columns_of_the_comparison() -> None:
    swarm = replace(MOVED, deployment="swarm over macvlan", process_downtime_ms=31.0)
    overlay = replace(MOVED, deployment="swarm over overlay", completed=False)
    redeployed = replace(overlay, strategy=REDEPLOYED, completed=True, process_downtime_ms=None)
    lines = comparison([MOVED, swarm, overlay, redeployed])
    assert [name.partition(":")[0] for name in lines[0][2:]] == [
        "docker over macvlan",
        "swarm over macvlan",
        "swarm over overlay",
    ]
    assert lines[2:] == [
        ["smf", "pre_copy", "30.4 (1.23)", "31.0 (1.23)", "not moved"],
        ["smf", "redeployed", "", "", "2 failed, gap 45 (1.23)"],
    ]
    assert redeployed.cells[2:5] == ["redeployed", "1.23 s", ""]
    assert "By orchestrator and network" in markdown([MOVED, swarm], [])
    assert "By orchestrator and network" not in markdown([MOVED], [])
