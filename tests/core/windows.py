# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gNB driver saw while one NF migrated: the gaps and failures of its run that fall into a span of time."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MARGIN_S = 1.0
"""After the end of the playbook: what was due at the end of the migration is answered by then, or has failed."""


@dataclass(frozen=True)
class Window:
    """From the start of a playbook to a little after its end, in Unix seconds of the controller's clock.

    The driver's host has the same clock in the lab; elsewhere NTP keeps the difference far below the margin.
    """

    begin: float
    end: float

    def holds(self, time_s: float) -> bool:
        return self.begin <= time_s <= self.end + MARGIN_S


@dataclass(frozen=True)
class Failure:
    """A procedure that failed."""

    ended: float
    procedure: str
    reason: str


def longest_gaps(gaps: Mapping[str, Sequence[Mapping[str, float]]], window: Window) -> dict[str, float]:
    """Longest gap of each interface in the window, in milliseconds; 0.0 where none was noted (over 20 ms, see README).

    Args:
        gaps: of the driver's summary: entries with `start_ts` (Unix seconds) and `ms`, by interface.
    """
    return {
        interface: max(
            (
                gap["ms"]
                for gap in noted
                if window.holds(gap["start_ts"]) or window.holds(gap["start_ts"] + gap["ms"] / 1000)
            ),
            default=0.0,
        )
        for interface, noted in gaps.items()
    }


def failures(procedures_csv: str) -> list[Failure]:
    """The failed procedures of a run, from its FILE.procedures.csv."""
    rows: csv.DictReader[str] = csv.DictReader(io.StringIO(procedures_csv))
    return [Failure(float(row["ended_ts"]), row["procedure"], row["failure"]) for row in rows if row["failure"]]


def failed_in(found: Sequence[Failure], window: Window) -> dict[str, int]:
    """How many procedures failed in the window, by kind and reason."""
    counts: dict[str, int] = {}
    for failure in found:
        if window.holds(failure.ended):
            what = f"{failure.procedure}: {failure.reason}"
            counts[what] = counts.get(what, 0) + 1
    return counts


def read_summary(summary: Mapping[str, Any]) -> dict[str, Sequence[Mapping[str, float]]]:
    """The noted gaps of a driver's summary, by interface."""
    gaps: dict[str, Sequence[Mapping[str, float]]] = summary["gaps"]
    return gaps
