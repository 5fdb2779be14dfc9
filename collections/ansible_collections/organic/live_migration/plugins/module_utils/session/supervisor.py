# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor: the process on the source host that accompanies one migration, from the preflight until its outcome
was fetched.

The controller's tasks come and go: one starts the supervisor, which takes a slot; one brings the request to migrate
when the target is prepared; others poll for the outcome. In the directory of the migration's journal the supervisor
keeps

- a lock on the directory itself, for as long as it or the worker lives,
- ``requests``, a socket for the request, and for signs of life of the controller,
- ``result.json``, the outcome, until a task has fetched it or nothing was heard from the controller for a while.

The controller says with each sign of life how patient the supervisor has to be: where many migrations at once load the
controller or the host, its tasks come late.

A controller that dies leaves nothing behind: without a request the supervisor ends, with one the migration does.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from .. import paths, typed
from ..errors import MigrationError
from . import journal, metrics, progress, watchdog
from .outcome import Outcome, Pending, Verdict
from .progress import Progress, Snapshot
from .slots import LEAVING, Slot

_REQUESTS = "requests"
_SIGN_OF_LIFE = "patience_s"
"""The only field of a message that is a sign of life."""
_RESULT = "result.json"
PATIENCE_S = 45.0
"""How long nothing may be heard from the controller, at least: longer than any of its tasks takes on a host that is not
loaded, except the one that prepares the target, which may take as long as the migration itself."""
MOST_PATIENCE_S = 600.0
POLL_INTERVAL_S = 0.05
RESULT_POLL_S = 0.004
"""A short interval, as the migration time ends with the result."""
_MAX_REQUEST_BYTES = 65536

Request = dict[str, object]
"""Parameters of the agent module, see :class:`migration.phases.Parameters`."""
Work = Callable[[Request], Outcome]


class _ControllerLost(MigrationError):
    """Nobody waits for the outcome."""


class Supervisor:
    """Made by the task that starts the migration; works in a process of its own.

    Args:
        facts: of the migration, see :class:`progress.Progress`.
        max_parallel: how many migrations may leave this host at once.
        timeout_s: how long the migration may take, and how long the controller may take to prepare the target.
        work: takes the controller's request, migrates, and returns the outcome.
    """

    def __init__(
        self, migration_id: str, facts: Mapping[str, object], max_parallel: int, timeout_s: float, work: Work
    ) -> None:
        self._directory = directory_of(migration_id)
        self._facts = {**facts, "migration_id": migration_id}
        self._max_parallel = max_parallel
        self._timeout_s = timeout_s
        self._work = work
        self._queued = False
        self._has_begun = False
        self._heard = time.monotonic()
        self._patience_s = PATIENCE_S

    def begin(self) -> bool:
        """Start the process; returns whether the migration must queue.

        Raises:
            MigrationError: the process did not start.
        """
        read_end, write_end = os.pipe()
        lock = _lock(self._directory)
        requests = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with _at(self._directory) as path:
            requests.bind(f"{path}/{_REQUESTS}")
        watchdog.daemonize(lambda: self._supervise(requests, write_end))
        requests.close()
        os.close(lock)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            answer = pipe.read(1)
        if not answer:
            raise MigrationError(
                "The supervisor of the migration did not start on the source host. Check the host's free memory and "
                "its limit of processes, then migrate again."
            )
        return answer == "q"

    def _supervise(self, requests: socket.socket, ready: int) -> None:
        self._heard = time.monotonic()
        slot: Slot | None = None
        heard = True
        try:
            reported = Progress(self._directory, self._facts)
            slot = self._take_slot(reported, requests, ready)
            request = self._await_request(reported, requests)
            self._has_begun = True
            outcome = self._work(request)
        except _ControllerLost as error:
            outcome, heard = Outcome.of_error(error), False
        except Exception as error:  # whatever it is has to reach the user
            outcome = Outcome.of_error(error)
        try:
            if slot is not None:
                slot.release()  # whoever waits for it need not wait for the controller, too
            if outcome.statistics is None:
                outcome.statistics = self._last_progress(outcome)
            self._hand_over(outcome, requests if heard else None)
            if self._has_begun:
                metrics.record(str(self._facts.get("name", "")), outcome)
        finally:
            remove_files(self._directory)

    def _take_slot(self, reported: Progress, requests: socket.socket, ready: int) -> Slot:
        slot = Slot.take(LEAVING, self._max_parallel)
        reported.update(queued=slot is None)
        os.write(ready, b"q" if slot is None else b"s")
        os.close(ready)
        self._queued = slot is None
        while slot is None:
            self._listen(reported, requests, self._patience_s)
            slot = Slot.take(LEAVING, self._max_parallel)
        reported.update(queued=False)
        return slot

    def _await_request(self, reported: Progress, requests: socket.socket) -> Request:
        since = time.monotonic()
        while True:
            # a controller whose migration queued is heard from as soon as it knows that the migration's turn has come
            knows = not self._queued or self._heard > since
            patience_s = max(self._patience_s, self._timeout_s) if knows else self._patience_s
            if found := self._listen(reported, requests, patience_s):
                return found

    def _listen(self, reported: Progress, requests: socket.socket, patience_s: float) -> Request | None:
        """Listen for a moment; returns the request if one came."""
        reported.check()
        requests.settimeout(POLL_INTERVAL_S)
        with contextlib.suppress(socket.timeout):
            return self._receive(requests)
        if time.monotonic() - self._heard > patience_s:
            raise _ControllerLost("Lost contact with the Ansible controller.")
        return None

    def _receive(self, requests: socket.socket) -> Request | None:
        """Read a message of the controller; returns it if it is the request, and not a sign of life."""
        found: Request = json.loads(requests.recv(_MAX_REQUEST_BYTES))
        self._heard = time.monotonic()
        if set(found) != {_SIGN_OF_LIFE}:
            return found
        self._patience_s = max(self._patience_s, min(float(str(found[_SIGN_OF_LIFE])), MOST_PATIENCE_S))
        return None

    def _last_progress(self, outcome: Outcome) -> Snapshot | None:
        if outcome.verdict is Verdict.IN_DOUBT:
            return progress.read(self._directory)
        return progress.final_snapshot(self._directory, outcome.state)

    def _hand_over(self, outcome: Outcome, requests: socket.socket | None) -> None:
        """Wait until the outcome was fetched, or nothing was heard from the controller for too long.

        Args:
            requests: None when the controller is lost already.
        """
        path = self._directory / _RESULT
        temporary = path.with_suffix(".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(typed.to_dict(outcome), out, default=str)
        os.replace(temporary, path)
        if requests is None:
            return
        requests.setblocking(False)
        self._heard = time.monotonic()
        while path.exists() and time.monotonic() - self._heard < self._patience_s:
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._receive(requests)
            time.sleep(RESULT_POLL_S)


def submit(migration_id: str, request: Mapping[str, object]) -> None:
    """Give a supervisor its request.

    Raises:
        MigrationError: it has ended.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer, _at(directory_of(migration_id)) as path:
            peer.setblocking(False)
            peer.sendto(json.dumps(request).encode(), f"{path}/{_REQUESTS}")
    except BlockingIOError:
        return  # it has more to read than it needs
    except OSError:
        raise MigrationError(
            f"Migration {migration_id} has ended before it could begin: it was cancelled, or the target host was not "
            "prepared within timeout_s. In the second case set a longer timeout_s."
        ) from None


def _say_alive(migration_id: str, patience_s: float) -> None:
    with contextlib.suppress(MigrationError):
        submit(migration_id, {_SIGN_OF_LIFE: patience_s})


def wait(migration_id: str, events_seen: int, timeout_s: float, patience_s: float = 0.0) -> Outcome | Pending:
    """Wait for the outcome and fetch it, or for progress.

    Args:
        events_seen: how many events of the progress the caller knows: the call returns when there are more. Negative:
            only the outcome is awaited.
        patience_s: how long the supervisor may hear nothing from now on, if that is longer than until now.

    Returns:
        The outcome; IN_DOUBT if the supervisor was killed.
    """
    directory = directory_of(migration_id)
    deadline = time.monotonic() + timeout_s
    queued = None
    _say_alive(migration_id, patience_s)
    while True:
        supervised = is_supervised(directory)
        outcome = _fetch(directory)
        if outcome is not None:
            return outcome
        if not supervised:
            return Outcome(
                Verdict.IN_DOUBT,
                f"The supervisor of migration {migration_id} died before its result was read; its outcome is in doubt.",
            )
        snapshot = progress.read(directory) or Snapshot(migration_id)
        queued = snapshot.queued if queued is None else queued
        has_news = len(snapshot.events) > events_seen >= 0 or snapshot.queued != queued
        if has_news or time.monotonic() > deadline:
            _say_alive(migration_id, patience_s)
            return Pending(snapshot)
        time.sleep(RESULT_POLL_S)


def peek(directory: Path) -> Outcome | None:
    """The outcome of a migration that nobody has fetched yet."""
    try:
        return typed.from_dict(Outcome, json.loads((directory / _RESULT).read_text()), complete=True)
    except (OSError, ValueError):
        return None


def _fetch(directory: Path) -> Outcome | None:
    outcome = peek(directory)
    if outcome is not None:
        (directory / _RESULT).unlink(missing_ok=True)
    return outcome


def is_supervised(directory: Path) -> bool:
    """Whether a supervisor lives, or a worker that has lost its supervisor."""
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
    """Remove the files of a supervisor; idempotent."""
    for name in (_REQUESTS, _RESULT, f"{Path(_RESULT).stem}.new"):
        (directory / name).unlink(missing_ok=True)
    progress.remove_files(directory)


def remove_stale() -> None:
    """Remove the files of migrations whose supervisor was killed."""
    for path in paths.journals().glob("*/progress.json"):
        if not is_supervised(path.parent):
            remove_files(path.parent)


def unfinished() -> list[str]:
    """Names of the containers whose migration has a supervisor, and no outcome yet."""
    found = set()
    for path in paths.journals().glob("*/progress.json"):
        if is_supervised(path.parent) and peek(path.parent) is None:
            snapshot = progress.read(path.parent)
            if snapshot is not None:  # it has not just ended
                found.add(snapshot.name)
    return sorted(found)


def known_migrations() -> list[str]:
    """Ids of the migrations that are accompanied here, or have a record here."""
    directories = [path for path in paths.journals().glob("*") if is_supervised(path) or any(path.glob("*.json"))]
    return sorted(path.name for path in directories)


def cancel_others(migration_id: str, name: str) -> None:
    """Cancel other migrations of a container that have not begun: their controller was killed, or has lost the race.

    Args:
        migration_id: of the one for which the target host is prepared, which it is for no other.
    """
    begun = {record.migration_id for record in journal.all_records()}
    for path in paths.journals().glob("*/progress.json"):
        if path.parent.name in (migration_id, *begun) or not is_supervised(path.parent):
            continue
        snapshot = progress.read(path.parent)
        if snapshot is not None and snapshot.name == name and peek(path.parent) is None:
            with contextlib.suppress(FileNotFoundError):
                progress.request_cancel(path.parent)


def directory_of(migration_id: str) -> Path:
    journal.check_id(migration_id)
    return paths.journals() / migration_id


def _lock(directory: Path) -> int:
    """Create the directory and lock it; the lock lasts as long as a process has the returned descriptor open."""
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
