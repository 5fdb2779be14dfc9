# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a host, from which a recovery decides which copy of a migrated process is the live one.

It lies in a file system in memory: a host that restarts has lost the process as well as the record.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from .. import paths, typed
from ..engines.spec import RestartPolicy
from ..errors import MigrationError
from ..host.processes import ProcessId
from ..network.interfaces import Interface
from ..network.rtnetlink import Entry
from . import states

_ID = re.compile(r"[0-9a-f]{16}")


@dataclass
class MigrationRecord:
    """One end of one migration.

    Attributes:
        migration_id: 16 hexadecimal digits, the same on both hosts.
        role: ``source`` or ``target``.
        container_name: name at the engine.
        container_id: full id at this host's engine.
        peer: inventory name of the other host.
        method: ``resident`` or ``engine``.
        state: one of those that :mod:`states` allows this role.
        root_pid: first process of the tree that is moved, as this host counts it; target: as the container counts it.
        init_pid, init_start_time: the first process of the container.
        interfaces: source: the container's interfaces as they were, see :class:`network.interfaces.Interface`. Target:
            those of a clone, which nobody knows of before the commit.
        network: source: what was configured in its network namespace, see :mod:`network.configuration`.
        await_name: target, and source in a cluster: the key under which the init looks for its await file.
        freezer: directory of the container's freezer group. Target: once a restored process is held in it.
        restart_policy: source: the container's own policy, restored after a failure.
        agent_pid, agent_start_time: the process that works on the migration.
        cleanup_in_progress: target: that removes what was prepared, so that nobody need end it.
        mirrored: source: packet filter rules of the mirror are installed.
        hidden_links: target: macvlan links of a clone that the other containers of the host do not find.
        pager_pid, pager_start_time: target: the pager, which the process needs until all its pages are there.
        mirror_pid, mirror_start_time: target: the packet mirror, which the clone needs until its rules are removed.
        finished_by: source, from the commit on: the strategy that finishes the migration.
        needs_source: after the commit the target needs the frozen copy of the source until it has all its pages.
        service: name of the service that a cluster runs the container for; empty without a cluster.
        created_paths: target: what was missing there for the container's read-only mounts, and was made.
        kept_interfaces: whose addresses stay on this host.
        lent_addresses: target: of the source host's interfaces of that kind, whose connections end with the migration.
        source_awaited_until_s: target: when the source must have connected, on the clock of time.monotonic(); 0 before
            the host is prepared, and once it has connected.
        is_mute: source: what the container's network sends from its addresses is dropped, by whatever link.
        cpu_limit: files that limit the container's CPU time, as they were before it was lowered or lifted.
    """

    migration_id: str
    role: str
    container_name: str
    container_id: str
    peer: str
    method: str = "resident"
    state: str = states.SETUP
    root_pid: int = 0
    root_start_time: int = 0
    init_pid: int = 0
    init_start_time: int = 0
    interfaces: list[Interface] = field(default_factory=list)
    network: list[Entry] = field(default_factory=list)
    await_name: str = ""
    freezer: str = ""
    restart_policy: RestartPolicy = field(default_factory=RestartPolicy)
    agent_pid: int = 0
    agent_start_time: int = 0
    cleanup_in_progress: bool = False
    mirrored: bool = False
    hidden_links: list[str] = field(default_factory=list)
    pager_pid: int = 0
    pager_start_time: int = 0
    mirror_pid: int = 0
    mirror_start_time: int = 0
    finished_by: str = ""
    needs_source: bool = False
    service: str = ""
    created_paths: list[str] = field(default_factory=list)
    kept_interfaces: list[str] = field(default_factory=list)
    lent_addresses: list[str] = field(default_factory=list)
    is_mute: bool = False
    cpu_limit: dict[str, str] = field(default_factory=dict)
    source_awaited_until_s: float = 0.0

    def __post_init__(self) -> None:
        check_id(self.migration_id)
        states.check_role(self.role)
        states.check_journal(self.role, self.state)

    @property
    def directory(self) -> Path:
        return paths.journals() / self.migration_id

    @property
    def images(self) -> Path:
        return self.directory / f"{self.role}-images"

    @property
    def path(self) -> Path:
        return self.directory / f"{self.role}.json"

    @property
    def _unfinished(self) -> Path:
        return self.path.with_suffix(".new")

    def save(self, state: str | None = None) -> None:
        """Write it, whole or not at all; with ``state``, after entering that state.

        Raises:
            ValueError: this role does not record that state.
        """
        if state is not None:
            states.check_journal(self.role, state)
            self.state = state
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._unfinished.write_text(json.dumps(typed.to_dict(self)))
        os.replace(self._unfinished, self.path)

    @property
    def in_progress(self) -> bool:
        """Whether its agent lives, or at least the pager that went on alone."""
        agent = ProcessId(self.agent_pid, self.agent_start_time)
        return any(process.pid and process.alive for process in (agent, self.pager))

    @property
    def root(self) -> ProcessId:
        """Source: first process of the tree that is moved."""
        return ProcessId(self.root_pid, self.root_start_time)

    @property
    def init(self) -> ProcessId:
        return ProcessId(self.init_pid, self.init_start_time)

    @property
    def pager(self) -> ProcessId:
        return ProcessId(self.pager_pid, self.pager_start_time)

    @property
    def mirror(self) -> ProcessId:
        return ProcessId(self.mirror_pid, self.mirror_start_time)

    def adopt(self) -> None:
        """The calling process works on it from now on."""
        me = ProcessId.of(os.getpid())
        self.agent_pid, self.agent_start_time = me.pid, me.start_time

    def note_cleanup(self) -> None:
        """The process that works on it removes what was prepared from now on."""
        self.cleanup_in_progress = True
        self.save()

    def take_over(self) -> None:
        """Adopt it from an agent that was killed, and write that if there is room for it."""
        self.adopt()
        with contextlib.suppress(OSError):
            self.save()

    def await_other_agent(self, timeout_s: float = 10) -> None:
        """Wait until another process has adopted it, so that it has an owner at every moment.

        Raises:
            MigrationError: none did.
        """
        deadline = time.monotonic() + timeout_s
        while MigrationRecord.load(self.path).agent_pid == self.agent_pid:
            if time.monotonic() > deadline:
                raise MigrationError(
                    "The process that was to run the migration on this host did not start. Check the host's free "
                    "memory and its limit of processes, then migrate again."
                )
            time.sleep(0.005)

    def remove(self) -> None:
        """Remove it, and its directory if nothing else is in it."""
        self.path.unlink(missing_ok=True)
        self._unfinished.unlink(missing_ok=True)
        for directory in (self.directory, paths.journals(), paths.STATE):
            try:
                directory.rmdir()
            except OSError:
                return

    @classmethod
    def load(cls, path: Path) -> MigrationRecord:
        """Raises ValueError when the file does not hold a record."""
        try:
            return typed.from_dict(cls, json.loads(path.read_text()), complete=True)
        except ValueError as error:
            raise ValueError(f"{path} is not a migration record: {error}") from None


def check_id(migration_id: str) -> None:
    """Raises ValueError for anything but 16 hexadecimal digits: an id names a directory."""
    if not _ID.fullmatch(migration_id):
        raise ValueError(f"'{migration_id}' is not the id of a migration")


def all_records() -> list[MigrationRecord]:
    """Every record on this host that can be read, oldest first."""
    return scan()[0]


def scan() -> tuple[list[MigrationRecord], dict[Path, str]]:
    """The records on this host, oldest first; and the files that cannot be read, with the reason."""
    found, unreadable = [], {}
    for path in [path for role in states.ROLES for path in paths.journals().glob(f"*/{role}.json")]:
        try:
            found.append((path.stat().st_mtime, MigrationRecord.load(path)))
        except FileNotFoundError:
            continue  # that migration has just ended
        except (OSError, ValueError) as error:
            unreadable[path] = str(error)
    return [entry for _age, entry in sorted(found, key=lambda pair: pair[0])], unreadable
