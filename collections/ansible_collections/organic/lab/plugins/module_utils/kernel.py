# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls that Python 3.11 does not have, and the kernel's tables of mounts."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import NamedTuple

# linux/mount.h
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_SHARED = 0x100000
MNT_DETACH = 0x2

# linux/sched.h
CLONE_NEWTIME = 0x00000080
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# The same on every architecture since Linux 5.1, but not pivot_root (asm/unistd.h).
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str | Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    result = _libc.mount(
        source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode() or None
    )
    _checked(result, f"mount {source} on {target}")


def umount(target: str | Path, flags: int = 0) -> None:
    """umount2(2)."""
    _checked(_libc.umount2(os.fsencode(target), flags), f"umount {target}")


def unshare(flags: int) -> None:
    """unshare(2)."""
    _checked(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """setns(2)."""
    _checked(_libc.setns(descriptor, kind), "setns")


def pivot_root_here() -> None:
    """Make the current directory the root and let go of the old one (pivot_root(2), NOTES)."""
    _checked(_libc.syscall(_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    umount(".", MNT_DETACH)
    os.chdir("/")


class Mount(NamedTuple):
    """One line of /proc/PID/mountinfo (proc_pid_mountinfo(5))."""

    point: str
    kind: str
    options: str


def mounts(pid: int | None = None) -> list[Mount]:
    """The mounts that a process sees, in the order in which they were made."""
    table = []
    for line in Path(f"/proc/{pid or 'self'}/mountinfo").read_text(encoding="utf-8").splitlines():
        fields = line.split(" ")
        dash = fields.index("-", 6)
        point = fields[4].encode().decode("unicode_escape")
        table.append(Mount(point, fields[dash + 1], fields[dash + 3]))
    return table


def unmount_below(directory: Path) -> None:
    """Unmount all that is mounted on or below a directory, newest first."""
    for entry in reversed(mounts()):
        if entry.point == str(directory) or entry.point.startswith(f"{directory}/"):
            umount(entry.point, MNT_DETACH)
