# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many runs put together: medians, ratios to ours, and whether the bounds hold."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .backends.base import INTER_COPY, POST_COPY, PPM, PRE_COPY
from .measure import Key, Run, label

OURS = "resident"
# What a process writes while a strategy other than inter-copy moves it: pages per second, over so many MB.
WRITING = ([1000], 20)
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
    """All runs of one backend with one load."""

    backend: str
    strategy: str
    memory_mb: int
    dirty_pages_per_s: int
    working_set_mb: int
    runs: int
    service_gap_ms: Spread
    interrupted_ms: Spread
    process_downtime_ms: Spread
    migration_time_ms: Spread
    bytes_sent: int
    requests_failed: int
    tcp_connections_kept: bool
    # Medians; of post-copy only.
    drain_bytes_per_s: float | None
    raw_socket_bytes_per_s: float | None
    raw_kept_bytes_per_s: float | None
    # Medians; of a process that writes flat out only: parts of its pace.
    flat_out: bool
    tracking_cost_by_clock: float | None
    tracking_cost_by_cpu_time: float | None
    # Medians; of PPM only, where a clone took over.
    by_requests: bool
    clone_pause_ms: float | None
    handover_ms: float | None
    clones_given_up: int
    moved_by_pre_copy: int

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Summary:
        first = runs[0]
        return cls(
            backend=first.backend,
            strategy=first.strategy,
            memory_mb=first.load.memory_mb,
            dirty_pages_per_s=first.load.dirty_pages_per_s,
            working_set_mb=first.load.working_set_mb,
            runs=len(runs),
            service_gap_ms=Spread.of(run.service_gap_ms for run in runs),
            interrupted_ms=Spread.of(run.interrupted_ms for run in runs),
            process_downtime_ms=Spread.of(run.process_downtime_ms for run in runs),
            migration_time_ms=Spread.of(run.migration_time_ms for run in runs),
            bytes_sent=round(statistics.median(run.bytes_sent for run in runs)),
            requests_failed=sum(run.requests["failed"] for run in runs),
            tcp_connections_kept=all(run.tcp_connections["kept"] == run.load.connections for run in runs),
            drain_bytes_per_s=_median(run.drain_bytes_per_s for run in runs),
            raw_socket_bytes_per_s=_median(run.raw.socket if run.raw else None for run in runs),
            raw_kept_bytes_per_s=_median(run.raw.kept if run.raw else None for run in runs),
            flat_out=first.load.flat_out,
            tracking_cost_by_clock=_median((run.tracking.by_clock if run.tracking else None for run in runs), 4),
            tracking_cost_by_cpu_time=_median((run.tracking.by_cpu_time if run.tracking else None for run in runs), 4),
            by_requests=first.load.by_requests,
            clone_pause_ms=_median(run.reported.get("clone_pause_ms") for run in runs),
            handover_ms=_median(run.reported.get("handover_ms") for run in runs),
            clones_given_up=sum(len(run.reported.get("attempts", [])) for run in runs),
            moved_by_pre_copy=sum(first.strategy == PPM and run.reported["strategy"] != PPM for run in runs),
        )

    @property
    def writing(self) -> str:
        if self.by_requests:
            return "by requests"
        return "flat out" if self.flat_out else str(self.dirty_pages_per_s)

    @property
    def label(self) -> str:
        return label(self.backend, self.strategy, self.backend == OURS)

    def as_dict(self) -> dict[str, Any]:
        """One element of results.json: times in ms, sizes in bytes; requests_failed is the sum of all runs."""
        return {
            "backend": self.backend,
            "strategy": self.strategy,
            "memory_mb": self.memory_mb,
            "dirty_pages_per_s": self.dirty_pages_per_s,
            "working_set_mb": self.working_set_mb,
            "runs": self.runs,
            "service_gap_ms": self.service_gap_ms.as_dict(),
            "interrupted_ms": self.interrupted_ms.as_dict(),
            "process_downtime_ms": self.process_downtime_ms.as_dict(),
            "migration_time_ms": self.migration_time_ms.as_dict(),
            "bytes_sent": self.bytes_sent,
            "requests_failed": self.requests_failed,
            "tcp_connections_kept": self.tcp_connections_kept,
            "drain_bytes_per_s": self.drain_bytes_per_s,
            "raw_socket_bytes_per_s": self.raw_socket_bytes_per_s,
            "raw_kept_bytes_per_s": self.raw_kept_bytes_per_s,
            "flat_out": self.flat_out,
            "tracking_cost_by_clock": self.tracking_cost_by_clock,
            "tracking_cost_by_cpu_time": self.tracking_cost_by_cpu_time,
            "by_requests": self.by_requests,
            "clone_pause_ms": self.clone_pause_ms,
            "handover_ms": self.handover_ms,
            "clones_given_up": self.clones_given_up,
            "moved_by_pre_copy": self.moved_by_pre_copy,
        }


def summarize(runs: Iterable[Run]) -> list[Summary]:
    """In the order of the first run of each."""
    groups: dict[Key, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.key, []).append(run)
    return [Summary.of(group) for group in groups.values()]


def quiet(runs: Sequence[Run]) -> str:
    """A word on the machine, when it was too busy for the figures to be those of the backends."""
    busy = statistics.median(run.cpu_busy for run in runs) if runs else 0.0
    if busy <= QUIET:
        return ""
    return f"The machine was busy ({busy:.0%} of its CPUs before the migrations): the figures show that too."


def table(summaries: Sequence[Summary]) -> str:
    """For reading; the ratio is that of the service gaps' medians to ours with the same load."""
    rows = [
        ("MB", "dirty/s", "backend", "runs", "service gap ms", "x ours", "interrupted ms",
         "process downtime ms", "migration ms", "MB sent",
         "failed", "TCP kept")
    ]  # fmt: skip
    for s in summaries:
        ours = _find(summaries, OURS, INTER_COPY, s.memory_mb, s.dirty_pages_per_s)
        ratio = f"{s.service_gap_ms.median / ours.service_gap_ms.median:.1f}" if ours else "-"
        rows.append(
            (str(s.memory_mb), s.writing, s.label, str(s.runs), str(s.service_gap_ms), ratio,
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


def parallel(summaries: Sequence[Summary]) -> str:
    """What PPM's clones cost, a line for each size; empty without any."""
    return "\n".join(
        f"PPM at {s.memory_mb} MB: clone pause {s.clone_pause_ms} ms, handover {s.handover_ms} ms (medians); "
        f"{s.clones_given_up} clones given up, {s.moved_by_pre_copy} of {s.runs} moved by pre_copy"
        for s in summaries
        if s.strategy == PPM
    )


@dataclass(frozen=True)
class Verdict:
    """One bound: what was measured (None: nothing to compare) against what it may be at most, or must be at least."""

    text: str
    measured: float | None
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def __str__(self) -> str:
        if self.measured is None:
            return f"not measured  {self.text}"
        bound = "at least" if self.at_least else "at most"
        return f"{'holds' if self.holds else 'MISSED':12}  {self.text}: {self.measured:.4g} of {bound} {self.limit:.4g}"


# ms, at 20 MB, 200 MB and 1 GB.
SIZES = (20, 200, 1024)
INTER_COPY_GAP = (60, 300, 1300)
PRE_COPY_GAP = (45, 60, 100)
POST_COPY_DOWNTIME = (40, 50, 90)


def verdicts(summaries: Sequence[Summary]) -> list[Verdict]:
    """The bounds, on medians: inter-copy of a process that writes nothing, the others of one that does."""
    (rate,), _ = WRITING

    def find(backend: str, strategy: str, memory_mb: int) -> Summary | None:
        return _find(summaries, backend, strategy, memory_mb, 0 if strategy == INTER_COPY else rate)

    def gap(backend: str, memory_mb: int, strategy: str = INTER_COPY) -> float | None:
        found = find(backend, strategy, memory_mb)
        return found.service_gap_ms.median if found else None

    def part(strategy: str, memory_mb: int) -> float | None:
        found = find(OURS, strategy, memory_mb)
        return found.bytes_sent / (memory_mb << 20) if found else None

    found = [
        Verdict(f"inter-copy, service gap at {memory_mb} MB, ms", gap(OURS, memory_mb), limit)
        for memory_mb, limit in zip(SIZES, INTER_COPY_GAP, strict=True)
    ]
    found += [
        Verdict(
            f"inter-copy, service gap at 20 MB, as a part of {peer}'s", _ratio(gap(OURS, 20), gap(backend, 20)), limit
        )
        for peer, backend, limit in (
            ("Docker", "docker", 1 / 20),
            ("Podman", "podman", 1 / 20),
            ("runc", "runc", 1 / 3),
        )
    ]
    found += [
        Verdict(f"inter-copy, service gap from {small} to {large} MB, times",
                _ratio(gap(OURS, large), gap(OURS, small)), large / small)
        for small, large in pairwise(SIZES)
    ]  # fmt: skip
    found += [
        Verdict(f"inter-copy, bytes sent at {memory_mb} MB, as a part of the memory in use",
                part(INTER_COPY, memory_mb), 1.1)
        for memory_mb in SIZES
    ]  # fmt: skip
    found += [
        Verdict(f"pre-copy, service gap at {memory_mb} MB, ms", gap(OURS, memory_mb, PRE_COPY), limit)
        for memory_mb, limit in zip(SIZES, PRE_COPY_GAP, strict=True)
    ]
    found += [
        Verdict(f"pre-copy, bytes sent at {memory_mb} MB, as a part of the memory in use",
                part(PRE_COPY, memory_mb), 1.15)
        for memory_mb in SIZES
    ]  # fmt: skip
    post_copy = [(memory_mb, find(OURS, POST_COPY, memory_mb)) for memory_mb in SIZES]
    found += [
        Verdict(f"post-copy, process downtime at {memory_mb} MB, ms",
                summary.process_downtime_ms.median if summary else None, limit)
        for (memory_mb, summary), limit in zip(post_copy, POST_COPY_DOWNTIME, strict=True)
    ]  # fmt: skip
    for memory_mb, summary in post_copy:
        # The smallest is there before a rate shows.
        if memory_mb == SIZES[0]:
            continue
        drain = summary.drain_bytes_per_s if summary else None
        for what, raw in (
            ("a raw socket's rate", summary.raw_socket_bytes_per_s if summary else None),
            ("that of a raw socket whose receiver keeps the memory", summary.raw_kept_bytes_per_s if summary else None),
        ):
            text = f"post-copy, rate of the rest at {memory_mb} MB, as a part of {what}"
            found.append(Verdict(text, _ratio(drain, raw), 0.8, at_least=True))
    tracked = next((s for s in summaries if s.flat_out and s.strategy == PRE_COPY), None)
    text = "dirty tracking, part of a busy writer's throughput"
    return [*found, Verdict(text, tracked.tracking_cost_by_cpu_time if tracked else None, 0.05)]


def _find(
    summaries: Iterable[Summary], backend: str, strategy: str, memory_mb: int, dirty_pages_per_s: int
) -> Summary | None:
    for summary in summaries:
        key = (summary.backend, summary.strategy, summary.memory_mb, summary.dirty_pages_per_s)
        if not summary.flat_out and key == (backend, strategy, memory_mb, dirty_pages_per_s):
            return summary
    return None


def _ratio(upper: float | None, lower: float | None) -> float | None:
    return upper / lower if upper is not None and lower else None


def _median(values: Iterable[float | None], digits: int = 0) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), digits) if known else None


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
