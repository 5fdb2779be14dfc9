# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load: registers all UEs at a rate, then keeps a mix of procedures going at another."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import Mapping

from ..load.gaps import GapMeter
from ..load.pace import due_times
from . import procedures as p
from .procedures import Procedures
from .ue import ProcedureError, Ue

SETUP_RETRY_S = 0.5
SETUP_OUTSTANDING = 100
LOOK_AHEAD = 64

TURNS: dict[str, tuple[str, ...]] = {
    p.SERVICE_REQUEST: (p.AN_RELEASE, p.SERVICE_REQUEST),
    p.PAGING: (p.AN_RELEASE, p.PAGING),
    p.REGISTRATION: (p.DEREGISTRATION, p.REGISTRATION, p.SESSION_ESTABLISHMENT),
    p.SESSION_ESTABLISHMENT: (p.SESSION_RELEASE, p.SESSION_ESTABLISHMENT),
    p.PATH_SWITCH: (p.PATH_SWITCH,),
    p.REGISTRATION_UPDATE: (p.AN_RELEASE, p.REGISTRATION_UPDATE, p.SERVICE_REQUEST),
}
"""What is done for each entry of the mix, one after the other: the UE is connected before and after it."""

IDLE_TURNS: dict[str, tuple[str, ...]] = {
    p.SERVICE_REQUEST: (p.SERVICE_REQUEST, p.AN_RELEASE),
    p.PAGING: (p.PAGING, p.AN_RELEASE),
    p.REGISTRATION_UPDATE: (p.REGISTRATION_UPDATE,),
}
"""The same for a UE that is idle before and after it."""

NEEDS_SESSION = frozenset((p.PAGING, p.SESSION_ESTABLISHMENT, p.PATH_SWITCH))

DEFAULT_MIX = {
    p.SERVICE_REQUEST: 4.0,
    p.PATH_SWITCH: 4.0,
    p.PAGING: 2.0,
    p.SESSION_ESTABLISHMENT: 1.0,
    p.REGISTRATION: 1.0,
    p.REGISTRATION_UPDATE: 1.0,
}


class SetupError(Exception):
    """The UEs could not be registered in time."""


class Mix:
    """Entries in a fixed order that has each as often as its weight says (smooth weighted round robin)."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = {name: weight for name, weight in weights.items() if weight > 0}
        self._total = sum(self._weights.values())
        self._credit = dict.fromkeys(self._weights, 0.0)

    def next(self) -> str:
        for name, weight in self._weights.items():
            self._credit[name] += weight
        name = max(self._credit, key=self._credit.__getitem__)
        self._credit[name] -= self._total
        return name


class Load:
    """`ues` in order: the first `pinging` of them stay connected and only move, the last `idle` are idle between."""

    def __init__(
        self,
        ues: list[Ue],
        procedures: Procedures,
        mix: Mix,
        rate: float,
        gaps: GapMeter,
        *,
        pinging: int,
        idle: int,
        with_session: bool,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._procedures = procedures
        self._mix = mix
        self._interval_s = 1 / rate if rate > 0 else 0.0
        self.gaps = gaps
        self._ues = ues
        self._with_session = with_session
        self._first_idle = len(ues) - idle
        self._pinging = deque(ues[:pinging])
        self._moving = deque(ues[pinging : self._first_idle])
        self._idle = deque(ues[self._first_idle :])
        for ue in self._idle:
            ue.rests_idle = True
        self._turns = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._recoveries: set[asyncio.Task[None]] = set()
        self.setup_retries = 0
        self.setup_failures: Counter[str] = Counter()
        self.skipped = 0
        """Due times at which no UE was in a state to do anything."""
        self.registered_per_s = 0.0
        self.setup_cpu_s = 0.0
        """Processor time of the driver itself."""

    async def set_up(self, rate: float, timeout_s: float) -> None:
        """Register all UEs, `rate` a second, with their sessions; what fails is tried again until the time-out.

        A core that is slower than the rate has SETUP_OUTSTANDING to do at a time, not all: it would do the same twice.
        """
        window, has_waited = asyncio.Semaphore(SETUP_OUTSTANDING), False
        started, cpu_s = self._loop.time(), time.process_time()
        deadline = started + timeout_s
        ues = iter(self._ues)
        async with asyncio.TaskGroup() as group:
            async for due in due_times(1 / rate):
                ue = next(ues, None)
                if ue is None:
                    break
                has_waited |= window.locked()
                await window.acquire()
                task = group.create_task(self._set_up_one(ue, self._loop.time() if has_waited else due, deadline))
                task.add_done_callback(lambda _: window.release())
        self.registered_per_s = len(self._ues) / (self._loop.time() - started)
        self.setup_cpu_s = time.process_time() - cpu_s
        for ue in self._ues[self._first_idle :]:
            await self._procedures.measure(ue, p.AN_RELEASE, self._loop.time())

    async def run(self) -> None:
        """Begin a turn at each due time until cancelled."""
        if not self._interval_s:
            await asyncio.Event().wait()
        async for due in due_times(self._interval_s):
            entry = self._mix.next()
            found = self._choose(entry)
            if found is None:
                self.skipped += 1
                continue
            self._start(*found, due)

    def reconnect(self) -> None:
        """A gNB is back: the UEs that have lost their connection with it ask for service again."""
        for ue in self._ues[: self._first_idle]:
            if ue.registered and ue.connection is None and not ue.busy:
                self._start(ue, (p.SERVICE_REQUEST,), self._loop.time())

    async def finish(self, timeout_s: float) -> int:
        """Wait for what is under way; return how many turns did not end in time."""
        stopped = self._loop.time()
        unfinished: set[asyncio.Task[None]] = set()
        if self._tasks:
            _, unfinished = await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in (*unfinished, *self._recoveries):
            task.cancel()
        await asyncio.gather(*unfinished, *self._recoveries, return_exceptions=True)
        self.gaps.close(stopped)
        return len(unfinished)

    async def deregister(self) -> None:
        """Deregister all UEs, those that are idle after a service request."""
        for ue in self._ues:
            if not ue.registered:
                continue
            try:
                due = self._loop.time()
                if ue.connection is None:
                    due = await self._procedures.measure(ue, p.SERVICE_REQUEST, due)
                await self._procedures.measure(ue, p.DEREGISTRATION, due)
            except ProcedureError:
                continue

    def _start(self, ue: Ue, steps: tuple[str, ...], due: float) -> None:
        ue.busy = True
        task = self._loop.create_task(self._turn(ue, steps, due))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _set_up_one(self, ue: Ue, due: float, deadline: float) -> None:
        kind = p.REGISTRATION
        while True:
            try:
                ended = await self._procedures.measure(ue, kind, due)
                if self._with_session:
                    session = p.SESSION_ESTABLISHMENT if kind == p.REGISTRATION else p.RECOVERY_OF_SESSION
                    await self._procedures.measure(ue, session, ended)
            except ProcedureError as error:
                # What fails before the first success is a core that still starts, not a failure of the load.
                self.setup_retries += 1
                self.setup_failures[str(error)] += 1
                if self._loop.time() > deadline:
                    raise SetupError(f"not all UEs are registered: {dict(self.setup_failures)}") from error
                await asyncio.sleep(SETUP_RETRY_S)
                kind, due = p.RECOVERY, self._loop.time()
            else:
                return

    def _choose(self, entry: str) -> tuple[Ue, tuple[str, ...]] | None:
        """A UE for an entry of the mix, with the steps that it takes."""
        queues: tuple[deque[Ue], ...]
        if entry == p.PATH_SWITCH:
            queues = (self._pinging, self._moving)
        elif entry in IDLE_TURNS:
            queues = (self._idle, self._moving) if next(self._turns) % 2 else (self._moving, self._idle)
        else:
            queues = (self._moving,)
        for queue in queues:
            for _ in range(min(len(queue), LOOK_AHEAD)):
                ue = queue[0]
                queue.rotate(-1)
                if ue.busy or not ue.registered:
                    continue
                steps = self._steps(ue, entry)
                if steps is not None and (ue.session is not None or entry not in NEEDS_SESSION):
                    return ue, steps
        return None

    def _steps(self, ue: Ue, entry: str) -> tuple[str, ...] | None:
        # A UE that has lost its connection, or was paged by itself, gets back first to where it belongs.
        if ue.rests_idle:
            return IDLE_TURNS.get(entry) if ue.connection is None else (p.AN_RELEASE,)
        return TURNS[entry] if ue.connection is not None else (p.SERVICE_REQUEST,)

    async def _turn(self, ue: Ue, steps: tuple[str, ...], due: float) -> None:
        try:
            for step in steps:
                if step == p.SESSION_ESTABLISHMENT and not self._with_session:
                    continue
                self.gaps.asked(due)
                due = await self._procedures.measure(ue, step, due)
                self.gaps.answered(due)
        except ProcedureError:
            self.gaps.failed()
            self._recover(ue)
        else:
            ue.busy = False

    def _recover(self, ue: Ue) -> None:
        """Bring a UE back whose procedure has failed, so that one failure is not counted many times."""
        task = self._loop.create_task(self._register_again(ue))
        self._recoveries.add(task)
        task.add_done_callback(self._recoveries.discard)

    async def _register_again(self, ue: Ue) -> None:
        while True:
            try:
                ended = await self._procedures.measure(ue, p.RECOVERY, self._loop.time())
                if self._with_session:
                    ended = await self._procedures.measure(ue, p.RECOVERY_OF_SESSION, ended)
                if ue.rests_idle:
                    await self._procedures.measure(ue, p.AN_RELEASE, ended)
            except ProcedureError:
                await asyncio.sleep(SETUP_RETRY_S)
            else:
                ue.busy = False
                return
