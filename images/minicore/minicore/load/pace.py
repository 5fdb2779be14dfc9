# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open loop: things are done when they are due, whether or not the earlier ones are answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator


async def due_times(interval_s: float) -> AsyncIterator[float]:
    """Yield each due time when it has come; those that were missed come at once."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    count = 0
    while True:
        due = start + count * interval_s
        delay = due - loop.time()
        if delay > 0:
            await asyncio.sleep(delay)
        yield due
        count += 1
