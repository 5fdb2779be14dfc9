# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes by PID and start time, so that a PID that was used again is never taken for the process that had it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Process:
    """``started_ticks`` is field 22 of /proc/PID/stat (proc_pid_stat(5)): clock ticks since the boot."""

    pid: int
    started_ticks: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Raises OSError when there is none."""
        return cls(pid, int(_stat(pid)[19]))

    @property
    def is_alive(self) -> bool:
        """A zombie has ended."""
        try:
            stat = _stat(self.pid)
        except OSError:
            return False
        return int(stat[19]) == self.started_ticks and stat[0] not in "ZX"

    def send(self, number: signal.Signals) -> None:
        """Signal this process, and no other one that has its PID."""
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(self.pid)
            try:
                if self.is_alive:
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)


def marked(entry: str) -> Iterator[Process]:
    """Processes with this NAME=VALUE in the environment that they were started with.

    The master of a shared ssh connection has it, too, and is left out: it belongs to all runs of the user.
    """
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.encode() in (directory / "environ").read_bytes().split(b"\0"):
                process = Process.of(int(directory.name))
                is_ssh_master = (directory / "cmdline").read_bytes().startswith(b"ssh: ")
                if process.is_alive and not is_ssh_master:
                    yield process


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third one on; the second one, the name, may hold spaces and brackets."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
