#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Linux 6.18.44: kcmp(2), with which CRIU and others find out what two processes share: KCMP_SYSVSEM, the semaphore operations to undo, and
# KCMP_IO, the I/O context.
#
# kcmp(2): 0 is "v1 is equal to v2; in other words, the two processes share the resource". Expected: two processes that were forked share
# neither, as CLONE_SYSVSEM and CLONE_IO were not given. Seen: a process has no such thing until it uses a semaphore with SEM_UNDO or
# does I/O, and nothing equals nothing, so that any two of these processes "share" both. As soon as one of them uses a semaphore the
# answer changes, though nothing was shared or unshared. Memory, files and signal handlers, which each process has, are right.
# 0 of these two kinds means "shared, or neither has one".
#
# Needs root and Python, no package. Fails if the behaviour changes.
set -euo pipefail
python3 - <<'PYTHON'
import ctypes
import os
import platform

KCMP = {"x86_64": 312, "aarch64": 272}[platform.machine()]
KINDS = {"memory": 1, "files": 2, "signal handlers": 4, "I/O context": 5, "semaphore undo": 6}
IPC_PRIVATE, IPC_CREAT, IPC_RMID, SEM_UNDO = 0, 0o1000, 0, 0x1000
libc = ctypes.CDLL(None, use_errno=True)


class Operation(ctypes.Structure):
    _fields_ = [("number", ctypes.c_ushort), ("change", ctypes.c_short), ("flags", ctypes.c_short)]


def use_a_semaphore():
    semaphores = libc.semget(IPC_PRIVATE, 1, IPC_CREAT | 0o600)
    assert semaphores >= 0, os.strerror(ctypes.get_errno())
    try:
        assert libc.semop(semaphores, ctypes.byref(Operation(0, 1, SEM_UNDO)), 1) == 0, os.strerror(ctypes.get_errno())
    finally:
        libc.semctl(semaphores, 0, IPC_RMID)


def shared(one, other):
    found = []
    for name, kind in KINDS.items():
        result = libc.syscall(KCMP, one, other, kind, 0, 0)
        assert result >= 0, os.strerror(ctypes.get_errno())
        if result == 0:
            found.append(name)
    return found


def expect(what, seen, expected):
    print(f"{what}: {', '.join(seen) or 'nothing'}")
    assert seen == expected, f"it was {expected}"


# Two processes that were forked, so that nothing is left of what this one, or its parent, has used before.
readers = []
children = []
for _child in range(2):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)  # until the parent has closed the other end
        os._exit(0)
    os.close(reader)
    children.append(child)
    readers.append(writer)
me = os.getpid()
try:
    expect("two children share", shared(*children), ["I/O context", "semaphore undo"])
    use_a_semaphore()
    expect("their parent has used a semaphore; it shares with a child", [one for one in shared(me, children[0]) if one != "I/O context"], [])
    expect("the children", shared(*children), ["I/O context", "semaphore undo"])
finally:
    for writer in readers:
        os.close(writer)
    for child in children:
        os.waitpid(child, 0)
PYTHON
