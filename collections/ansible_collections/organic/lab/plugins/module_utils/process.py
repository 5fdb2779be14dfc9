# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that is known by more than its PID, so that no stranger is ever taken for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


def boot_id() -> str:
    """The kernel's identity of this boot; start times count from there."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on (proc_pid_stat(5)); the second may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


@dataclass(frozen=True)
class Process:
    """A process by PID, start time (clock ticks since boot) and boot."""

    pid: int
    start_time: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has this PID now, if any."""
        stat = _stat(pid)
        return cls(pid, int(stat[19]), boot_id()) if stat else None

    def alive(self) -> bool:
        """Is it still there, and not just a zombie?"""
        stat = _stat(self.pid)
        return (
            bool(stat)
            and stat is not None
            and (stat[0] not in "ZX" and int(stat[19]) == self.start_time and self.boot == boot_id())
        )

    def kill(self) -> None:
        """End it at once. The descriptor pins the process while its identity is checked."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive():
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        except ProcessLookupError:
            pass
        finally:
            os.close(descriptor)


def in_network_namespace(path: Path) -> Iterator[Process]:
    """All processes whose network namespace is the one bound at a path."""
    wanted = path.stat()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            own = (entry / "ns/net").stat()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            # Gone, or with capabilities that even this root lacks: then it is none of the lab's.
            continue
        process = Process.of(int(entry.name))
        if process and (own.st_dev, own.st_ino) == (wanted.st_dev, wanted.st_ino):
            yield process
