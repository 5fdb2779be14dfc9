# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the migrations of a host, cancel one, or continue one that pauses."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import paths
from ..errors import MigrationError
from ..session import journal, progress, states, supervisor
from ..session.journal import MigrationRecord
from ..session.outcome import Outcome, Verdict
from ..session.progress import Snapshot
from .arguments import ArgumentSpec

ARGUMENTS: ArgumentSpec = {
    "argument_spec": {
        "name": {"type": "str"},
        "migration_id": {"type": "str"},
        "timeout_s": {"type": "int", "default": 60},
    },
    "required_one_of": [("name", "migration_id")],
    "mutually_exclusive": [("name", "migration_id")],
    "supports_check_mode": True,
}
"""Of an Ansible module that cancels or continues a migration."""

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
    """What a command to a migration brought about.

    Attributes:
        changed: whether the migration was cancelled or continued, or would be in check mode.
        state: of the migration afterwards; ``none`` where there is no migration.
        message: in words.
        migration_id: of the migration; empty without one.
    """

    changed: bool
    state: str
    message: str
    migration_id: str = ""


class Control:
    """Commands to one migration that leaves this host.

    Args:
        name: of the container; or
        migration_id: of the migration.
        check: change nothing.

    Raises:
        MigrationError: that is no migration id.
    """

    def __init__(self, name: str | None, migration_id: str | None, check: bool = False) -> None:
        if migration_id is not None:
            try:
                journal.check_id(migration_id)
            except ValueError as error:
                raise MigrationError(
                    f"{error}: it has 16 hexadecimal digits. container_migration_info lists the migrations."
                ) from None
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
        """End it before its commit point, and wait until it has ended. Does nothing where there is no migration.

        Args:
            timeout_s: how long to wait.
            runs_here: whether a container's process runs on this host.

        Raises:
            MigrationError: it is past its commit point, does not end, or was interrupted before.
        """
        if self._found is None:
            return self._none
        if not self._found.in_progress:
            raise MigrationError(
                f"Migration {self._id} is not in progress, it was interrupted. "
                "Run container_migration_recover on this host."
            )
        self._refuse_after_commit()
        if self._check:
            return Answer(True, self._found.state, f"Migration {self._id} would be cancelled.", self._id)
        with contextlib.suppress(FileNotFoundError):  # it has ended meanwhile
            progress.request_cancel(self._directory)
        outcome = self._await_end(timeout_s, runs_here)
        if outcome.verdict in (Verdict.COMPLETED, Verdict.IN_DOUBT, Verdict.STATE_LOST):
            reason = outcome.message or "The process runs on the target host."
            raise MigrationError(f"Too late: migration {self._id} had passed its commit point. {reason}")
        if outcome.verdict is Verdict.CANCELLED:
            words = f"Migration {self._id} was cancelled."
        else:
            words = f"Migration {self._id} failed before it could be cancelled: {outcome.message}"
        if outcome.verdict is not Verdict.PROCESS_EXITED:
            words += " The process runs on here."
        return Answer(True, outcome.state, words, self._id)

    def resume(self, timeout_s: float) -> Answer:
        """Wait until it pauses before its switchover, have it continue, and wait until it does.

        Raises:
            MigrationError: there is none, it ends before it pauses, or does not pause in time.
        """
        if self._found is None:
            raise MigrationError(
                f"{self._none.message} It may have ended, or not have begun yet; container_migration_info lists "
                "those in progress."
            )
        state = self._await_state(lambda now: now not in (states.SETUP, states.ACTIVE), timeout_s)
        if state != states.PRE_SWITCHOVER:
            return Answer(False, state, f"Migration {self._id} does not pause: it is in the state '{state}'.", self._id)
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
                f"Migration {self._id} is past its commit point (state '{state}'): the process runs on the target host "
                "from there on. Migrate it back when the migration has ended."
            )

    def _await_end(self, timeout_s: float, runs_here: Callable[[str], bool]) -> Outcome:
        """The outcome; of a migration whose outcome was fetched just now, what can be seen of it."""
        deadline = time.monotonic() + timeout_s
        while True:
            supervised = supervisor.is_supervised(self._directory)
            outcome = supervisor.peek(self._directory)
            if outcome is not None:
                return outcome
            if not supervised:
                stays = self._found is not None and runs_here(self._found.name)
                return Outcome(Verdict.CANCELLED if stays else Verdict.COMPLETED)
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"Migration {self._id} was cancelled and has not ended within {timeout_s:.0f} s (timeout_s). "
                    "container_migration_info shows its state."
                )
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
                raise MigrationError(
                    f"Migration {self._id} has ended before it paused. See the result of container_migrate."
                )
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"Migration {self._id} is still in the state '{state}' after {timeout_s:.0f} s. "
                    "It pauses only if container_migrate was called with pause_before_switchover."
                )
            time.sleep(POLL_INTERVAL_S)
