# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many registrations are under way: what has begun ends in time, instead of all being too late."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

WAIT_S = 5.0
"""How long a registration waits for its turn: a third of T3510, by which the UE gives it up."""
HOLD_S = 8.0
"""How long one keeps others waiting: UEs that never answer their challenge must not block those that do."""


class Congestion(Exception):
    """No turn within the time (TS 23.501 clause 5.19.5)."""


class Admission:
    def __init__(self, places: int, wait_s: float = WAIT_S, hold_s: float = HOLD_S) -> None:
        self._places = asyncio.Semaphore(places)
        self._wait_s = wait_s
        self._hold_s = hold_s

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place in the order of arrival, or raise Congestion; give it up at the end, or after `hold_s`."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise Congestion from error
        is_held = True

        def give_up() -> None:
            nonlocal is_held
            if is_held:
                is_held = False
                self._places.release()

        overdue = asyncio.get_running_loop().call_later(self._hold_s, give_up)
        try:
            yield
        finally:
            overdue.cancel()
            give_up()
