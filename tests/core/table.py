# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of `make core`: NF by strategy, and by deployment, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

REDEPLOYED = "redeployed"
"""In place of a strategy: the NF was removed and deployed on the other host, without what it held in memory."""
INTERFACES = ("sbi", "n2", "n3", "procedures")
"""Columns of the gaps: the SBI of the NF that moves, NGAP, pings of the UEs, answers of any procedure."""


@dataclass(frozen=True)
class Row:
    """One migration under load, or one redeployment. Milliseconds; a gap of 0.0 is one below 20 ms."""

    nf: str
    strategy: str
    source: str
    target: str
    completed: bool
    migration_time_ms: float = 0.0
    process_downtime_ms: float | None = None
    gap_ms: dict[str, float] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    message: str = ""
    deployment: str = ""

    @property
    def cells(self) -> list[str]:
        gaps = [_gap(self.gap_ms[name]) if name in self.gap_ms else "" for name in INTERFACES]
        if not self.completed:
            return [self.deployment, self.nf, self.strategy, "not moved", "", *gaps, self.message]
        downtime = "" if self.process_downtime_ms is None else f"{self.process_downtime_ms:.1f}"
        times = [f"{self.migration_time_ms / 1000:.2f} s", downtime]
        return [self.deployment, self.nf, self.strategy, *times, *gaps, str(self.failures)]

    @property
    def failures(self) -> int:
        """How many procedures failed meanwhile."""
        return sum(self.failed.values())

    @property
    def compared(self) -> str:
        """In the table that compares deployments."""
        time = f"({self.migration_time_ms / 1000:.2f})"
        if self.process_downtime_ms is not None:
            return f"{self.process_downtime_ms:.1f} {time}"
        return f"{self.failures} failed, gap {_gap(max(self.gap_ms.values(), default=0.0))} {time}"


HEAD = [
    "deployment",
    "NF",
    "strategy",
    "migration time",
    "downtime ms",
    *(f"gap {name} ms" for name in INTERFACES),
    "failed",
]


def _gap(milliseconds: float) -> str:
    return f"{milliseconds:.0f}" if milliseconds else "< 20"


def markdown(rows: Sequence[Row], notes: Sequence[str]) -> str:
    """The table, with the notes below it."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells for row in rows)]
    parts = [f"# Migration of each NF under load\n\n{_table(lines)}", "".join(f"- {note}\n" for note in notes)]
    if len({row.deployment for row in rows}) > 1:
        parts.insert(1, f"## By orchestrator and network\n\n{_table(comparison(rows))}")
    return "\n".join(parts)


def comparison(rows: Sequence[Row]) -> list[list[str]]:
    """Downtime and migration time of each NF and strategy, with a column for each deployment.

    Of a redeployment: failed procedures, the longest gap of all interfaces, and how long it took.
    """
    deployments = list(dict.fromkeys(row.deployment for row in rows))
    found = {(row.nf, row.strategy, row.deployment): row for row in rows if row.completed}
    refused = {(row.nf, row.deployment) for row in rows if not row.completed}
    lines = [["NF", "strategy", *(f"{name}: downtime ms (migration s)" for name in deployments)]]
    lines.append(["---"] * len(lines[0]))
    for nf, strategy in dict.fromkeys((row.nf, row.strategy) for row in rows if row.completed):
        cells = []
        for name in deployments:
            row = found.get((nf, strategy, name))
            missing = "not moved" if (nf, name) in refused else ""
            cells.append(row.compared if row else missing)
        lines.append([nf, strategy, *cells])
    return lines


def _table(lines: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def write(directory: Path, rows: Sequence[Row], notes: Sequence[str], figures: Mapping[str, object]) -> None:
    """Write table.md, table.csv and results.json, each at once."""
    directory.mkdir(parents=True, exist_ok=True)
    _replace(directory / "table.md", markdown(rows, notes))
    result = {"rows": [asdict(row) for row in rows], "notes": list(notes), **figures}
    _replace(directory / "results.json", json.dumps(result, indent=2) + "\n")
    temporary = directory / "table.csv.new"
    with temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        writer.writerows(row.cells for row in rows)
    os.replace(temporary, directory / "table.csv")


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(text)
    os.replace(temporary, path)
