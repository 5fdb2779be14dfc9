# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of `make core`: NF by strategy, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

INTERFACES = ("sbi", "n2", "n3", "procedures")
"""Columns of the gaps: the SBI of the NF that moves, NGAP, pings of the UEs, answers of any procedure."""


@dataclass(frozen=True)
class Row:
    """One migration under load. Milliseconds; a gap of 0.0 is one below 20 ms."""

    nf: str
    strategy: str
    source: str
    target: str
    completed: bool
    migration_time_ms: float = 0.0
    process_downtime_ms: float = 0.0
    gap_ms: dict[str, float] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    message: str = ""

    @property
    def cells(self) -> list[str]:
        gaps = [_gap(self.gap_ms[name]) if name in self.gap_ms else "" for name in INTERFACES]
        if not self.completed:
            return [self.nf, self.strategy, "failed", "", *gaps, self.message]
        times = [f"{self.migration_time_ms / 1000:.2f} s", f"{self.process_downtime_ms:.1f}"]
        return [self.nf, self.strategy, *times, *gaps, str(sum(self.failed.values()))]


HEAD = ["NF", "strategy", "migration time", "downtime ms", *(f"gap {name} ms" for name in INTERFACES), "failed"]


def _gap(milliseconds: float) -> str:
    return f"{milliseconds:.0f}" if milliseconds else "< 20"


def markdown(rows: Sequence[Row], notes: Sequence[str]) -> str:
    """The table, with the notes below it."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells for row in rows)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"# Migration of each NF under load\n\n{table}\n\n" + "".join(f"- {note}\n" for note in notes)


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
