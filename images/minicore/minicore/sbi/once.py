# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Something that has to be done before others, and only once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Once:
    """Runs `action` when it is first needed; who comes meanwhile waits for it. After a failure it is tried again."""

    def __init__(self, action: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._action = action
        self._task: asyncio.Task[object] | None = None
        self._is_done = False

    async def __call__(self) -> None:
        """Return when it is done, or raise what it raised."""
        if self._is_done:
            return
        task = self._task
        if task is None:
            task = self._task = asyncio.get_running_loop().create_task(self._action())
        try:
            # One that waits no longer does not take it away from the others.
            await asyncio.shield(task)
            self._is_done = True
        finally:
            if task.done():
                self._task = None
