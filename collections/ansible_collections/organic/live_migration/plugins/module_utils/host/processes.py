# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the host as /proc shows them (proc(5)): identity, trees, files and sockets."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import libc

_START_TIME_FIELD = 22 - 3  # field 22 of /proc/PID/stat; the first after the name is field 3
_FLAGS_FIELD = 9 - 3
_BLOCK_BYTES = 512
"""Unit of st_blocks (inode(7))."""
_SHARED_MEMORY = ("/dev/zero", "/memfd:", "/SYSV", "/dev/shm/")
"""Beginnings of the names under which shared memory is mapped."""
_PF_EXITING = 0x4  # include/linux/sched.h


@dataclass(frozen=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same PID.

    Attributes:
        pid: on the host.
        start_time: clock ticks since boot.
    """

    pid: int
    start_time: int

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Raises ProcessLookupError when there is no such process."""
        return cls(pid, start_time(pid))

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        try:
            return start_time(self.pid) == self.start_time and state(self.pid) not in "ZX"
        except ProcessLookupError:
            return False

    def kill(self, await_s: float = 0) -> None:
        """Send SIGKILL to this process and no other; nothing happens when it is gone, or is not known (PID 0).

        Args:
            await_s: how long to wait, at most, until it has ended.
        """
        self._signal(signal.SIGKILL, await_s)

    def await_end(self, timeout_s: float) -> None:
        """Wait until it has ended, ``timeout_s`` at most."""
        self._signal(0, timeout_s)

    def _signal(self, number: int, await_s: float) -> None:
        if not self.pid:
            return
        try:
            pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if start_time(self.pid) == self.start_time:
                signal.pidfd_send_signal(pidfd, number)
                select.select([pidfd], [], [], await_s)
        except ProcessLookupError:
            pass
        finally:
            os.close(pidfd)


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(f"no process {pid}") from None


def start_time(pid: int) -> int:
    return int(_stat(pid)[_START_TIME_FIELD])


def age_s(pid: int) -> float:
    """How long ago a process was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - start_time(pid) / os.sysconf("SC_CLK_TCK")


def name(pid: int) -> str:
    """The process's own name, at most 15 characters; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def state(pid: int) -> str:
    return _stat(pid)[0]


def session(pid: int) -> int:
    return int(_stat(pid)[3])


def children(pid: int) -> list[int]:
    """Direct children of all threads of a process; empty when it is gone."""
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += [int(child) for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    return found


def tree(root: int) -> list[int]:
    """A process and all that descend from it, parents first."""
    found = [root]
    for child in children(root):
        found += tree(child)
    return found


def thread_count(pid: int) -> int:
    """How many threads a process has; 0 when it has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return len(os.listdir(f"/proc/{pid}/task"))
    return 0


def is_killed(pid: int) -> bool:
    """Whether it has ended, is ending, or has a pending SIGKILL (proc(5): SigPnd, ShdPnd)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        exits = int(_stat(pid)[_FLAGS_FIELD]) & _PF_EXITING
    except (FileNotFoundError, ProcessLookupError):
        return True
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    pending = int(fields["SigPnd"], 16) | int(fields["ShdPnd"], 16)
    return bool(exits or pending >> (signal.SIGKILL - 1) & 1 or fields["State"].split()[0] in "ZX")


def pid_inside(pid: int) -> int:
    """The PID in the innermost namespace."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    raise ProcessLookupError(f"no NSpid of process {pid}")


def namespaces_of(pid: int) -> int:
    """In how many PID namespaces a process is, one inside the other; also of a zombie."""
    for line in lines(f"/proc/{pid}/status"):
        if line.startswith("NSpid:"):
            return len(line.split()) - 1
    raise ProcessLookupError(f"no NSpid of process {pid}")


def effective_uid(pid: int) -> int | None:
    """None when the process is gone."""
    for line in lines(f"/proc/{pid}/status"):
        if line.startswith("Uid:"):
            return int(line.split()[2])
    return None


def highest_pid_inside(root: int) -> int:
    """The highest PID of any thread of a tree, in its namespace."""
    highest = 0
    for pid in tree(root):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in os.listdir(f"/proc/{pid}/task"):
                highest = max(highest, pid_inside(int(task)))
    return highest


def resident_bytes(pids: list[int]) -> int:
    """Memory that a dump of these processes must carry.

    That is the anonymous pages of each, as what they share since a fork is not shared any more after a restore, and all
    pages of shared memory, mapped at the moment or not, once.
    """
    total = 0
    for pid in pids:
        for line in lines(f"/proc/{pid}/status"):
            if line.startswith("RssAnon:"):
                total += int(line.split()[1]) * 1024
    return total + shared_bytes(pids)


def shared_bytes(pids: list[int]) -> int:
    """All pages of the shared memory of these processes, mapped at the moment or not, once."""
    shared: dict[tuple[int, int], int] = {}
    for pid in pids:
        mapped: list[str] = []
        with contextlib.suppress(PermissionError):  # of a process that not even root may look at
            mapped = lines(f"/proc/{pid}/maps")
        for line in mapped:
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and fields[1].endswith("s") and fields[5].startswith(_SHARED_MEMORY):
                start, end = (int(address, 16) for address in fields[0].split("-"))
                with contextlib.suppress(OSError):
                    file = os.stat(f"/proc/{pid}/map_files/{start:x}-{end:x}")
                    shared[file.st_dev, file.st_ino] = file.st_blocks * _BLOCK_BYTES
    return sum(shared.values())


def descriptors(pid: int) -> Iterator[tuple[int, str]]:
    """Open descriptors and what they point to, for example ``(3, "socket:[4711]")``; none when the process is gone."""
    names: list[str] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        names = os.listdir(f"/proc/{pid}/fd")
    for name in names:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            yield int(name), os.readlink(f"/proc/{pid}/fd/{name}")


def is_open_for_writing(pid: int, descriptor: int) -> bool:
    """Whether a descriptor was opened for writing (proc(5), /proc/PID/fdinfo); False when it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text().splitlines():
            name, _colon, value = line.partition(":")
            if name == "flags":
                return int(value, 8) & os.O_ACCMODE != os.O_RDONLY
    return False


@dataclass(frozen=True)
class FileMapping:
    """A part of a file in the memory of a process.

    Attributes:
        path: as the process's mount namespace names it.
        permissions: as /proc/PID/maps has them, for example ``r-xp``.
        offset, size: in bytes.
    """

    path: str
    permissions: str
    offset: int
    size: int


def lines(path: str) -> list[str]:
    """Lines of a file in /proc; none when its process, or its descriptor, is gone."""
    try:
        return Path(path).read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return []


def file_mappings(pid: int) -> list[FileMapping]:
    """Empty when the process is gone."""
    found = []
    for line in lines(f"/proc/{pid}/maps"):
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/"):
            start, _dash, end = fields[0].partition("-")
            found.append(FileMapping(fields[5], fields[1], int(fields[2], 16), int(end, 16) - int(start, 16)))
    return found


def shared_file_mappings(pid: int) -> set[str]:
    """Files that are mapped shared and writable: writes through the mapping do not change their times."""
    return {mapping.path for mapping in file_mappings(pid) if mapping.permissions.startswith("rw-s")}


def programs(pids: list[int]) -> list[tuple[str, int, int]]:
    """Path, offset and size of the mapped parts of programs and libraries, with their constants."""
    mappings = [mapping for pid in pids for mapping in file_mappings(pid)]
    code = {mapping.path for mapping in mappings if "x" in mapping.permissions}
    return sorted({(mapping.path, mapping.offset, mapping.size) for mapping in mappings if mapping.path in code})


def duplicate_socket(pid: int, descriptor: int) -> socket.socket | None:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        return socket.socket(fileno=libc.pidfd_getfd(pidfd, descriptor))
    except OSError:
        return None
    finally:
        os.close(pidfd)
