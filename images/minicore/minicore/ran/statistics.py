# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record of each request of a client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Record(NamedTuple):
    """One request. Times in seconds of the loop's clock; `answered` is None and `status` 0 without an answer."""

    due: float
    sent: float
    answered: float | None
    operation: str
    status: int
    session: int
    connection: int


@dataclass(slots=True)
class RequestLog:
    """Counts of the requests of a run, set-up included."""

    answered: int = 0
    failed: int = 0
    duplicated: int = 0
    records: list[Record] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)

    def add(self, record: Record, failure: str | None) -> None:
        self.records.append(record)
        if failure is None:
            self.answered += 1
        else:
            self.failed += 1
            self.failures[failure] = self.failures.get(failure, 0) + 1

    def latencies_ms(self) -> dict[str, float]:
        """From the due time to the answer: median, 99th percentile and maximum."""
        values = sorted((record.answered - record.due) * 1000 for record in self.records if record.answered is not None)
        if not values:
            return {}
        return {
            "median": round(values[len(values) // 2], 3),
            "p99": round(values[len(values) * 99 // 100], 3),
            "max": round(values[-1], 3),
        }

    def schedule_lag_ms(self) -> float:
        """How late the driver itself sent a request at worst: its own share of a gap."""
        return round(max((record.sent - record.due for record in self.records), default=0) * 1000, 3)
