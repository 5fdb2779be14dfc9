# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in progress: its events, its result, and its end on request."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from organic5gc.errors import Cancelled, Interrupted, MigrationFailed, OrganicError, PlaybookFailed, TimedOut
from organic5gc.playbooks import PlaybookRun, Progress
from organic5gc.results import Ending, Status
from organic5gc.runs import History, Run

CANCEL_TIMEOUT_S = 180.0
"""How long a cancelled play may take to end between two tasks, before its processes are ended."""

RETRY_S = 1.0
EVENTS_KEPT = 1000

T = TypeVar("T")


class Hosts(Protocol):
    """What a run needs of the hosts to be cancelled."""

    def cancel_on_hosts(self, container: str) -> dict[str, str]:
        """State of the cancelled migration by host; raises PlaybookFailed when it is past its commit point."""

    def status(self) -> Status:
        """Where the NFs run."""


class Running(Generic[T]):
    """A run in a thread of its own. Its events are kept until somebody reads them, the oldest are dropped after 1000.

    ``container`` is the one that it migrates; empty when it migrates none, or those that its events name.
    """

    def __init__(
        self, hosts: Hosts, history: History, run: Run, play: PlaybookRun, read: Callable[[], T], container: str = ""
    ) -> None:
        self.run = run
        self._hosts = hosts
        self._history = history
        self._play = play
        self._read = read
        self._containers = {container} if container else set()
        self._events: queue.Queue[Progress | None] = queue.Queue(EVENTS_KEPT)
        self._ended = threading.Event()
        self._value: list[T] = []
        self._error: BaseException | None = None
        self._ending: Ending | None = None
        self._cancelling = threading.Lock()
        self._user = play.on_progress
        self._last: Progress | None = None
        play.on_progress = self._take
        threading.Thread(target=self._work, name=run.id, daemon=True).start()

    @property
    def is_running(self) -> bool:
        return not self._ended.is_set()

    def events(self) -> Iterator[Progress]:
        """The events as they come, until the end of the run; each goes to one reader."""
        while True:
            try:
                event = self._events.get(timeout=0.2)
            except queue.Empty:
                if self._ended.is_set():
                    return
                continue
            if event is None:
                return
            yield event

    async def __aiter__(self) -> AsyncIterator[Progress]:
        """The same for a program with an event loop."""
        events = self.events()
        while (event := await asyncio.to_thread(next, events, None)) is not None:
            yield event

    async def wait(self, timeout_s: float | None = None) -> T:
        """The same as ``result`` for a program with an event loop; a task that is cancelled cancels the run."""
        work = asyncio.create_task(asyncio.to_thread(self.result, timeout_s))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.to_thread(self.cancel)
            with contextlib.suppress(OrganicError):
                await work
            raise

    def result(self, timeout_s: float | None = None) -> T:
        """Wait for the end and return the result; raises an error of ``organic5gc.errors``.

        After ``timeout_s`` seconds, and at Ctrl-C, the run is cancelled: TimedOut or Interrupted say what became of it.
        """
        try:
            in_time = self._ended.wait(timeout_s)
        except KeyboardInterrupt:
            ending = self.cancel()
            raise Interrupted(f"Interrupted. {ending.message}", ending) from None
        if not in_time:
            ending = self.cancel()
            if ending.outcome != "completed":
                raise TimedOut(f"Not done within {timeout_s:g} s. {ending.message}", ending)
        if self._value:
            return self._value[0]
        # One who waits in another thread than the one who cancels: the ending is known when that one is done.
        if self._play.stop.is_requested:
            with self._cancelling:
                if self._ending is not None:
                    raise Cancelled(self._ending.message, self._ending)
            ending = Ending("cancelled", f"Run {self.run.id} was cancelled by another program.")
            raise Cancelled(ending.message, ending)
        raise self._error or RuntimeError("a run has ended without a result")

    def cancel(self, timeout_s: float = CANCEL_TIMEOUT_S) -> Ending:
        """End the run and wait until nothing of it runs any more; a migration past its commit point is completed.

        The play ends before its next task. A migration that it waits for is cancelled on its hosts. If the play has not
        ended after ``timeout_s`` seconds, its processes are ended.
        """
        with self._cancelling:
            if self._ending is None:
                self._ending = self._cancel(timeout_s)
            return self._ending

    def _cancel(self, timeout_s: float) -> Ending:
        if self._ended.is_set():
            return Ending("none", f"Run {self.run.id} had ended.")
        self._play.stop.request()
        deadline = time.monotonic() + timeout_s
        too_late: set[str] = set()
        while not self._ended.wait(RETRY_S):
            if time.monotonic() > deadline:
                self._play.stop.at_once()
                self._ended.wait()
                break
            self._cancel_migrations(too_late)
        if self._value:
            ending = Ending("completed", f"Too late to cancel run {self.run.id}: it has completed.")
        elif isinstance(self._error, MigrationFailed) and self._error.result["migration"].get("status") == "failed":
            ending = Ending("failed", f"Run {self.run.id} failed before it could be cancelled: {self._error.message}")
        else:
            ending = Ending("cancelled", f"Run {self.run.id} was cancelled.")
        return self._with_hosts(ending, deadline, too_late)

    def _with_hosts(self, ending: Ending, deadline: float, too_late: set[str]) -> Ending:
        """Await the migrations that outlive the play, and find out where the container runs."""
        ending = dataclasses.replace(ending, in_order=self._play.stop.in_order)
        if not self._containers:
            return ending
        try:
            status = self._hosts.status()
            while any(one.in_progress and one.name in self._containers for one in status.migrations):
                if time.monotonic() > deadline + CANCEL_TIMEOUT_S:
                    return dataclasses.replace(ending, message=f"{ending.message} A migration has not ended yet.")
                self._cancel_migrations(too_late)
                time.sleep(RETRY_S)
                status = self._hosts.status()
        except PlaybookFailed as failure:
            return dataclasses.replace(ending, message=f"{ending.message} The hosts were not asked: {failure.message}")
        places = {name: status.hosts_of(name) for name in sorted(self._containers)}
        words = "; ".join(f"{name} runs on {', '.join(hosts) or 'no host'}" for name, hosts in places.items())
        hosts = tuple(host for found in places.values() for host in found)
        return dataclasses.replace(ending, message=f"{ending.message} {words[:1].upper()}{words[1:]}.", hosts=hosts)

    def _cancel_migrations(self, too_late: set[str]) -> None:
        for name in sorted(self._containers - too_late):
            try:
                self._hosts.cancel_on_hosts(name)
            except PlaybookFailed:
                too_late.add(name)

    def _take(self, progress: Progress) -> None:
        if progress.migration:
            self._containers.add(progress.migration.name)
        if progress != self._last:
            self._last = progress
            with contextlib.suppress(queue.Empty):
                if self._events.full():
                    self._events.get_nowait()
            with contextlib.suppress(queue.Full):
                self._events.put_nowait(progress)
        self._user(progress)

    def _work(self) -> None:
        try:
            self._play.run()
            self._value.append(self._read())
            self.run = self._history.end(self.run, "successful", "", _plain(self._value[0]))
        except BaseException as error:
            self._error = error
            status = "cancelled" if self._play.stop.is_requested else "failed"
            self.run = self._history.end(self.run, status, str(error), _plain_error(error))
        finally:
            self._ended.set()
            with contextlib.suppress(queue.Full):
                self._events.put_nowait(None)


def _plain(value: Any) -> dict[str, Any]:
    return dataclasses.asdict(value)


def _plain_error(error: BaseException) -> dict[str, Any]:
    return error.result if isinstance(error, PlaybookFailed) else {}
