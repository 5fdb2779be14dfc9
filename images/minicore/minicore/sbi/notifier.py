# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifications to callback URIs: sent while the NF goes on, and again while the consumer does not answer."""

from __future__ import annotations

import asyncio
import logging

from .message import Refused, SbiError
from .producers import Producers

log = logging.getLogger(__name__)

ATTEMPTS = 5
RETRY_S = 0.5
"""Doubled after each attempt: a consumer may be unreachable for 7 s, longer than a migration takes it away."""


class Notifier:
    """Sends notifications. `failed` counts those that were given up."""

    def __init__(self, producers: Producers, retry_s: float = RETRY_S) -> None:
        self._producers = producers
        self._retry_s = retry_s
        self._tasks: set[asyncio.Task[None]] = set()
        self.failed = 0

    def send(self, uri: str, body: object) -> None:
        """POST `body` to a callback URI; returns at once."""
        task = asyncio.get_running_loop().create_task(self._deliver(uri, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _deliver(self, uri: str, body: object) -> None:
        wait_s = self._retry_s
        for attempt in range(1, ATTEMPTS + 1):
            try:
                (await self._producers.request_at(uri, "POST", body=body)).require(200, 204)
                return
            except SbiError as error:
                # A consumer that refuses will refuse again.
                refused = isinstance(error, Refused) and error.status < 500
                if refused or attempt == ATTEMPTS:
                    self.failed += 1
                    log.warning("notification to %s given up: %s", uri, error)
                    return
            await asyncio.sleep(wait_s)
            wait_s *= 2
