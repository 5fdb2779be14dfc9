# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounds of the downtime: a switchover that hangs, wherever it does, must end so that the source goes on."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType

from ..errors import Stalled

STALL_TIMEOUT_S = 8.0
"""No part of a switchover takes as long without a byte that is sent; peers give up a PFCP request after 9 s or 10 s."""
_AT_LEAST_BYTES_PER_S = 20e6
"""Files are unpacked, and shared memory is filled, no slower than that."""


_REPEAT_S = 0.25
"""The signal comes again: a cleanup in which the exception came first may have dropped it."""
_STEPS = {
    "freeze": "waits for every thread of the process to stop",
    "switch_network": "waits for the target host to take the addresses",
    "dump": "waits for CRIU on the source host to dump the process, which sends pages of mapped files over the "
    "connection to the other host, and packs the files that changed last",
    "restore": "waits for the target host to unpack the files and to restore the process",
    "final_memory": "sends the rest of the memory",
}
"""What the steps of a switchover wait for."""


class StallDetector:
    """Measures from the moment in which it is made.

    Args:
        moved: returns how many bytes have been sent so far.
        step: returns the name of the step that is under way, for the message.
        patience_s: how long that number may stay the same.
        at_work_bytes: bytes that the other host works on without a message; they prolong ``patience_s``.
    """

    def __init__(
        self,
        moved: Callable[[], int],
        step: Callable[[], str],
        patience_s: float = STALL_TIMEOUT_S,
        at_work_bytes: int = 0,
    ) -> None:
        self._moved = moved
        self._step = step
        self._patience_s = patience_s + at_work_bytes / _AT_LEAST_BYTES_PER_S
        self._count = moved()
        self._since = time.monotonic()

    def check(self) -> None:
        """To be called while a message or the end of a program is awaited.

        Raises:
            Stalled: no byte was sent for too long.
        """
        count = self._moved()
        if count != self._count:
            self._count, self._since = count, time.monotonic()
        elif time.monotonic() - self._since > self._patience_s:
            raise Stalled(
                f"The switchover made no progress for {self._patience_s:.0f} s in its step '{self._step()}'. "
                f"{_where_to_look(self._step())}"
            )


class SwitchoverDeadline:
    """Ends a switchover that takes too long, whatever it waits for: a signal interrupts any wait.

    Args:
        limit_ms: how long the process may be stopped.
        option_ms: what the user allowed, of which ``limit_ms`` is made; for the message.
        step: returns the name of the step that is under way.
    """

    def __init__(self, limit_ms: float, option_ms: int, step: Callable[[], str]) -> None:
        self._limit_ms = limit_ms
        self._option_ms = option_ms
        self._step = step
        self._is_running = False

    def start(self) -> None:
        """To be called right before the freeze, by the main thread."""
        signal.signal(signal.SIGALRM, self._expire)
        self._is_running = True
        signal.setitimer(signal.ITIMER_REAL, self._limit_ms / 1000, _REPEAT_S)

    def stop(self) -> None:
        """From now on nothing is interrupted; idempotent."""
        self._is_running = False
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _expire(self, _number: int, _frame: FrameType | None) -> None:
        if not self._is_running:
            return
        added = self._limit_ms - self._option_ms
        counted = f" and {added:.0f} ms for its memory" if added else ""
        raise Stalled(
            f"The process was stopped for {self._limit_ms:.0f} ms (switchover_timeout_ms: {self._option_ms}{counted}), "
            f"and step '{self._step()}' had not ended. {_where_to_look(self._step())}"
        )


def _where_to_look(step: str) -> str:
    return (
        f"That step {_STEPS.get(step, 'is described in docs/results.md')}. If it hangs each time, look for the reason "
        "there; if it only takes longer, allow more time with switchover_timeout_ms, or use strategy pre_copy."
    )
