# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AMF's part: sets up PDU sessions at the SMF and changes them at a set rate."""

from __future__ import annotations

import asyncio
import itertools
import uuid

from ..load.gaps import GapMeter
from ..load.pace import due_times
from ..sbi.client import Connection, SbiError
from ..sbi.message import JSON_TYPE, Response
from ..smf.idempotency import HEADER, SEEN_HEADER
from ..smf.resources import CONTEXTS
from .session import Session
from .statistics import Record, RequestLog

SETUP_PARALLEL = 8
SETUP_RETRY_S = 0.2


class SetupError(Exception):
    """The sessions could not be set up in time."""


class Signalling:
    """Requests of all sessions over `connections`; a session stays on one, so that its requests keep their order."""

    def __init__(self, connections: list[Connection], sessions: list[Session], rate: float, churn: float) -> None:
        """`rate` in requests a second; `churn` is the share of them that sets a session up again."""
        self._loop = asyncio.get_running_loop()
        self._connections = connections
        self.sessions = sessions
        self._interval_s = 1 / rate
        self._churn = churn
        self._run_id = uuid.uuid4().hex[:12]
        self._request_ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self.gaps = GapMeter(self._interval_s)
        self.log = RequestLog()
        self.created = 0
        self.load_answered = 0
        self.setup_retries = 0

    async def set_up(self, timeout_s: float) -> None:
        """Create all sessions; an SMF that is not ready yet is asked again."""
        queue = list(reversed(self.sessions))
        deadline = self._loop.time() + timeout_s

        async def worker() -> None:
            while queue:
                session = queue.pop()
                while not await self._create(session, self._loop.time(), measured=False):
                    if self._loop.time() > deadline:
                        raise SetupError(f"not all sessions are up after {timeout_s:g} s: {self.log.failures}")
                    # What failed before the first success is a core that still starts, not a failure of the load.
                    self.setup_retries += 1
                    await asyncio.sleep(SETUP_RETRY_S)

        async with asyncio.TaskGroup() as group:
            for _ in range(SETUP_PARALLEL):
                group.create_task(worker())

    async def load(self) -> None:
        """Change sessions at the set rate until cancelled."""
        turns = itertools.cycle(range(len(self.sessions)))
        # Only the second half is set up again: the sessions of the first half carry the pings.
        fresh_turns = itertools.cycle(range((len(self.sessions) + 1) // 2, len(self.sessions)))
        due_for_churn = 0.0
        async for due in due_times(self._interval_s):
            due_for_churn += self._churn
            if due_for_churn >= 1 and len(self.sessions) > 1:
                due_for_churn -= 1
                session = self.sessions[next(fresh_turns)]
                if session.outstanding == 0:
                    self._start(session, due, create=True)
                    continue
            # A session that is being set up again has no reference to change.
            session = next(s for s in (self.sessions[i] for i in turns) if s.active)
            self._start(session, due, create=False)

    async def finish(self, timeout_s: float) -> int:
        """Wait for the outstanding answers; what is unanswered then has failed. Return how many."""
        stopped = self._loop.time()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)
        unanswered = [task for task in self._tasks if not task.done()]
        for task in unanswered:
            task.cancel()
        await asyncio.gather(*unanswered, return_exceptions=True)
        self.gaps.close(stopped)
        return len(unanswered)

    def _start(self, session: Session, due: float, create: bool) -> None:
        coroutine = self._recreate(session, due) if create else self._switch(session, due)
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _recreate(self, session: Session, due: float) -> None:
        await self._create(session, due, measured=True)

    async def _switch(self, session: Session, due: float) -> None:
        await self._modify(session, "path switch", session.path_switch_body(), due, measured=True)

    async def _create(self, session: Session, due: float, measured: bool) -> bool:
        session.active = False
        response = await self._request(session, "create", CONTEXTS, session.create_body, due, 201, measured)
        if response is None:
            session.active = bool(session.ref)
            return False
        session.created(response)
        done = await self._modify(
            session, "set-up response", session.setup_response_body(), self._loop.time(), measured
        )
        session.active = True
        self.created += done
        return done

    async def _modify(self, session: Session, operation: str, body: bytes, due: float, measured: bool) -> bool:
        response = await self._request(session, operation, session.modify_path, body, due, 200, measured)
        if response is None:
            return False
        if not session.updated(response):
            self.log.duplicated += 1
        return True

    async def _request(
        self, session: Session, operation: str, path: str, body: bytes, due: float, expected: int, measured: bool
    ) -> Response | None:
        index = session.index % len(self._connections)
        headers = {
            "content-type": JSON_TYPE,
            HEADER: f"idempotency-key={self._run_id}-{next(self._request_ids)}",
        }
        if measured:
            self.gaps.asked(due)
        session.outstanding += 1
        sent = self._loop.time()
        response: Response | None = None
        failure: str | None = "unanswered"
        try:
            response = await self._connections[index].call("POST", path, body, headers)
            failure = None if response.status == expected else f"status {response.status}"
        except SbiError as error:
            failure = str(error)
        finally:
            now = self._loop.time()
            session.outstanding -= 1
            if measured and failure is None:
                self.gaps.answered(now)
                self.load_answered += 1
            elif measured:
                self.gaps.failed()
            if measured or failure is None:
                status = response.status if response else 0
                record = Record(due, sent, now if response else None, operation, status, session.index, index)
                self.log.add(record, failure)
            else:
                self.log.failures[failure or ""] = self.log.failures.get(failure or "", 0) + 1
        if failure is not None or response is None:
            return None
        if response.headers.get(SEEN_HEADER) != "1":
            self.log.duplicated += 1
        return response
