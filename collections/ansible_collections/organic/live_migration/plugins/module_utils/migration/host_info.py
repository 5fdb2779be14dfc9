# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container is on this host, and whether a migration uses it; what runs here, and what is free."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..engines import registry
from ..engines.base import Engine
from ..engines.spec import ContainerSpec
from ..host import processes
from ..session import journal
from . import preflight

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class ContainerOnHost:
    """A container as this host knows it.

    Attributes:
        status: as the engine names it, for example ``running``; empty when there is no such container.
        migration_role: of this host in a migration of the container that has not ended, ``source`` or ``target``;
            empty without one.
    """

    status: str = ""
    migration_role: str = ""

    @classmethod
    def find(cls, name: str) -> ContainerOnHost:
        """Ask the engine and the journal of migrations.

        Raises:
            Refused: no engine answers.
        """
        container = registry.find(name)[1]
        return cls(status=container.status if container else "", migration_role=role_of(name))


def role_of(name: str) -> str:
    """The role of this host in a migration of the container that is in progress; empty without one."""
    roles = [one.role for one in journal.all_records() if one.container_name == name and one.in_progress]
    return roles[0] if roles else ""


@dataclass(frozen=True)
class RunningContainer:
    """A container that runs on this host, and what it takes.

    Attributes:
        is_resident: its first process is the resident init, so that its processes can be moved.
        memory_bytes: that its processes have in use.
        cpus: that they used while the host was looked at; 1.0 is one CPU.
    """

    name: str
    is_resident: bool
    memory_bytes: int
    cpus: float


@dataclass(frozen=True)
class Resources:
    """What this host has, and what runs on it.

    Attributes:
        memory_bytes: of the host.
        available_bytes: of them, as the kernel estimates.
        cpus: of the host.
        load: processes that ran or wanted to, on average of the last minute.
        containers: those that run, of the engine.
    """

    memory_bytes: int
    available_bytes: int
    cpus: int
    load: float
    containers: list[RunningContainer] = field(default_factory=list)


class Sampling:
    """Measures the CPU time of the containers of an engine from when it is made."""

    def __init__(self, engine: Engine) -> None:
        self._containers = engine.running_containers()
        self._since = time.monotonic()
        self._before = {spec.name: _ticks(spec) for spec in self._containers}

    def resources(self, least_s: float = 0.2) -> Resources:
        """What there is, after ``least_s`` of measuring at least."""
        time.sleep(max(0.0, self._since + least_s - time.monotonic()))
        elapsed_s = time.monotonic() - self._since
        containers = [
            RunningContainer(
                spec.name,
                spec.has_resident_init,
                processes.resident_bytes(processes.tree(spec.pid)),
                round(max(0, _ticks(spec) - self._before[spec.name]) / _TICKS_PER_S / elapsed_s, 3),
            )
            for spec in self._containers
        ]
        return Resources(
            os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
            preflight.available_memory(),
            len(os.sched_getaffinity(0)),
            os.getloadavg()[0],
            containers,
        )


def _ticks(spec: ContainerSpec) -> int:
    """CPU time of a container's living processes."""
    total = 0
    for pid in processes.tree(spec.pid):
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])  # utime, stime: proc_pid_stat(5)
    return total
