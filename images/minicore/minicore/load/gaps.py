# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaps between the answers of a service, as a client saw them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Gap(NamedTuple):
    """From `start` (seconds of the loop's clock), `length` seconds long."""

    start: float
    length: float


NO_GAP = Gap(0, 0)


@dataclass(slots=True)
class GapMeter:
    """Longest time without an answer although one was due.

    A gap lasts from the last good answer to the next one. Time in which nothing was asked does not count, except for
    one interval of the schedule, so that the regular pause between two requests is inside the gap rather than outside:
    the figure may be too large by one interval, never too small. A failed request ends no gap.
    """

    interval_s: float
    note_over_s: float = 0.020
    longest: Gap = NO_GAP
    noted: list[Gap] = field(default_factory=list)
    outstanding: int = 0
    _last_answer: float | None = None
    _waiting_since: float | None = None

    def asked(self, due: float) -> None:
        self.outstanding += 1
        if self._waiting_since is None:
            self._waiting_since = due

    def answered(self, now: float) -> None:
        self.outstanding -= 1
        self._note(now)
        self._last_answer = now
        self._waiting_since = now if self.outstanding else None

    def failed(self) -> None:
        self.outstanding -= 1

    def close(self, now: float) -> None:
        """The last due time was `now`: what waits since before it is a gap too."""
        self._note(now)
        self._waiting_since = None

    def _note(self, now: float) -> None:
        if self._waiting_since is None:
            return
        start = self._waiting_since
        if self._last_answer is not None:
            start = max(self._last_answer, self._waiting_since - self.interval_s)
        gap = Gap(start, now - start)
        if gap.length > self.longest.length:
            self.longest = gap
        if gap.length > self.note_over_s:
            self.noted.append(gap)
