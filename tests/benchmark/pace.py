# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the process's own work costs it while its pages are tracked, against before."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

SAMPLE_EVERY_S = 0.02
# Less is too short to tell a pace from.
SHORTEST_S = 0.2


@dataclass(frozen=True)
class Sample:
    """What the writer had done at a time."""

    at_s: float
    writes: int
    cpu_s: float


@dataclass(frozen=True)
class Pace:
    """Page writes of a writer that is held back by nothing: per second, and per second of CPU time that it got."""

    per_s: float
    per_cpu_s: float

    @classmethod
    def between(cls, samples: Sequence[Sample], begin_s: float, end_s: float) -> Pace | None:
        """Of the samples in a part of the time; None when it is too short."""
        times = [sample.at_s for sample in samples]
        within = samples[bisect_left(times, begin_s) : bisect_left(times, end_s)]
        if len(within) < 2 or within[-1].at_s - within[0].at_s < SHORTEST_S:
            return None
        first, last = within[0], within[-1]
        writes = last.writes - first.writes
        return cls(writes / (last.at_s - first.at_s), writes / (last.cpu_s - first.cpu_s))


@dataclass(frozen=True)
class TrackingCost:
    """The parts of the pace that were lost while pages were tracked and copied.

    By the clock it includes the CPU time that the copy took from the process, where CPUs are few; by the process's own
    CPU time it is what tracking takes (a fault at the first write to a page after each round)."""

    by_clock: float
    by_cpu_time: float

    @classmethod
    def of(cls, before: Pace | None, tracked: Pace | None) -> TrackingCost | None:
        if not before or not tracked:
            return None
        return cls(round(1 - tracked.per_s / before.per_s, 4), round(1 - tracked.per_cpu_s / before.per_cpu_s, 4))


class Sampler:
    """Takes samples of a client's status as long as it is entered; nobody else may ask the client meanwhile."""

    def __init__(self, status: Callable[[], dict[str, Any]]) -> None:
        self._status = status
        self.samples: list[Sample] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._failure: Exception | None = None

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()
        if self._failure and not error:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._end.wait(SAMPLE_EVERY_S):
                seen = self._status()
                sample = Sample(seen["last_answer_s"], seen["page_writes"], seen["writer_cpu_s"])
                if not self.samples or sample.at_s > self.samples[-1].at_s:
                    self.samples.append(sample)
        except Exception as error:  # handed to the thread that waits
            self._failure = error
