# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many runs put together: medians, ratios to ours, and whether the bounds hold."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from measure import Run

OURS = "resident"
BOUNDED_STRATEGY = "inter_copy"
# Workload and client alone take less of two CPUs.
QUIET = 0.3


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some runs."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        ordered = sorted(values)
        return cls(round(statistics.median(ordered), 1), round(ordered[0], 1), round(ordered[-1], 1))

    def as_dict(self) -> dict[str, float]:
        return {"median": self.median, "min": self.min, "max": self.max}

    def __str__(self) -> str:
        return f"{_ms(self.median)} ({_ms(self.min)}-{_ms(self.max)})"


@dataclass(frozen=True)
class Summary:
    """All runs of one way with one load."""

    way: str
    strategy: str
    memory_mb: int
    dirty_pages_per_s: int
    runs: int
    service_gap_ms: Spread
    interrupted_ms: Spread
    process_downtime_ms: Spread
    migration_time_ms: Spread
    bytes_sent: int
    requests_failed: int
    tcp_connections_kept: bool

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Summary:
        first = runs[0]
        return cls(
            way=first.way,
            strategy=first.strategy,
            memory_mb=first.load.memory_mb,
            dirty_pages_per_s=first.load.dirty_pages_per_s,
            runs=len(runs),
            service_gap_ms=Spread.of(run.service_gap_ms for run in runs),
            interrupted_ms=Spread.of(run.interrupted_ms for run in runs),
            process_downtime_ms=Spread.of(run.process_downtime_ms for run in runs),
            migration_time_ms=Spread.of(run.migration_time_ms for run in runs),
            bytes_sent=round(statistics.median(run.bytes_sent for run in runs)),
            requests_failed=sum(run.requests["failed"] for run in runs),
            tcp_connections_kept=all(run.tcp_connections["kept"] == run.load.connections for run in runs),
        )

    def as_dict(self) -> dict[str, Any]:
        """One element of results.json: times in ms, sizes in bytes; requests_failed is the sum of all runs."""
        return {
            "way": self.way,
            "strategy": self.strategy,
            "memory_mb": self.memory_mb,
            "dirty_pages_per_s": self.dirty_pages_per_s,
            "runs": self.runs,
            "service_gap_ms": self.service_gap_ms.as_dict(),
            "interrupted_ms": self.interrupted_ms.as_dict(),
            "process_downtime_ms": self.process_downtime_ms.as_dict(),
            "migration_time_ms": self.migration_time_ms.as_dict(),
            "bytes_sent": self.bytes_sent,
            "requests_failed": self.requests_failed,
            "tcp_connections_kept": self.tcp_connections_kept,
        }


def summarize(runs: Iterable[Run]) -> list[Summary]:
    """In the order of the first run of each."""
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.load, run.way, run.strategy), []).append(run)
    return [Summary.of(group) for group in groups.values()]


def quiet(runs: Sequence[Run]) -> str:
    """A word on the machine, when it was too busy for the figures to be those of the ways."""
    busy = statistics.median(run.cpu_busy for run in runs) if runs else 0.0
    if busy <= QUIET:
        return ""
    return f"The machine was busy ({busy:.0%} of its CPUs before the migrations): the figures show that too."


def table(summaries: Sequence[Summary]) -> str:
    """For reading; the ratio is that of the service gaps' medians to ours with the same load."""
    rows = [
        ("MB", "dirty/s", "way", "runs", "service gap ms", "x ours", "interrupted ms",
         "process downtime ms", "migration ms", "MB sent",
         "failed", "TCP kept")
    ]  # fmt: skip
    for s in summaries:
        ours = _find(summaries, OURS, s.memory_mb, s.dirty_pages_per_s)
        ratio = f"{s.service_gap_ms.median / ours.service_gap_ms.median:.1f}" if ours else "-"
        rows.append(
            (str(s.memory_mb), str(s.dirty_pages_per_s), s.way, str(s.runs), str(s.service_gap_ms), ratio,
             str(s.interrupted_ms), str(s.process_downtime_ms), str(s.migration_time_ms), f"{s.bytes_sent / 2**20:.1f}",
             str(s.requests_failed), "yes" if s.tcp_connections_kept else "no")
        )  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = {2}
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


@dataclass(frozen=True)
class Verdict:
    """One bound: what was measured (None: nothing to compare) against what it may be at most."""

    text: str
    measured: float | None
    limit: float

    @property
    def holds(self) -> bool | None:
        return None if self.measured is None else self.measured <= self.limit

    def __str__(self) -> str:
        if self.measured is None:
            return f"not measured  {self.text}"
        return f"{'holds' if self.holds else 'MISSED':12}  {self.text}: {self.measured:.4g} of at most {self.limit:.4g}"


def verdicts(summaries: Sequence[Summary]) -> list[Verdict]:
    """The bounds of inter-copy by resident containers, on medians and without dirtying."""

    def gap(way: str, memory_mb: int) -> float | None:
        found = _find(summaries, way, memory_mb, 0)
        return found.service_gap_ms.median if found else None

    def ratio(upper: float | None, lower: float | None) -> float | None:
        return upper / lower if upper is not None and lower else None

    bounds: list[tuple[str, Callable[[], float | None], float]] = [
        ("service gap at 20 MB, ms", lambda: gap(OURS, 20), 80),
        ("service gap at 20 MB, as a part of Docker's", lambda: ratio(gap(OURS, 20), gap("docker", 20)), 1 / 20),
        ("service gap at 20 MB, as a part of Podman's", lambda: ratio(gap(OURS, 20), gap("podman", 20)), 1 / 20),
        ("service gap at 20 MB, as a part of runc's", lambda: ratio(gap(OURS, 20), gap("runc", 20)), 1 / 3),
        ("service gap at 200 MB, ms", lambda: gap(OURS, 200), 450),
        ("service gap from 20 to 200 MB, times", lambda: ratio(gap(OURS, 200), gap(OURS, 20)), 200 / 20),
        ("service gap from 200 MB to 1 GB, times", lambda: ratio(gap(OURS, 1024), gap(OURS, 200)), 1024 / 200),
    ]
    found = [Verdict(text, measured(), limit) for text, measured, limit in bounds]
    for memory_mb in (20, 200, 1024):
        ours = _find(summaries, OURS, memory_mb, 0)
        sent = ours.bytes_sent / (memory_mb << 20) if ours else None
        found.append(Verdict(f"bytes sent at {memory_mb} MB, as a part of the memory in use", sent, 1.1))
    return found


def _find(summaries: Iterable[Summary], way: str, memory_mb: int, dirty_pages_per_s: int) -> Summary | None:
    for summary in summaries:
        key = (summary.way, summary.strategy, summary.memory_mb, summary.dirty_pages_per_s)
        if key == (way, BOUNDED_STRATEGY, memory_mb, dirty_pages_per_s):
            return summary
    return None


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
