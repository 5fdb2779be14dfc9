# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes: exchanges at a steady rate, since the gap of an interface shows only if something was due in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from ..load.gaps import GapMeter
from ..load.latencies import Latencies
from ..load.pace import due_times
from ..sbi.client import Connection, SbiError
from ..sbi.message import Response
from .station import PROBE_NUMBERS

RECONNECT_S = 0.1
_ERROR = 500
"""From this status on the NF could not do what was asked."""


class N2Probe:
    """NGAP exchanges without a UE; `send` has one begin with a number, and `on_answer` gets the number back."""

    def __init__(self, interval_s: float, send: Callable[[int], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._interval_s = interval_s
        self._send = send
        self._due: dict[int, float] = {}
        self._all_answered = asyncio.Event()
        self.gaps = GapMeter(interval_s)
        self.sent = 0
        self.answered = 0
        self.lag_s = 0.0
        self.latencies = Latencies()

    async def run(self) -> None:
        """Probe until cancelled."""
        async for due in due_times(self._interval_s):
            self.lag_s = max(self.lag_s, self._loop.time() - due)
            number = self.sent % PROBE_NUMBERS
            self.sent += 1
            self.gaps.asked(due)
            self._due[number] = due
            self._send(number)

    async def finish(self, timeout_s: float) -> None:
        """Wait for the answers that are outstanding."""
        stopped = self._loop.time()
        self._all_answered.clear()
        if self._due:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._all_answered.wait()
        self.gaps.close(stopped)

    def on_answer(self, number: int) -> None:
        due = self._due.pop(number, None)
        if due is not None:
            now = self._loop.time()
            self.answered += 1
            self.latencies.add(due, now)
            self.gaps.answered(now)
        if not self._due:
            self._all_answered.set()

    def lost(self) -> None:
        """What is outstanding will not be answered: the association has ended."""
        for _ in self._due:
            self.gaps.failed()
        self._due.clear()


class SbiProbe:
    """GET of one URL over one kept HTTP/2 connection; a lost connection is opened again and counted."""

    def __init__(self, name: str, url: str, interval_s: float, address: str | None) -> None:
        parts = urlsplit(url)
        self.name = name
        self._host = parts.hostname or ""
        self._port = parts.port or 80
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._address = address
        self._interval_s = interval_s
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = None
        self._opening: asyncio.Task[None] | None = None
        self._waiting: deque[asyncio.Future[Response]] = deque()
        self.gaps = GapMeter(interval_s)
        self.sent = 0
        self.answered = 0
        self.connections = 0
        self.latencies = Latencies()
        self.failures: Counter[str] = Counter()

    async def start(self, timeout_s: float) -> None:
        """Open the connection; SbiError if the NF does not accept one within the time-out."""
        deadline = self._loop.time() + timeout_s
        while True:
            try:
                await self._open()
                return
            except SbiError:
                if self._loop.time() > deadline:
                    raise
                await asyncio.sleep(RECONNECT_S)

    async def run(self) -> None:
        """Probe until cancelled."""
        async for due in due_times(self._interval_s):
            self._ask(due)

    async def finish(self, timeout_s: float) -> None:
        """Wait for the answers that are outstanding."""
        stopped = self._loop.time()
        waiting = [future for future in self._waiting if not future.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=timeout_s)
        self.gaps.close(stopped)
        if self._opening is not None:
            self._opening.cancel()
        if self._connection is not None:
            self._connection.close()

    async def _open(self) -> None:
        self._connection = await Connection.open(self._host, self._port, "AMF", self._address)
        self.connections += 1

    async def _reopen(self) -> None:
        while True:
            try:
                await self._open()
            except SbiError:
                await asyncio.sleep(RECONNECT_S)
            else:
                self._opening = None
                return

    def _ask(self, due: float) -> None:
        self.sent += 1
        self.gaps.asked(due)
        connection = self._connection
        if connection is None or not connection.is_usable:
            self._fail("no connection")
            if self._opening is None:
                self._opening = self._loop.create_task(self._reopen())
            return
        answer = connection.call("GET", self._path)
        self._waiting.append(answer)
        answer.add_done_callback(partial(self._on_answer, due))

    def _on_answer(self, due: float, answer: asyncio.Future[Response]) -> None:
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        if answer.cancelled():
            self._fail("cancelled")
        elif (error := answer.exception()) is not None:
            self._fail(str(error))
        elif answer.result().status >= _ERROR:
            self._fail(f"status {answer.result().status}")
        else:
            now = self._loop.time()
            self.answered += 1
            self.latencies.add(due, now)
            self.gaps.answered(now)

    def _fail(self, reason: str) -> None:
        self.failures[reason] += 1
        self.gaps.failed()
