# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery of interrupted migrations: decide from the journals which copy is the live one, and remove the other.

The target's journal decides: a process that is restored in a freezer that was not opened has never run. So:

=================  ============================  ==============================================
source's journal   target                        action
=================  ============================  ==============================================
before the commit  any                           source resumes, target is discarded
committed          running, or exited            source releases its frozen copy
committed          never ran                     source resumes
committed          cannot be reached             source stays frozen (in doubt) until it can
postcopy-active    running, exited or never ran  source releases its frozen copy, which is old
=================  ============================  ==============================================
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from ..engines.base import Engine
from ..errors import MigrationError, as_sentence
from ..host import processes
from ..session import journal, slots, states, supervisor
from ..session.journal import MigrationRecord
from . import abandoned
from .methods import METHODS
from .phases import ALL, EXITED, LOST, NEVER_RAN, RUNNING, HostMigrations, InDoubt, InProgress, NotRecovered, Recovered


def recover_host(engine: Engine, name: str = "") -> HostMigrations:
    """Recover every interrupted migration of this host that can be recovered here alone.

    Migrations in progress are left alone. One whose recovery fails does not keep the others from theirs.

    Args:
        name: of the container that is about to migrate, or ALL, which a user asks for: what waits here for its source
            is removed if that should have come long ago. Of others the controllers may only be slow.
    """
    found = scan_host(name)
    entries = {(entry.migration_id, entry.role): entry for entry in journal.all_records()}
    interrupted, found.recovered = found.recovered, []
    for recovered in interrupted:
        entry = entries.get((recovered.migration_id, recovered.role))
        if entry is not None:  # else another run has recovered it meanwhile
            try:
                left = _recover(entry.path, engine)
            except (MigrationError, OSError) as error:
                found.not_recovered.append(
                    NotRecovered(entry.migration_id, entry.container_name, entry.role, as_sentence(str(error)))
                )
                continue
            if left is None:
                found.in_progress.append(InProgress(entry.migration_id, entry.container_name, entry.role, entry.peer))
                continue
            recovered.not_restored.extend(left)
        found.recovered.append(recovered)
    supervisor.remove_stale()
    slots.remove_stale()
    return found


def _recover(path: Path, engine: Engine) -> list[str] | None:
    """Recover one end; returns what could not be set again, or None when it is in progress after all.

    Its record is read again: while others were recovered, the source may have come, and the migration may have ended.
    """
    entry = _record(path)
    if entry is None:
        return []
    if entry.in_progress:
        if not abandoned.is_abandoned(entry):
            return None
        _end_agent(entry)
        entry = _record(path)
        if entry is None:  # its watchdog has removed everything
            return []
        if entry.in_progress:
            return None
    if entry.role == states.TARGET:
        METHODS[entry.method].target.resolve(entry, engine)
        return []
    return METHODS[entry.method].source.roll_back(entry, engine)


def _record(path: Path) -> MigrationRecord | None:
    with contextlib.suppress(FileNotFoundError):
        return MigrationRecord.load(path)
    return None


def scan_host(name: str = "") -> HostMigrations:
    """What :func:`recover_host` would do; nothing is changed."""
    records, unreadable = journal.scan()
    found = HostMigrations(
        not_recovered=[
            NotRecovered(path.parent.name, "", path.stem, as_sentence(reason)) for path, reason in unreadable.items()
        ]
    )
    for entry in records:
        if entry.in_progress and not (name in (ALL, entry.container_name) and abandoned.is_abandoned(entry)):
            found.in_progress.append(InProgress(entry.migration_id, entry.container_name, entry.role, entry.peer))
        elif entry.role == states.SOURCE and entry.state in states.AFTER_COMMIT:
            found.in_doubt.append(InDoubt(entry.migration_id, entry.container_name, entry.peer))
        else:
            outcome = RUNNING
            if entry.role == states.TARGET and not METHODS[entry.method].target.may_have_run(entry):
                outcome = NEVER_RAN
            recovered = Recovered(entry.migration_id, entry.container_name, entry.role, entry.peer, outcome)
            found.recovered.append(recovered)
    found.supervised = supervisor.unfinished()
    return found


def target_outcome(migration_id: str, name: str, engine: Engine, timeout_s: float = 60) -> str:
    """What became of the process on this host: RUNNING, EXITED or NEVER_RAN. Waits for an agent that still works.

    Raises:
        MigrationError: the agent does not come to an end, or that is not known yet.
    """
    _end_target(migration_id, engine, timeout_s)
    if runs_here(name, engine):
        return RUNNING
    if engine.has_ended_task(name):
        # The container that awaited would still be there. A cluster starts the next one after a moment.
        raise MigrationError(
            f"The task of service '{name}' has ended on the target host, and may have had the process. "
            "Run container_migration_recover again when its next task runs."
        )
    return EXITED if has_ended_here(name, engine) else NEVER_RAN


def _end_target(migration_id: str, engine: Engine, timeout_s: float = 60) -> None:
    """Wait until the agent of this host has ended, and complete or undo what it left."""
    deadline = time.monotonic() + timeout_s
    while True:
        mine = (entry for entry in journal.all_records() if entry.migration_id == migration_id)
        entry = next((entry for entry in mine if entry.role == states.TARGET), None)
        if entry is None:
            break
        if not entry.in_progress:
            METHODS[entry.method].target.resolve(entry, engine)
            continue
        if entry.state == states.SETUP:  # it waits for a source that will not come; nothing was restored
            _end_agent(entry)
        if time.monotonic() > deadline:
            raise MigrationError(
                f"Migration {migration_id} is still in progress on the target host after {timeout_s:.0f} s. "
                "Run container_migration_recover again when it has ended there."
            )
        time.sleep(0.1)
    slots.remove_stale()


def has_ended_here(name: str, engine: Engine) -> bool:
    """Whether a container on this host had its process: one that never had it would have been removed.

    The journal, which causes that, is lost with a boot of the host; nothing is concluded from what is older.
    """
    spec = engine.inspect(name)
    if spec is None or spec.pid:  # one that awaits runs no process yet, but has not ended
        return False
    return spec.started_at_s > time.time() - processes.age_s(1)


def runs_here(name: str, engine: Engine) -> bool:
    """Whether a container on this host has its process."""
    spec = engine.inspect(name)
    if spec is None or not spec.running:
        return False
    # an init that awaits has no child; a container without our init runs its program itself
    return not spec.has_resident_init or bool(processes.children(spec.pid))


def discard_target(migration_id: str, engine: Engine) -> None:
    """Remove what waits on this host for a source that has given up. Never to be called after a commit."""
    for entry in journal.all_records():
        if entry.migration_id == migration_id and entry.role == states.TARGET:
            _end_agent(entry)
    _end_target(migration_id, engine)


def _end_agent(entry: MigrationRecord, timeout_s: float = 15) -> None:
    """End an agent and wait until its watchdog has cleaned up."""
    if not entry.cleanup_in_progress:  # one that cleans up has nearly done so, and its children would live on
        processes.ProcessId(entry.agent_pid, entry.agent_start_time).kill()
    deadline = time.monotonic() + timeout_s
    while entry.path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def resolve_source(migration_id: str, outcome: str, engine: Engine) -> str:
    """Resolve a migration on the source by what became of it on the target: RUNNING, EXITED or NEVER_RAN.

    Returns:
        The same; or LOST: the process ran on the target before it had all its memory, and has exited there.
    """
    result = outcome
    for entry in journal.all_records():
        if entry.migration_id != migration_id or entry.role != states.SOURCE:
            continue
        end = METHODS[entry.method].source
        if entry.state in states.AFTER_COMMIT:
            # in post-copy it has run there, so the copy here is old, whatever came after
            ran = outcome != NEVER_RAN or entry.state == states.POSTCOPY_ACTIVE
            if ran and outcome != RUNNING and (entry.state == states.POSTCOPY_ACTIVE or entry.needs_source):
                result = LOST
            if ran:
                end.release(entry, engine)
            else:
                end.roll_back(entry, engine)
        elif not entry.in_progress:  # it died before the commit, and the target was asked for nothing
            end.roll_back(entry, engine)
    supervisor.remove_stale()
    slots.remove_stale()
    return result
