# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record of each procedure, and what follows from the records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Record(NamedTuple):
    """One procedure. Times in seconds of the loop's clock; `reason` is empty where it succeeded."""

    due: float
    began: float
    ended: float
    kind: str
    reason: str
    ue: int


@dataclass(slots=True)
class ProcedureLog:
    """All procedures of a run, those of the set-up included."""

    records: list[Record] = field(default_factory=list)

    def add(self, record: Record) -> None:
        self.records.append(record)

    def kinds(self) -> dict[str, dict[str, Any]]:
        """Per kind: counts, reasons of failures, milliseconds from the due time to the end of those that succeeded."""
        result: dict[str, dict[str, Any]] = {}
        for kind in sorted({record.kind for record in self.records}):
            of_kind = [record for record in self.records if record.kind == kind]
            failures = Counter(record.reason for record in of_kind if record.reason)
            result[kind] = {
                "attempted": len(of_kind),
                "succeeded": len(of_kind) - failures.total(),
                "failed": failures.total(),
                "latency_ms": percentiles([record.ended - record.due for record in of_kind if not record.reason]),
                "failures": dict(failures),
            }
        return result

    def failed(self) -> int:
        return sum(bool(record.reason) for record in self.records)

    def failed_since(self, time: float) -> int:
        """How many of those that were due from then on have failed."""
        return sum(bool(record.reason) for record in self.records if record.due >= time)

    def lag_ms(self, since: float) -> float:
        """How late the driver itself began a procedure that was due from `since` on: its own share of a gap."""
        lags = (record.began - record.due for record in self.records if record.due >= since)
        return round(max(lags, default=0.0) * 1000, 3)


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile and maximum in milliseconds; empty without values."""
    if not seconds:
        return {}
    values = sorted(seconds)
    ranks = {"median": 50, "p95": 95, "p99": 99}
    result = {name: round(values[len(values) * rank // 100] * 1000, 3) for name, rank in ranks.items()}
    return {**result, "max": round(values[-1] * 1000, 3)}
