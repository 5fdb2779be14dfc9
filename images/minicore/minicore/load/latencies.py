# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each answer took, by the time when its request was due."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_POINTS = 2000
LEAST_BIN_S = 0.005


@dataclass(slots=True)
class Latencies:
    """Those of one client; due times in seconds of the loop's clock."""

    due: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, due: float, answered: float) -> None:
        self.due.append(due)
        self.seconds.append(answered - due)

    def slowest(self, started: float, stopped: float, wall: float) -> dict[str, object]:
        """The slowest answer of each `bin_ms`, few enough to be drawn: `points` of Unix seconds and milliseconds.

        Args:
            started, stopped: by the loop's clock.
            wall: what makes Unix seconds of the loop's clock.
        """
        bin_s = max(LEAST_BIN_S, (stopped - started) / MOST_POINTS)
        slowest: dict[int, tuple[float, float]] = {}
        for due, seconds in zip(self.due, self.seconds, strict=True):
            if due < started:
                continue
            number = int((due - started) / bin_s)
            if number not in slowest or seconds > slowest[number][1]:
                slowest[number] = (due, seconds)
        points = [[round(wall + due, 4), round(seconds * 1000, 2)] for _, (due, seconds) in sorted(slowest.items())]
        return {"bin_ms": round(bin_s * 1000, 3), "points": points}
