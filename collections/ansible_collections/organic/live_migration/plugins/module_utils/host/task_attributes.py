# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes of threads that CRIU does not restore: CPU affinity, I/O priority, timer slack, filter of core dumps.

They are read before the freeze, those of new threads in it, and set on the restored, stopped process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import Blocker, MigrationError
from . import libc, processes


@dataclass(frozen=True)
class TaskAttributes:
    """What a thread has otherwise than the container's init, from which it would have it.

    Attributes:
        pid, tid: of the process and of the thread, in the container.
        cpus: to which it is bound; empty for all that the container may use.
        io_priority: ioprio_get(2).
        timer_slack_ns: prctl(2), PR_SET_TIMERSLACK; 0 where it is the same.
        core_filter: of the process, core(5); empty where it is the same.
    """

    pid: int
    tid: int
    cpus: list[int] = field(default_factory=list)
    io_priority: int = 0
    timer_slack_ns: int = 0
    core_filter: str = ""

    @property
    def differs(self) -> bool:
        return bool(self.cpus or self.io_priority or self.timer_slack_ns or self.core_filter)


class TaskReader:
    """Reads the attributes of the threads of a container.

    Args:
        init: its first process.
    """

    def __init__(self, init: int) -> None:
        self._cpus = os.sched_getaffinity(init)
        self._io_priority = libc.ioprio_get(init)
        self._slack = _slack(init)
        self._filter = _core_filter(init)
        self._known: dict[int, TaskAttributes] = {}

    def read(self, pids: list[int]) -> list[TaskAttributes]:
        """Of all threads; takes some 50 us each."""
        self._known.clear()
        return self.refresh(pids)

    def refresh(self, pids: list[int]) -> list[TaskAttributes]:
        """Of all threads; those that were known are not read again."""
        found = []
        for pid, tid in _tasks(pids):
            if tid not in self._known:
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    self._known[tid] = self._look(pid, tid)
            if tid in self._known and self._known[tid].differs:
                found.append(self._known[tid])
        return found

    def _look(self, pid: int, tid: int) -> TaskAttributes:
        cpus, io_priority, slack = os.sched_getaffinity(tid), libc.ioprio_get(tid), _slack(tid)
        core_filter = _core_filter(pid) if pid == tid else self._filter
        return TaskAttributes(
            processes.pid_inside(pid),
            processes.pid_inside(tid),
            sorted(cpus) if cpus != self._cpus else [],
            io_priority if io_priority != self._io_priority else 0,
            slack if slack != self._slack else 0,
            core_filter if core_filter != self._filter else "",
        )


def _tasks(pids: list[int]) -> Iterator[tuple[int, int]]:
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for name in os.listdir(f"/proc/{pid}/task"):
                yield pid, int(name)


def _slack(tid: int) -> int:
    """0 for a thread of which the kernel does not tell it."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path(f"/proc/{tid}/timerslack_ns").read_text())
    return 0


def _core_filter(pid: int) -> str:
    """Empty for a process of which the kernel does not tell it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/coredump_filter").read_text().strip()
    return ""


def give_cpus(pids: dict[int, int], cpus: set[int]) -> None:
    """Let all threads of restored processes, which are stopped, run on these CPUs."""
    for _pid, tid in _tasks(list(pids.values())):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(tid, cpus)


def apply(wanted: list[TaskAttributes], pids: dict[int, int]) -> None:
    """Set them on restored threads, which are stopped.

    Args:
        pids: PIDs on the host, by those in the container.

    Raises:
        MigrationError: one cannot be set.
    """
    if not wanted:
        return
    tids = {
        processes.pid_inside(tid): tid
        for _pid, tid in _tasks([pids[pid] for pid in {one.pid for one in wanted} if pid in pids])
    }
    for one in wanted:
        tid = tids.get(one.tid)
        if tid is None:
            raise MigrationError(f"Thread {one.tid} of process {one.pid} was not restored.")
        try:
            _set(tid, one)
        except OSError as error:
            raise MigrationError(
                f"CPU affinity, I/O priority, timer slack or core dump filter of thread {one.tid} of process {one.pid} "
                f"cannot be set on the target host: {error.strerror}."
            ) from None


def _set(tid: int, wanted: TaskAttributes) -> None:
    if wanted.cpus:
        os.sched_setaffinity(tid, wanted.cpus)
    if wanted.io_priority:
        libc.ioprio_set(tid, wanted.io_priority)
    if wanted.timer_slack_ns:
        Path(f"/proc/{tid}/timerslack_ns").write_text(str(wanted.timer_slack_ns))
    if wanted.core_filter:
        Path(f"/proc/{tid}/coredump_filter").write_text(f"0x{wanted.core_filter}")


def bound_cpus(init: int, pids: list[int]) -> list[int]:
    """CPUs to which threads of a container are bound, besides those that it may use."""
    return sorted({cpu for one in TaskReader(init).read(pids) for cpu in one.cpus})


def blockers(wanted: list[int], here: set[int]) -> list[Blocker]:
    """Why threads that are bound to CPUs of the source host cannot be so on this one.

    Args:
        wanted: their CPUs, see :func:`bound_cpus`.
        here: CPUs of this host.
    """
    missing = sorted(set(wanted) - here)
    if not missing:
        return []
    return [
        Blocker(
            "cpu_affinity",
            f"Threads of the container are bound to CPUs {', '.join(map(str, missing))}, which the target host does "
            "not have",
            "Choose a target host with as many CPUs, or bind them to others (taskset)",
        )
    ]
