# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process on the source host that attends one migration, from the look at it until its result was fetched.

The controller's tasks come and go: one has the migration begun, which takes a slot; one brings the orders when the
target is prepared; others ask what has become of it. In the directory of the migration's record the attendant keeps

- a lock on the directory itself, for as long as it or the worker lives,
- ``orders``, a socket on which it takes orders, and signs of life of the controller while there is nothing to do yet,
- ``result.json``, the result, until a task has fetched it or the controller was not heard of for a while.

A controller that dies leaves nothing behind: without orders the attendant ends, with orders the migration does.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import paths, typed
from ..errors import MigrationError
from . import journal, progress, states, watchdog
from .progress import Progress
from .slots import LEAVING, Slot

_ORDERS = "orders"
_RESULT = "result.json"
_PATIENCE_S = 45.0
"""How long nothing may be heard of the controller: longer than any of its tasks takes, but for that which prepares the
target; it may take as long as the migration itself."""
POLL_INTERVAL_S = 0.05
RESULT_POLL_S = 0.004
"""A result is looked for often, as the migration time ends with it."""
_MAX_ORDERS_BYTES = 65536

Work = Callable[[dict[str, Any]], watchdog.Result]


class _ControllerLost(MigrationError):
    """Nobody waits for the result."""


class Supervisor:
    """Made where the migration is begun; what it does, it does in a process of its own.

    Args:
        migration_id: names the directory of the migration's record.
        facts: for :class:`monitor.Progress`.
        max_parallel: how many migrations may leave this host at once.
        timeout_s: how long the migration may take, and so its controller be away while it has the target prepared.
        work: takes the controller's orders, does the migration, and returns its result.
    """

    def __init__(
        self, migration_id: str, facts: dict[str, Any], max_parallel: int, timeout_s: float, work: Work
    ) -> None:
        self._directory = directory_of(migration_id)
        self._facts = {**facts, "migration_id": migration_id}
        self._max_parallel = max_parallel
        self._timeout_s = timeout_s
        self._work = work
        self._queued = False
        self._heard = time.monotonic()

    def begin(self) -> bool:
        """Start the process; returns whether the migration must queue.

        Raises:
            MigrationError: the process did not start.
        """
        read_end, write_end = os.pipe()
        lock = _lock(self._directory)
        orders = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with _at(self._directory) as path:
            orders.bind(f"{path}/{_ORDERS}")
        watchdog.daemonize(lambda: self._supervise(orders, write_end))
        orders.close()
        os.close(lock)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            answer = pipe.read(1)
        if not answer:
            raise MigrationError("The host's agent did not start; see the host's memory and process limits.")
        return answer == "q"

    def _supervise(self, orders: socket.socket, ready: int) -> None:
        self._heard = time.monotonic()
        slot: Slot | None = None
        patience_s = _PATIENCE_S
        try:
            told = Progress(self._directory, self._facts)
            slot = self._take_slot(told, orders, ready)
            result = self._work(self._await_orders(told, orders))
        except _ControllerLost as error:
            result, patience_s = watchdog.failure(error), 0.0
        except Exception as error:  # the one place where faults become a result
            result = watchdog.failure(error)
        try:
            orders.close()
            if slot is not None:
                slot.release()  # whoever waits for it need not wait for the controller, too
            result.setdefault("statistics", self._last_progress(result))
            self._hand_over(result, patience_s)
        finally:
            remove_files(self._directory)

    def _take_slot(self, told: Progress, orders: socket.socket, ready: int) -> Slot:
        slot = Slot.take(LEAVING, self._max_parallel)
        told.update(queued=slot is None)
        os.write(ready, b"q" if slot is None else b"s")
        os.close(ready)
        self._queued = slot is None
        while slot is None:
            self._listen(told, orders, _PATIENCE_S)
            slot = Slot.take(LEAVING, self._max_parallel)
        told.update(queued=False)
        return slot

    def _await_orders(self, told: Progress, orders: socket.socket) -> dict[str, Any]:
        since = time.monotonic()
        while True:
            # who had it queue is heard of as soon as it knows that its turn has come
            knows = not self._queued or self._heard > since
            if found := self._listen(told, orders, max(_PATIENCE_S, self._timeout_s) if knows else _PATIENCE_S):
                return found

    def _listen(self, told: Progress, orders: socket.socket, patience_s: float) -> dict[str, Any]:
        """Listen for a moment; returns orders when they came."""
        told.check()
        orders.settimeout(POLL_INTERVAL_S)
        with contextlib.suppress(socket.timeout):
            found: dict[str, Any] = json.loads(orders.recv(_MAX_ORDERS_BYTES))
            self._heard = time.monotonic()
            return found
        if time.monotonic() - self._heard > patience_s:
            raise _ControllerLost("The controller was not heard of any more.")
        return {}

    def _last_progress(self, result: watchdog.Result) -> dict[str, object] | None:
        if result.get("in_doubt"):
            snapshot = progress.read(self._directory)
        else:
            ended = states.COMPLETED if result["ok"] else states.FAILED
            snapshot = progress.final_snapshot(self._directory, str(result.get("status", ended)))
        return None if snapshot is None else typed.to_dict(snapshot)

    def _hand_over(self, result: watchdog.Result, patience_s: float) -> None:
        path = self._directory / _RESULT
        temporary = path.with_suffix(".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(result, out)
        os.replace(temporary, path)
        deadline = time.monotonic() + patience_s
        while path.exists() and time.monotonic() < deadline:
            time.sleep(RESULT_POLL_S)


def submit(migration_id: str, orders: dict[str, Any]) -> None:
    """Give an attendant its orders; empty ones are a sign of life.

    Raises:
        MigrationError: it has ended.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer, _at(directory_of(migration_id)) as path:
            peer.setblocking(False)
            peer.sendto(json.dumps(orders).encode(), f"{path}/{_ORDERS}")
    except BlockingIOError:
        return  # it has heard enough
    except OSError:
        raise MigrationError(
            f"Migration {migration_id} has ended before it could begin: it was cancelled, or nothing was heard of its "
            "controller for longer than timeout_s while the target host was prepared; then a longer one helps."
        ) from None


def wait(migration_id: str, seen: int, timeout_s: float) -> watchdog.Result:
    """Wait for the result and fetch it, or for news.

    Args:
        migration_id: of the migration.
        seen: how many events of its progress are known; more are news. Negative: nothing but the result is awaited.
        timeout_s: how long at most.

    Returns:
        The result; or ``running`` and ``progress``; or, from an agent that was killed, a failure that is ``in_doubt``.
    """
    directory = directory_of(migration_id)
    deadline = time.monotonic() + timeout_s
    queued = None
    while True:
        supervised = is_supervised(directory)
        result = _fetch(directory)
        if result is not None:
            return result
        if not supervised:
            return {
                "ok": False,
                "in_doubt": True,
                "message": f"The agent of migration {migration_id} was killed, and with it the result was lost.",
                "details": {},
            }
        found = progress.read(directory)
        snapshot: dict[str, Any] = {} if found is None else typed.to_dict(found)
        queued = snapshot.get("queued") if queued is None else queued
        news = len(snapshot.get("events", [])) > seen >= 0 or snapshot.get("queued") != queued
        if news or time.monotonic() > deadline:
            with contextlib.suppress(MigrationError):
                submit(migration_id, {})
            return {"ok": True, "running": True, "progress": snapshot}
        time.sleep(RESULT_POLL_S)


def peek(directory: Path) -> watchdog.Result | None:
    """The result of a migration that nobody has fetched yet."""
    try:
        result: watchdog.Result = json.loads((directory / _RESULT).read_text())
    except (OSError, ValueError):
        return None
    return result


def _fetch(directory: Path) -> watchdog.Result | None:
    result = peek(directory)
    if result is not None:
        (directory / _RESULT).unlink(missing_ok=True)
    return result


def is_supervised(directory: Path) -> bool:
    """Whether an attendant, or a worker that has lost it, is there."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def remove_files(directory: Path) -> None:
    """Take away what an attendant has left; may be repeated."""
    for name in (_ORDERS, _RESULT, f"{Path(_RESULT).stem}.new"):
        (directory / name).unlink(missing_ok=True)
    progress.remove_files(directory)


def remove_stale() -> None:
    """Forget migrations whose attendant was killed before or after all else of them had been settled."""
    for path in paths.journals().glob("*/progress.json"):
        if not is_supervised(path.parent):
            remove_files(path.parent)


def directory_of(migration_id: str) -> Path:
    journal.check_id(migration_id)
    return paths.journals() / migration_id


def _lock(directory: Path) -> int:
    """Make the directory and lock it; the lock lasts as long as a process has the returned descriptor."""
    while True:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, FileExistsError):  # the end of another has just removed the directory above
            continue
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor


@contextlib.contextmanager
def _at(directory: Path) -> Iterator[str]:
    """A short path of a directory: that of a socket has at most 107 bytes (unix(7))."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
