# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long threads have waited, of which the kernel tells only when they last ran.

What is left of poll(2) and the like is known to the kernel alone. But a thread that waits has not run since it began:
/proc/PID/task/TID/sched has that moment (se.exec_start, on the clock of the scheduler, which each CPU has for itself
and which leaves out time that a hypervisor took), and /proc/PID/task/TID/syscall the call with its arguments.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import time
from dataclasses import dataclass

from . import processes

POLL, EPOLL_WAIT, EPOLL_PWAIT, NANOSLEEP, CLOCK_NANOSLEEP = 7, 232, 281, 35, 230
"""System calls of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl) that wait for a given time."""
_CALLS = (POLL, EPOLL_WAIT, EPOLL_PWAIT, NANOSLEEP, CLOCK_NANOSLEEP)
_LAST_RUN = "se.exec_start"
_CPU_FIELD = 39 - 3
"""Of /proc/PID/task/TID/stat, counted from the first after the name."""
_TIMESPEC = struct.Struct("<qq")
_MOMENT_S = 0.0001
_ATTEMPTS = 5
_UNINTERRUPTED_S = 0.001
"""A look at its own state takes 0.05 ms."""


@dataclass(frozen=True)
class _Wait:
    call: int
    arguments: tuple[int, ...]
    since_ms: float
    may_poll: bool
    pid: int


class WaitReader:
    """Finds the waits of a process tree; nothing is known where the kernel does not show it.

    Args:
        init: the first process of their container, whose seccomp filter is the engine's.
    """

    def __init__(self, init: int) -> None:
        self._filters = _seccomp_filters(init)
        self._waits: dict[int, _Wait] = {}
        self.frozen_at_ms = 0.0
        """When the process was stopped, on the clock of :func:`steps.now_ms`."""

    def read(self, tree: list[int]) -> None:
        """To be called right before the freeze; takes some 0.1 ms a thread that waits for a given time."""
        clocks: dict[int, float | None] = {}
        for pid in tree:
            may_poll = _seccomp_filters(pid) <= self._filters
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    with contextlib.suppress(OSError, ValueError, IndexError):
                        self._read(pid, int(task), may_poll, clocks)

    def _read(self, pid: int, tid: int, may_poll: bool, clocks: dict[int, float | None]) -> None:
        directory = f"/proc/{pid}/task/{tid}"
        words = " ".join(processes.lines(f"{directory}/syscall")).split()
        if len(words) < 7 or int(words[0]) not in _CALLS:
            return
        cpu = int(" ".join(processes.lines(f"{directory}/stat")).rpartition(")")[2].split()[_CPU_FIELD])
        if cpu not in clocks:
            clocks[cpu] = _clock_of(cpu)
        clock_s, ran_s = clocks[cpu], _last_run_s(directory)
        if clock_s is None or ran_s is None:
            return
        arguments = tuple(int(word, 16) for word in words[1:7])
        self._waits[processes.pid_inside(tid)] = _Wait(
            int(words[0]), arguments, (ran_s + clock_s) * 1000, may_poll, pid
        )

    def waited_ms(self, tid: int, call: int, arguments: tuple[int, ...]) -> float | None:
        """How long a thread had waited when it was stopped; None where that is not known.

        Args:
            tid: in the container.
            call, arguments: of the wait in which it was stopped; only the first arguments that the call has.
        """
        wait = self._waits.get(tid)
        if wait is None or wait.call != call or wait.arguments[: len(arguments)] != arguments:
            return None  # it has begun another one since
        return max(0.0, self.frozen_at_ms - wait.since_ms)

    def asked_ms(self, tid: int, address: int) -> float | None:
        """How long a thread that sleeps asked to sleep, if it could as well poll no descriptor for that time."""
        wait = self._waits.get(tid)
        if wait is None or not wait.may_poll:
            return None
        try:
            with open(f"/proc/{wait.pid}/mem", "rb", buffering=0) as memory:
                seconds, nanoseconds = _TIMESPEC.unpack(os.pread(memory.fileno(), _TIMESPEC.size, address))
        except (OSError, OverflowError, struct.error):
            return None
        return float(seconds * 1000 + nanoseconds / 1e6)


def _seccomp_filters(pid: int) -> int:
    """How many filters of seccomp(2) a process has."""
    for line in processes.lines(f"/proc/{pid}/status"):
        if line.startswith("Seccomp_filters:"):
            return int(line.split()[1])
    return 0


def _last_run_s(directory: str) -> float | None:
    """When a thread last began to run or stopped, on the clock of its CPU's scheduler (proc(5): /proc/PID/sched)."""
    for line in processes.lines(f"{directory}/sched"):
        if line.startswith(_LAST_RUN):
            return float(line.rpartition(":")[2]) / 1000
    return None


def _clock_of(cpu: int) -> float | None:
    """What must be added to the clock of a CPU's scheduler for the monotonic one; None where this process may not run.

    A thread that has just begun to run shows both, unless it is interrupted while it looks. What is found is too large
    by a tick of the kernel at most, so that a wait seems shorter, and lasts longer, by as much.
    """
    allowed = os.sched_getaffinity(0)
    if cpu not in allowed:
        return None
    directory = f"/proc/self/task/{threading.get_native_id()}"
    try:
        os.sched_setaffinity(0, {cpu})
        for _attempt in range(_ATTEMPTS):
            time.sleep(_MOMENT_S)
            before_s, ran_s = time.monotonic(), _last_run_s(directory)
            now_s = time.monotonic()
            if ran_s is not None and ran_s == _last_run_s(directory) and now_s - before_s < _UNINTERRUPTED_S:
                return now_s - ran_s
    except OSError:
        return None
    finally:
        os.sched_setaffinity(0, allowed)
    return None
