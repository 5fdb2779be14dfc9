# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stall detection: a target host that hangs must not prolong the downtime."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import Stalled

STALL_TIMEOUT_S = 8.0
"""No part of a switchover takes as long without a byte that is sent; peers give up a PFCP request after 9 s or 10 s."""
_AT_LEAST_BYTES_PER_S = 20e6
"""Files are unpacked, and shared memory is filled, no slower than that."""


class StallDetector:
    """Measures from the moment in which it is made.

    Args:
        moved: returns how many bytes have been sent so far.
        patience_s: how long that number may stay the same.
        at_work_bytes: bytes that the other host works on without a message; they prolong ``patience_s``.
    """

    def __init__(self, moved: Callable[[], int], patience_s: float = STALL_TIMEOUT_S, at_work_bytes: int = 0) -> None:
        self._moved = moved
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
                f"Switchover made no progress for {self._patience_s:.0f} s; the target host is hung or overloaded. "
                "Check its load, then migrate again."
            )
