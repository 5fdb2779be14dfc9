# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When pre-copy has copied enough (QEMU's docs/devel/migration: downtime-limit and auto-converge; paper section 3.3).

After each round two things are known: how fast pages are written, and how fast they are sent. What is written during
one round is what the next has to send; that would be the downtime if the process were frozen now.
"""

from __future__ import annotations

from dataclasses import dataclass

PAGE_BYTES = 4096
FIXED_DOWNTIME_MS = 22.0
"""What a freeze costs without any page: CRIU's dump and restore, and the switch (tests/benchmark)."""

_WORTH_MS = 2.0
"""Another round is made, though the limit is kept, if it shortens the freeze by more."""
_SHRINKS = 0.9
_PATIENCE_ROUNDS = 2
_THROTTLE_FIRST, _THROTTLE_STEP, _THROTTLE_MOST = 20, 10, 99  # percent, as QEMU's cpu-throttle-* has them

ITERATE = "again"
SWITCH = "switch"
THROTTLE = "throttle"
POST_COPY = "post_copy"
FAIL = "fail"


@dataclass(frozen=True)
class Round:
    """What a round has found and done.

    Attributes:
        pages_written: since the last round; in the first, all pages.
        since_last_ms: from the scan of the last round to this one's.
        bytes_sent: in this round.
        duration_ms: of this round.
    """

    pages_written: int
    since_last_ms: float
    bytes_sent: int
    duration_ms: float


class Convergence:
    """Judges each round.

    Args:
        downtime_limit_ms: that is to be kept.
        max_rounds: after so many it must come to an end.
        on_no_convergence: ``throttle``, ``post_copy`` or ``fail``.
    """

    def __init__(self, downtime_limit_ms: float, max_rounds: int, on_no_convergence: str) -> None:
        self._limit_ms = downtime_limit_ms
        self._max_rounds = max_rounds
        self._action = on_no_convergence
        self._rounds = 0
        self._stuck = 0
        self._least_pages = float("inf")
        self.throttle_percent = 0
        self.dirty_pages_per_s = 0.0
        self.bytes_per_ms = 0.0
        self.remaining_pages = 0.0

    @property
    def expected_downtime_ms(self) -> float:
        """If the process were stopped now."""
        if not self.bytes_per_ms:
            return FIXED_DOWNTIME_MS
        return FIXED_DOWNTIME_MS + self.remaining_pages * PAGE_BYTES / self.bytes_per_ms

    def next_action(self, done: Round) -> str:
        """What to do now: ITERATE, SWITCH, THROTTLE (to ``throttle_percent``, then again), POST_COPY or FAIL."""
        self._rounds += 1
        if done.duration_ms > 0 and done.bytes_sent >= PAGE_BYTES * 256:
            self.bytes_per_ms = done.bytes_sent / done.duration_ms
        if self._rounds == 1:
            self.remaining_pages = float(done.pages_written)  # it says nothing of how fast they are written
            return ITERATE if self._max_rounds > 1 else self._end()
        self.dirty_pages_per_s = done.pages_written * 1000 / max(done.since_last_ms, 0.001)
        self.remaining_pages = self.dirty_pages_per_s * done.duration_ms / 1000
        kept = self.expected_downtime_ms <= self._limit_ms
        shrank = done.pages_written < _SHRINKS * self._least_pages
        self._least_pages = min(self._least_pages, float(done.pages_written))
        if kept and (not shrank or self._gain_ms(done) < _WORTH_MS):
            return SWITCH
        if self._rounds >= self._max_rounds:
            return self._end()
        self._stuck = 0 if shrank else self._stuck + 1
        if self._stuck >= _PATIENCE_ROUNDS:
            self._stuck = 0
            return self._on_stalled()
        return ITERATE

    def _gain_ms(self, done: Round) -> float:
        """How much shorter the freeze would be after one more round of the same kind."""
        if not self.bytes_per_ms:
            return 0.0
        saved_pages = done.pages_written - self.remaining_pages
        return saved_pages * PAGE_BYTES / self.bytes_per_ms

    def _on_stalled(self) -> str:
        if self._action != THROTTLE:
            return self._action
        if self.throttle_percent >= _THROTTLE_MOST:
            return FAIL
        self.throttle_percent = min(
            _THROTTLE_MOST, self.throttle_percent + _THROTTLE_STEP if self.throttle_percent else _THROTTLE_FIRST
        )
        self._least_pages = float("inf")  # the rounds shrink from here, or do not
        return THROTTLE

    def _end(self) -> str:
        if self.expected_downtime_ms <= self._limit_ms:
            return SWITCH
        return POST_COPY if self._action == POST_COPY else FAIL
