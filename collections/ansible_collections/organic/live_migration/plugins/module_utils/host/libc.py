# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls that the standard library lacks in Python 3.9 (setns, mount, sigqueue, pidfd_getfd)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
_KINDS = {"net": CLONE_NEWNET, "uts": 0x04000000, "ipc": 0x08000000}
"""Namespaces that one thread can join while others stay (setns(2)), by their names in /proc/PID/ns."""

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MNT_DETACH = 2

_SYS_PIDFD_GETFD = 438  # the same on every architecture (asm-generic/unistd.h)

_SYS_KCMP = 312 if platform.machine() == "x86_64" else 272
KCMP_FILES, KCMP_FS, KCMP_SYSVSEM = 2, 3, 6
_SYS_IOPRIO_SET, _SYS_IOPRIO_GET = (251, 252) if platform.machine() == "x86_64" else (30, 31)
_IOPRIO_WHO_PROCESS = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def setns(descriptor: int, kind: int) -> None:
    """Join a namespace with the calling thread; see setns(2)."""
    _checked(_libc.setns(descriptor, kind), "setns")


def mount_tmpfs(target: str, size_bytes: int) -> None:
    """Mount a private tmpfs that only root may enter.

    ``huge=within_size`` halves the cost of filling it, where the kernel has it
    (Documentation/filesystems/tmpfs.rst).
    """
    options = f"mode=0700,size={size_bytes}"
    flags = ctypes.c_ulong(MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for data in (f"{options},huge=within_size", options):
        result = _libc.mount(b"tmpfs", target.encode(), b"tmpfs", flags, data.encode())
        if result == 0:
            return
    _checked(result, f"mount tmpfs on {target}")


def unmount(target: str) -> None:
    _checked(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def ptrace(request: int, tid: int, data: object = None) -> None:
    """See ptrace(2); for requests without an address."""
    if data is None:
        data = ctypes.c_void_p(0)
    argument = ctypes.byref(data) if isinstance(data, ctypes.Array) else data
    _checked(_libc.ptrace(ctypes.c_long(request), ctypes.c_long(tid), ctypes.c_void_p(0), argument), f"ptrace {tid}")


def sigqueue(pid: int, signal_number: int, value: int) -> None:
    """Send a signal that carries an integer; see sigqueue(3)."""
    _checked(_libc.sigqueue(pid, signal_number, ctypes.c_void_p(value)), f"sigqueue to {pid}")


def pidfd_getfd(pidfd: int, descriptor: int) -> int:
    """Duplicate a descriptor of another process; see pidfd_getfd(2)."""
    return _checked(_libc.syscall(_SYS_PIDFD_GETFD, pidfd, descriptor, 0), "pidfd_getfd")


def getsockopt(descriptor: int, level: int, number: int, request: bytes) -> bytes:
    """Read an option of a socket whose buffer says what is asked for; see getsockopt(2)."""
    buffer = ctypes.create_string_buffer(request, len(request))
    length = ctypes.c_uint(len(request))
    _checked(_libc.getsockopt(descriptor, level, number, buffer, ctypes.byref(length)), "getsockopt")
    return buffer.raw[: length.value]


def ioprio_get(tid: int) -> int:
    """The I/O priority of a thread; see ioprio_get(2)."""
    return _checked(_libc.syscall(_SYS_IOPRIO_GET, _IOPRIO_WHO_PROCESS, tid), "ioprio_get")


def ioprio_set(tid: int, value: int) -> None:
    _checked(_libc.syscall(_SYS_IOPRIO_SET, _IOPRIO_WHO_PROCESS, tid, value), "ioprio_set")


def is_shared(kind: int, one: int, other: int) -> bool:
    """Whether two tasks share something (kcmp(2)), for example KCMP_FILES; also when neither has it.

    Raises:
        OSError: a task is gone, or the kernel cannot compare (CONFIG_KCMP).
    """
    order = _libc.syscall(_SYS_KCMP, one, other, kind, ctypes.c_long(0), ctypes.c_long(0))
    return _checked(order, "kcmp") == 0


def inotify_init() -> int:
    """A descriptor for events of files, which is read without waiting; see inotify_init1(2)."""
    return _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")


def inotify_add_watch(descriptor: int, path: str, events: int) -> int:
    """Ask for events of one file; see inotify_add_watch(2)."""
    return _checked(_libc.inotify_add_watch(descriptor, os.fsencode(path), events), "inotify_add_watch")


def unshare(kind: int) -> None:
    """Give the calling thread a new namespace of its own; see unshare(2)."""
    _checked(_libc.unshare(kind), "unshare")


@contextlib.contextmanager
def namespace(pid: int, name: str) -> Iterator[None]:
    """Run the block, in this thread alone, in a namespace of ``pid``: ``net``, ``uts`` or ``ipc``."""
    with open(f"/proc/thread-self/ns/{name}", "rb") as home, open(f"/proc/{pid}/ns/{name}", "rb") as away:
        setns(away.fileno(), _KINDS[name])
        try:
            yield
        finally:
            setns(home.fileno(), _KINDS[name])


def network_namespace(pid: int) -> contextlib.AbstractContextManager[None]:
    """Run the block in the network namespace of ``pid``; sockets that are created there stay in it."""
    return namespace(pid, "net")
