# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time that sleeping threads have left, which the kernel writes into their memory when a dump interrupts them.

That comes after the memory was read for the last time, so it is brought to the restored process on its own.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace

from ..errors import MigrationError
from . import processes

_TIMESPEC = struct.Struct("<qq")
_SECOND_NS = 1_000_000_000


@dataclass
class Sleep:
    """One sleep.

    Attributes:
        pid: of the process: in the container, when it crosses the link; see :func:`on_this_host`.
        address: of the timespec in its memory.
        seconds, nanoseconds: what is left.
    """

    pid: int
    address: int
    seconds: int
    nanoseconds: int


class SleepReader:
    """Reads what is left from processes that were dumped and have not run since.

    Args:
        tree: their PIDs on the host.

    Attributes:
        found: what was read.
    """

    def __init__(self, tree: list[int]) -> None:
        self._tree = tree
        self._process_of: dict[int, int] = {}
        self.found: list[Sleep] = []

    def read(self, tid: int, address: int) -> bool:
        """Read what a thread has left; returns whether that is a time.

        Args:
            tid: in the container.
            address: of the timespec.
        """
        if not self._process_of:
            self._process_of = {
                processes.pid_inside(int(task)): pid for pid in self._tree for task in os.listdir(f"/proc/{pid}/task")
            }
        try:
            pid = self._process_of[tid]
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                seconds, nanoseconds = _TIMESPEC.unpack(os.pread(memory.fileno(), _TIMESPEC.size, address))
        except (KeyError, OSError, OverflowError, struct.error):
            return False
        if seconds < 0 or not 0 <= nanoseconds < _SECOND_NS:
            return False
        self.found.append(Sleep(processes.pid_inside(pid), address, seconds, nanoseconds))
        return True


def on_this_host(sleeps: list[Sleep], pids: dict[int, int]) -> list[Sleep]:
    """The same by the PIDs of the restored processes on this host.

    Args:
        sleeps: of the source host.
        pids: PIDs on this host by those in the container.

    Raises:
        ValueError: the peer named a process that was not restored.
    """
    try:
        return [replace(one, pid=pids[one.pid]) for one in sleeps]
    except KeyError as missing:
        raise ValueError(f"The source host sent a sleep of process {missing}, which was not restored") from None


def apply(sleeps: list[Sleep]) -> None:
    """Write it into the memory of the restored processes, which do not run yet, but have all their memory.

    A page that has not arrived cannot be written: userfaultfd(2) answers the faults of the process alone.

    Args:
        sleeps: by PIDs on this host.

    Raises:
        MigrationError: it cannot be written.
    """
    for one in sleeps:
        try:
            with open(f"/proc/{one.pid}/mem", "r+b", buffering=0) as memory:
                os.pwrite(memory.fileno(), _TIMESPEC.pack(one.seconds, one.nanoseconds), one.address)
        except (OSError, OverflowError) as error:
            raise MigrationError(
                f"The time that a thread of process {one.pid} still has to sleep cannot be set on the target host: "
                f"{error}."
            ) from None
