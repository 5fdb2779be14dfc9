# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written down on a host about a migration, so that a later run can tell which copy is the live one.

The record lies in a file system in memory: a host that restarts has lost the process as well as the record.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..engines.base import RestartPolicy
from ..errors import MigrationError
from ..host.processes import ProcessId

DIRECTORY = Path("/run/organic/migrations")
_ID = re.compile(r"[0-9a-f]{16}")

# States of QEMU's migration (docs/devel/migration), as far as inter-copy has them, and what the commit adds.
SETUP = "setup"
ACTIVE = "active"
SWITCHOVER = "switchover"
RESTORED = "restored"
"""Target only: the process stands restored and stopped, and waits for the source's word."""
COMMITTED = "committed"
"""The commit point has passed: the source never runs again."""
POSTCOPY = "postcopy-active"
"""Source only: the process runs on the target, and needs the pages of the frozen copy that is still here."""
COMPLETED = "completed"


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
        state: see the constants of this module.
        root_pid: first process of the tree that is moved, as this host counts it; target: as the container counts it.
        interfaces: source: the container's interfaces as they were, see :class:`interfaces.Interface`.
        await_name: target: what the init calls itself when it looks for its await file.
        freezer: directory of the container's freezer group. Target: once a restored process is held back in it.
        restart_policy: source: the container's own policy, to be given back after a failure.
        agent_pid, agent_start_time: the process that works on it.
        cleanup_in_progress: target: that is the guardian, as its worker has died.
        pager_pid, pager_start_time: target: the pager, which the process needs until all its pages are there.
        finished_by: source, from the commit on: the strategy that finishes the migration.
        needs_source: after the commit the target needs the frozen copy of the source until it has all its pages.
        cpu_limit: source: files of the container's CPU bandwidth, as they were before it was slowed down.
    """

    migration_id: str
    role: str
    container_name: str
    container_id: str
    peer: str
    method: str = "resident"
    state: str = SETUP
    root_pid: int = 0
    root_start_time: int = 0
    init_pid: int = 0
    init_start_time: int = 0
    interfaces: list[dict[str, Any]] = field(default_factory=list)
    await_name: str = ""
    freezer: str = ""
    restart_policy: RestartPolicy = field(default_factory=RestartPolicy)
    agent_pid: int = 0
    agent_start_time: int = 0
    cleanup_in_progress: bool = False
    pager_pid: int = 0
    pager_start_time: int = 0
    finished_by: str = ""
    needs_source: bool = False
    cpu_limit: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_id(self.migration_id)

    @property
    def directory(self) -> Path:
        return DIRECTORY / self.migration_id

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
        """Write it down, whole or not at all; with ``state``, after entering that state."""
        if state is not None:
            self.state = state
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._unfinished.write_text(json.dumps(asdict(self)))
        os.replace(self._unfinished, self.path)

    @property
    def in_progress(self) -> bool:
        """Whether its agent lives, or at least the pager that went on alone."""
        agent = ProcessId(self.agent_pid, self.agent_start_time)
        return any(process.pid and process.alive for process in (agent, self.pager))

    @property
    def root(self) -> ProcessId:
        """First process of the tree that is moved, on the source."""
        return ProcessId(self.root_pid, self.root_start_time)

    @property
    def init(self) -> ProcessId:
        return ProcessId(self.init_pid, self.init_start_time)

    @property
    def pager(self) -> ProcessId:
        return ProcessId(self.pager_pid, self.pager_start_time)

    def adopt(self) -> None:
        """The calling process works on it from now on."""
        me = ProcessId.of(os.getpid())
        self.agent_pid, self.agent_start_time = me.pid, me.start_time

    def take_over(self) -> None:
        """Adopt it from an agent that died, and write that down if there is room for it."""
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
                raise MigrationError("The host's agent did not start; see the host's memory and process limits.")
            time.sleep(0.005)

    def remove(self) -> None:
        """Forget it; the directory goes with the last record in it."""
        self.path.unlink(missing_ok=True)
        self._unfinished.unlink(missing_ok=True)
        for directory in (self.directory, DIRECTORY, DIRECTORY.parent):
            try:
                directory.rmdir()
            except OSError:
                return

    @classmethod
    def load(cls, path: Path) -> MigrationRecord:
        """Raises ValueError when the file does not hold a record."""
        try:
            fields = json.loads(path.read_text())
            return cls(**{**fields, "restart_policy": RestartPolicy.from_dict(fields["restart_policy"])})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a migration record: {error}") from None


def check_id(migration_id: str) -> None:
    """A migration's id names a directory, so nothing but the digits we make is accepted."""
    if not _ID.fullmatch(migration_id):
        raise ValueError(f"'{migration_id}' is not the id of a migration")


def all_records() -> list[MigrationRecord]:
    """Every record on this host, oldest first."""
    found = []
    for path in [*DIRECTORY.glob("*/source.json"), *DIRECTORY.glob("*/target.json")]:
        with contextlib.suppress(FileNotFoundError):  # that migration has just ended
            found.append((path.stat().st_mtime, MigrationRecord.load(path)))
    return [entry for _age, entry in sorted(found, key=lambda pair: pair[0])]
