# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process must not stand still for a host that hangs: it is taken back when nothing moves any more."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import Stalled

STALL_TIMEOUT_S = 8.0
"""No part of a switchover takes as long without a byte that moves; peers give up a PFCP request after 9 s or 10 s."""
_AT_LEAST_BYTES_PER_S = 20e6
"""Files are unpacked, and shared memory is filled, no slower than that."""


class StallDetector:
    """Begins when it is made.

    Args:
        moved: counts all that moves meanwhile, in bytes.
        patience_s: for so long the count may stay the same.
        at_work_bytes: what the other host has got and works on, of which nothing is heard meanwhile.
    """

    def __init__(self, moved: Callable[[], int], patience_s: float = STALL_TIMEOUT_S, at_work_bytes: int = 0) -> None:
        self._moved = moved
        self._patience_s = patience_s + at_work_bytes / _AT_LEAST_BYTES_PER_S
        self._count = moved()
        self._since = time.monotonic()

    def check(self) -> None:
        """To be called while something is awaited.

        Raises:
            Stalled: nothing has moved for too long.
        """
        count = self._moved()
        if count != self._count:
            self._count, self._since = count, time.monotonic()
        elif time.monotonic() - self._since > self._patience_s:
            raise Stalled(
                f"Nothing moved for {self._patience_s:.0f} s while the process stood still: the target host hangs, "
                "or is far too busy."
            )
