# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deciding, from what was written down, which copy of an interrupted migration is the live one, and tidying up.

The target's word counts: a process that stands restored in a freezer that was not opened has never run. So:

=================  ==========================  =============================================
source's record    target                      what is done
=================  ==========================  =============================================
before the commit  any                         source resumes, target destroys
committed          ran, also if it has ended   source releases its frozen copy
committed          destroyed, never ran        source resumes
committed          cannot be asked             source stays frozen until it can
postcopy-active    ran, or has died            source releases its frozen copy: the other went on
=================  ==========================  =============================================
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..engines.base import Engine
from ..errors import MigrationError
from ..host import processes
from ..session import journal, slots, supervisor
from ..session.journal import MigrationRecord
from .methods import METHODS

RUNNING = "ran"
EXITED = "ended"
"""It ran, and runs no more."""
NEVER_RAN = "destroyed"


@dataclass(frozen=True)
class InDoubt:
    """A committed migration whose frozen copy is here, and whose target must be asked."""

    migration_id: str
    name: str
    target_host: str


@dataclass(frozen=True)
class Recovered:
    """An end of an interrupted migration that could be settled on its host alone.

    Attributes:
        role: of this host, ``source`` or ``target``.
        peer: inventory name of the other host.
        outcome: ``resumed`` (source: the process runs here again), ``finished`` (target: it runs here), or
            ``destroyed`` (target: it never ran here).
    """

    migration_id: str
    name: str
    role: str
    peer: str
    outcome: str


@dataclass(frozen=True)
class InProgress:
    """A migration that is not interrupted."""

    migration_id: str
    name: str
    role: str
    peer: str


@dataclass
class HostMigrations:
    """The migrations of this host."""

    settled: list[Recovered] = field(default_factory=list)
    in_doubt: list[InDoubt] = field(default_factory=list)
    in_progress: list[InProgress] = field(default_factory=list)


def recover_host(engine: Engine) -> HostMigrations:
    """Settle every interrupted migration of this host that can be settled here alone.

    Migrations at work are left alone.
    """
    found = scan_host()
    entries = {(entry.migration_id, entry.role): entry for entry in journal.all_records()}
    for settled in found.settled:
        entry = entries.get((settled.migration_id, settled.role))
        if entry is None:  # somebody else has settled it meanwhile
            continue
        if entry.role == "target":
            METHODS[entry.method].target.resolve(entry, engine)
        else:
            METHODS[entry.method].source.roll_back(entry, engine)
    supervisor.remove_stale()
    slots.remove_stale()
    return found


def scan_host() -> HostMigrations:
    """What :func:`recover_host` would do; nothing is changed."""
    found = HostMigrations()
    for entry in journal.all_records():
        if entry.in_progress:
            found.in_progress.append(InProgress(entry.migration_id, entry.container_name, entry.role, entry.peer))
        elif entry.role == "source" and entry.state in (journal.COMMITTED, journal.POSTCOPY):
            found.in_doubt.append(InDoubt(entry.migration_id, entry.container_name, entry.peer))
        else:
            outcome = "resumed"
            if entry.role == "target":
                outcome = "finished" if METHODS[entry.method].target.may_have_run(entry) else "destroyed"
            settled = Recovered(entry.migration_id, entry.container_name, entry.role, entry.peer, outcome)
            found.settled.append(settled)
    return found


def target_outcome(migration_id: str, name: str, engine: Engine, timeout_s: float = 60) -> str:
    """What became of the process on this host: RUNNING, EXITED or NEVER_RAN. Waits for an agent that is still at work.

    Raises:
        MigrationError: the agent does not come to an end.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        entry = next(
            (one for one in journal.all_records() if one.migration_id == migration_id and one.role == "target"), None
        )
        if entry is None:
            break
        if not entry.in_progress:
            METHODS[entry.method].target.resolve(entry, engine)
            continue
        if entry.state == journal.SETUP:  # it waits for a source that will not come; nothing was restored
            _end_agent(entry)
        if time.monotonic() > deadline:
            raise MigrationError(f"Migration {migration_id} is still at work on the target host; try again later.")
        time.sleep(0.1)
    slots.remove_stale()
    if runs_here(name, engine):
        return RUNNING
    return EXITED if has_ended_here(name, engine) else NEVER_RAN


def has_ended_here(name: str, engine: Engine) -> bool:
    """Whether a container on this host had its process: one that never had it would have been removed.

    A record, which has that done, is lost when the host is started anew; nothing is concluded from what is older.
    """
    spec = engine.inspect(name)
    if spec is None or spec.running:
        return False
    return spec.started_at_s > time.time() - processes.age_s(1)


def runs_here(name: str, engine: Engine) -> bool:
    """Whether a container on this host has its process."""
    spec = engine.inspect(name)
    if spec is None or not spec.running:
        return False
    # an init that awaits has no child; a container without our init runs its program itself
    return not spec.has_resident_init or bool(processes.children(spec.pid))


def discard_target(migration_id: str, name: str, engine: Engine) -> None:
    """Take away what waits on this host for a source that has given up. Never to be called after a commit."""
    for entry in journal.all_records():
        if entry.migration_id == migration_id and entry.role == "target":
            _end_agent(entry)
    target_outcome(migration_id, name, engine)


def _end_agent(entry: MigrationRecord, timeout_s: float = 15) -> None:
    """End an agent and wait until its guardian has tidied up."""
    if not entry.cleanup_in_progress:  # a guardian that does so already must not die of it: its children would live on
        processes.ProcessId(entry.agent_pid, entry.agent_start_time).kill()
    deadline = time.monotonic() + timeout_s
    while entry.path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def resolve_source(migration_id: str, outcome: str, engine: Engine) -> bool:
    """Decide a migration on the source by what became of it on the target: RUNNING, EXITED or NEVER_RAN.

    Returns:
        Whether the process is lost: it ran on the target before it had all its memory, and has ended there.
    """
    lost = False
    for entry in journal.all_records():
        if entry.migration_id != migration_id or entry.role != "source":
            continue
        end = METHODS[entry.method].source
        if entry.state in (journal.COMMITTED, journal.POSTCOPY):
            # in post-copy it has run there, so the copy here is old, whatever came after
            ran = outcome != NEVER_RAN or entry.state == journal.POSTCOPY
            lost = ran and outcome != RUNNING and (entry.state == journal.POSTCOPY or entry.needs_source)
            if ran:
                end.release(entry, engine)
            else:
                end.roll_back(entry, engine)
        elif not entry.in_progress:  # it died before the commit, and the target was asked for nothing
            end.roll_back(entry, engine)
    supervisor.remove_stale()
    slots.remove_stale()
    return lost
