# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migrations of a host as somebody sees them who has not begun them, and the orders that he may give."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import MigrationError
from ..session import journal, progress, states, supervisor
from ..session.journal import MigrationRecord
from ..session.progress import Snapshot

ARGUMENTS: dict[str, Any] = {
    "argument_spec": {
        "name": {"type": "str"},
        "migration_id": {"type": "str"},
        "timeout_s": {"type": "int", "default": 60},
    },
    "required_one_of": [("name", "migration_id")],
    "mutually_exclusive": [("name", "migration_id")],
    "supports_check_mode": True,
}
"""Of an Ansible module that gives an order."""

POLL_INTERVAL_S = 0.02


@dataclass(frozen=True)
class Migration:
    """One migration that leaves this host or arrives on it.

    Attributes:
        migration_id: the same on both hosts.
        name: of the container.
        role: of this host, ``source`` or ``target``.
        peer: inventory name of the other host.
        state: on the source host as users see it; else that of the journal.
        in_progress: false when it was interrupted.
        progress: on the source host; else None.
    """

    migration_id: str
    name: str
    role: str
    peer: str
    state: str
    in_progress: bool
    progress: Snapshot | None = None


def migrations() -> list[Migration]:
    """Every migration of this host; those with a journal first, oldest first."""
    found = []
    recorded = set()
    for entry in journal.all_records():
        recorded.add(entry.directory)
        snapshot = progress.read(entry.directory) if entry.role == states.SOURCE else None
        state = snapshot.state if snapshot else entry.state
        found.append(
            Migration(
                entry.migration_id, entry.container_name, entry.role, entry.peer, state, entry.in_progress, snapshot
            )
        )
    for directory in sorted(paths.journals().glob("*")):
        snapshot = progress.read(directory)
        if directory not in recorded and snapshot and supervisor.peek(directory) is None:
            found.append(
                Migration(
                    snapshot.migration_id,
                    snapshot.name,
                    states.SOURCE,
                    snapshot.peer,
                    snapshot.state,
                    supervisor.is_supervised(directory),
                    snapshot,
                )
            )
    return found


@dataclass(frozen=True)
class Answer:
    """What became of an order.

    Attributes:
        changed: whether the order was given, or would be.
        status: of the migration: ``none`` there is, ``ordered`` (in check mode), or as in the result of a migration.
        message: in words.
        migration_id: of the migration; empty without one.
    """

    changed: bool
    status: str
    message: str
    migration_id: str = ""


class Orders:
    """Orders to one migration that leaves this host.

    Args:
        name: of the container; or
        migration_id: of the migration.
        check: change nothing.
    """

    def __init__(self, name: str | None, migration_id: str | None, check: bool = False) -> None:
        if migration_id is not None:
            try:
                journal.check_id(migration_id)
            except ValueError as error:
                raise MigrationError(f"{error}: it has 16 hexadecimal digits.") from None
        self._what = f"of container '{name}'" if name is not None else f"with id {migration_id}"
        self._check = check
        leaving = (one for one in migrations() if one.role == states.SOURCE)
        self._found = next((one for one in leaving if name == one.name or migration_id == one.migration_id), None)

    @property
    def _directory(self) -> Path:
        return supervisor.directory_of(self._id)

    @property
    def _id(self) -> str:
        return self._found.migration_id if self._found else ""

    @property
    def _none(self) -> Answer:
        return Answer(False, "none", f"No migration {self._what} leaves this host.")

    def cancel(self, timeout_s: float, runs_here: Callable[[str], bool]) -> Answer:
        """End it before its commit point, and wait for its end. Nothing happens where there is none.

        Args:
            timeout_s: how long to wait.
            runs_here: whether a container's process runs on this host.

        Raises:
            MigrationError: it is past its commit point, or does not come to an end.
        """
        if self._found is None:
            return self._none
        if not self._found.in_progress:
            raise MigrationError(
                f"Migration {self._id} is not at work any more, it was interrupted. "
                "container_migration_recover settles it."
            )
        self._refuse_after_commit()
        if self._check:
            return Answer(True, "ordered", f"Migration {self._id} would be cancelled.", self._id)
        with contextlib.suppress(FileNotFoundError):  # it has ended meanwhile
            progress.request_cancel(self._directory)
        result = self._await_end(timeout_s, runs_here)
        status = str(result.get("status", "failed"))
        if result.get("in_doubt") or status == states.COMPLETED:
            raise MigrationError(
                f"The order came too late: migration {self._id} had passed its commit point. "
                f"{result.get('message', 'The process runs on the target host.')}"
            )
        words = "was cancelled." if status == states.CANCELLED else f"failed: {result.get('message')}"
        return Answer(True, status, f"Migration {self._id} {words} The process runs on here.", self._id)

    def go_on(self, timeout_s: float) -> Answer:
        """Have it continue that pauses before its switchover, when it does; returns when it goes on.

        Raises:
            MigrationError: there is none, it ends before it pauses, or does not pause in time.
        """
        if self._found is None:
            raise MigrationError(f"{self._none.message} It may have ended, or not have begun yet.")
        state = self._await_state(lambda now: now not in (states.SETUP, states.ACTIVE), timeout_s)
        if state != states.PRE_SWITCHOVER:
            return Answer(False, state, f"Migration {self._id} does not wait: it is in the state '{state}'.", self._id)
        if self._check:
            return Answer(True, state, f"Migration {self._id} would be continued.", self._id)
        progress.request_continue(self._directory)
        state = self._await_state(lambda now: now != states.PRE_SWITCHOVER, timeout_s)
        return Answer(True, state, f"Migration {self._id} was continued.", self._id)

    def _refuse_after_commit(self) -> None:
        state = self._found.state if self._found else ""
        recorded = ""
        with contextlib.suppress(FileNotFoundError, ValueError):
            recorded = MigrationRecord.load(self._directory / "source.json").state
        if recorded in states.AFTER_COMMIT or state not in states.CANCELLABLE:
            raise MigrationError(
                f"Migration {self._id} is past its commit point (state '{state}'): the process belongs to the target "
                "host now. Migrate it back when it has arrived there."
            )

    def _await_end(self, timeout_s: float, runs_here: Callable[[str], bool]) -> dict[str, Any]:
        """The result; of one that was fetched just now, what can be seen of it."""
        deadline = time.monotonic() + timeout_s
        while True:
            supervised = supervisor.is_supervised(self._directory)
            result = supervisor.peek(self._directory)
            if result is not None:
                return result
            if not supervised:
                stays = self._found is not None and runs_here(self._found.name)
                return {"status": states.CANCELLED if stays else states.COMPLETED}
            if time.monotonic() > deadline:
                raise MigrationError(f"Migration {self._id} was told to end, and has not within {timeout_s:.0f} s.")
            time.sleep(POLL_INTERVAL_S)

    def _await_state(self, wanted: Callable[[str], bool], timeout_s: float) -> str:
        deadline = time.monotonic() + timeout_s
        while True:
            supervised = supervisor.is_supervised(self._directory)
            snapshot = progress.read(self._directory)
            state = snapshot.state if snapshot else ""
            if snapshot and wanted(state):
                return state
            if not supervised or snapshot is None or supervisor.peek(self._directory) is not None:
                raise MigrationError(f"Migration {self._id} has ended before it paused.")
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"Migration {self._id} is still in the state '{state}' after {timeout_s:.0f} s. "
                    "Does it pause? That is an option of container_migrate, pause_before_switchover."
                )
            time.sleep(POLL_INTERVAL_S)
