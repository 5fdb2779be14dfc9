# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System V IPC objects (sysvipc(7)) of the IPC namespace that the calling thread is in.

Sources: shmctl(2), msgctl(2), msgrcv(2), kcmp(2), and the kernel's include/uapi/asm-generic/ipcbuf.h and msgbuf.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from . import libc

_TABLES = Path("/proc/sysvipc")
_SETTINGS = Path("/proc/sys/kernel")
_REMOVED, _LOCKED = 0o1000, 0o2000
"""SHM_DEST and SHM_LOCKED, in the mode of a segment."""
_IPC_RMID, _IPC_SET, _IPC_STAT = 0, 1, 2
_SHM_LOCK = 11
_MSG_COPY, _IPC_NOWAIT = 0o40000, 0o4000
_QUEUE_BYTES = 120
"""Size of struct msqid64_ds."""
_CAPACITY = struct.Struct("<Q")
_CAPACITY_AT = 88
"""Where it has msg_qbytes: behind struct ipc64_perm, three times, and what the queue holds."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.msgrcv.restype = ctypes.c_ssize_t
_libc.msgrcv.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long, ctypes.c_int]


@dataclass(frozen=True)
class Segment:
    """Shared memory.

    Attributes:
        is_removed: it goes when the last process detaches it.
        is_locked: it stays in memory (SHM_LOCK).
        resident_bytes: of its pages that are in memory.
    """

    id: int
    key: int
    is_removed: bool
    is_locked: bool
    is_attached: bool
    resident_bytes: int

    def __str__(self) -> str:
        return f"System V shared memory segment {self.id} (key {self.key:#x})"


@dataclass(frozen=True)
class Queue:
    """A queue of messages, which hold ``used_bytes`` together."""

    id: int
    key: int
    used_bytes: int
    messages: int

    def __str__(self) -> str:
        return f"System V message queue {self.id} (key {self.key:#x})"


@dataclass(frozen=True)
class SemaphoreSet:
    """A set of semaphores."""

    id: int
    key: int

    def __str__(self) -> str:
        return f"System V semaphore set {self.id} (key {self.key:#x})"


@dataclass(frozen=True)
class Objects:
    """All of them."""

    segments: tuple[Segment, ...] = ()
    queues: tuple[Queue, ...] = ()
    semaphores: tuple[SemaphoreSet, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.segments or self.queues or self.semaphores)

    def names(self) -> list[str]:
        return [str(one) for one in (*self.semaphores, *self.queues, *self.segments)]


def read() -> Objects:
    """What there is."""
    return Objects(
        tuple(_segment(row) for row in _rows("shm")),
        tuple(Queue(int(row["msqid"]), _key(row), int(row["cbytes"]), int(row["qnum"])) for row in _rows("msg")),
        tuple(SemaphoreSet(int(row["semid"]), _key(row)) for row in _rows("sem")),
    )


def _rows(table: str) -> list[dict[str, str]]:
    with open(_TABLES / table, encoding="ascii") as file:
        heading, *lines = file.read().splitlines()
    names = heading.split()
    return [dict(zip(names, line.split())) for line in lines]


def _key(row: dict[str, str]) -> int:
    return int(row["key"]) & 0xFFFFFFFF


def _segment(row: dict[str, str]) -> Segment:
    mode = int(row["perms"], 8)
    return Segment(
        int(row["shmid"]),
        _key(row),
        bool(mode & _REMOVED),
        bool(mode & _LOCKED),
        row["nattch"] != "0",
        int(row["rss"]),
    )


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def remove_when_detached(segment: int) -> None:
    """Mark a segment that a process has attached: it goes when the last one detaches it."""
    _checked(_libc.shmctl(segment, _IPC_RMID, None), "shmctl")


def lock(segment: int) -> None:
    """Keep the pages of a segment in memory."""
    _checked(_libc.shmctl(segment, _SHM_LOCK, None), "shmctl")


def default_capacity() -> int:
    """How many bytes the messages of a new queue may have together (kernel.msgmnb)."""
    return int((_SETTINGS / "msgmnb").read_text())


def largest_message() -> int:
    """How many bytes a message may have (kernel.msgmax)."""
    return int((_SETTINGS / "msgmax").read_text())


def _status(queue: int) -> ctypes.Array[ctypes.c_char]:
    buffer = ctypes.create_string_buffer(_QUEUE_BYTES)
    _checked(_libc.msgctl(queue, _IPC_STAT, buffer), "msgctl")
    return buffer


def capacity(queue: int) -> int:
    """How many bytes the messages of a queue may have together (msg_qbytes)."""
    return int(_CAPACITY.unpack_from(_status(queue), _CAPACITY_AT)[0])


def set_capacity(queue: int, capacity_bytes: int) -> None:
    """Set it; above that of new queues the kernel wants CAP_SYS_RESOURCE, so these get more for a moment."""
    status = _status(queue)
    _CAPACITY.pack_into(status, _CAPACITY_AT, capacity_bytes)
    default = default_capacity()
    try:
        if capacity_bytes > default:
            (_SETTINGS / "msgmnb").write_text(str(capacity_bytes))
        _checked(_libc.msgctl(queue, _IPC_SET, status), "msgctl")
    finally:
        if capacity_bytes > default:
            (_SETTINGS / "msgmnb").write_text(str(default))


def has_message_above(queue: Queue, size_bytes: int) -> bool:
    """Whether a message of a queue is larger; looks at each, and takes none."""
    if queue.used_bytes <= size_bytes:
        return False
    buffer = ctypes.create_string_buffer(struct.calcsize("l") + size_bytes)
    for number in range(queue.messages):
        if _libc.msgrcv(queue.id, buffer, size_bytes, number, _MSG_COPY | _IPC_NOWAIT) < 0:
            failure = ctypes.get_errno()
            if failure == errno.E2BIG:
                return True
            if failure == errno.ENOMSG:  # others were taken meanwhile
                return False
            _checked(-1, "msgrcv")
    return False


def may_undo(pid: int) -> bool:
    """Whether a process has used SEM_UNDO (semop(2)), or has ever had a second thread (clone(2), CLONE_SYSVSEM).

    The kernel may have changes to undo when such a process ends, and nothing shows what they are. The calling thread
    has entered another IPC namespace and with that has no such list (setns(2)); processes without one are as this one
    (kcmp(2)).

    Raises:
        OSError: the process is gone, or the kernel cannot compare.
    """
    return not libc.is_shared(libc.KCMP_SYSVSEM, os.getpid(), pid)
