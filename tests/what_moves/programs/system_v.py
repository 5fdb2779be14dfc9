# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has System V shared memory, semaphores and a queue of messages, which a child uses, too."""

from __future__ import annotations

import ctypes
import hashlib
import os
import struct
import time
from pathlib import Path

from answering import serve

IPC_RMID, IPC_SET, IPC_STAT, GETVAL, SETVAL = 0, 1, 2, 12, 16
IPC_CREAT, IPC_NOWAIT, MSG_COPY, SHM_RDONLY = 0o1000, 0o4000, 0o40000, 0o10000
SIZE = 300_001
KEPT_BYTES = 200_000
"""Of the first segment, which do not change; behind them the child counts."""
STATUS_BYTES = 120
CAPACITY_AT = 88
"""Where msqid_ds has the capacity (asm-generic/msgbuf.h)."""
CAPACITY = 9000
OWNER, GROUP = 33, 34

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
libc.shmdt.argtypes = [ctypes.c_void_p]
libc.msgsnd.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
libc.msgrcv.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long, ctypes.c_int]


def checked(result: int) -> int:
    if result in (-1, None):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def segment(key: int, size: int, mode: int) -> int:
    return checked(libc.shmget(key, size, IPC_CREAT | mode))


def attach(number: int, flags: int = 0) -> int:
    address = libc.shmat(number, None, flags)
    return checked(-1 if address == ctypes.c_void_p(-1).value else address)


def status(control: object, number: int) -> bytes:
    buffer = ctypes.create_string_buffer(STATUS_BYTES)
    checked(control(number, IPC_STAT, buffer))
    return buffer.raw


def owners_and_mode(one: bytes) -> list[int]:
    _key, owner, group, _creator, _creators_group, mode = struct.unpack_from("=iIIIII", one)
    return [owner, group, mode]


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in Path("/proc/sysvipc", table).read_text().splitlines()[1:]]


def fill(address: int, size: int) -> None:
    ctypes.memmove(address, os.urandom(size), size)


# identifiers are not those that a new namespace gives first
for _time in range(3):
    libc.shmctl(segment(0, 4096, 0o600), IPC_RMID, None)
    libc.msgctl(checked(libc.msgget(0, IPC_CREAT | 0o600)), IPC_RMID, None)
    libc.semctl(checked(libc.semget(0, 1, IPC_CREAT | 0o600)), 0, IPC_RMID)

kept = segment(0x5432, SIZE, 0o640)
memory = attach(kept)
fill(memory, KEPT_BYTES)
read_only = attach(kept, SHM_RDONLY)
change = ctypes.create_string_buffer(status(libc.shmctl, kept), STATUS_BYTES)
struct.pack_into("=II", change, 4, OWNER, GROUP)
checked(libc.shmctl(kept, IPC_SET, change))
removed = segment(0, 8192, 0o600)
removed_memory = attach(removed)
fill(removed_memory, 8192)
checked(libc.shmctl(removed, IPC_RMID, None))
detached = segment(0x5433, 4096, 0o600)
address = attach(detached)
fill(address, 4096)
checked(libc.shmdt(address))

semaphores = checked(libc.semget(0x77, 5, IPC_CREAT | 0o660))
for number, value in enumerate((3, 0, 32767, 1, 0)):
    checked(libc.semctl(semaphores, number, SETVAL, value))

queue = checked(libc.msgget(0x99, IPC_CREAT | 0o622))
for kind, text in ((3, b"third"), (1, b"first"), (3, b""), (2, os.urandom(4000))):
    checked(libc.msgsnd(queue, struct.pack("@l", kind) + text, len(text), IPC_NOWAIT))
full = ctypes.create_string_buffer(status(libc.msgctl, queue), STATUS_BYTES)
struct.pack_into("@Q", full, CAPACITY_AT, CAPACITY)
checked(libc.msgctl(queue, IPC_SET, full))

COUNTER = memory + 250_000
ENDED = memory + 250_008


def count() -> None:
    while True:
        ctypes.c_uint64.from_address(COUNTER).value += 1
        time.sleep(0.001)


def wait_for_a_semaphore() -> None:
    """Nobody ever raises it: what comes back is an error."""
    libc.semop(semaphores, struct.pack("=Hhh", 1, -1, 0), 1)
    ctypes.c_uint64.from_address(ENDED).value = ctypes.get_errno()


def messages() -> list[list[object]]:
    found = []
    buffer = ctypes.create_string_buffer(8 + 8192)
    for number in range(int(next(row for row in rows("msg") if row[1] == str(queue))[4])):
        size = checked(libc.msgrcv(queue, buffer, 8192, number, MSG_COPY | IPC_NOWAIT))
        kind = struct.unpack_from("@l", buffer)[0]
        found.append([kind, size, hashlib.sha256(buffer.raw[8 : 8 + size]).hexdigest()])
    return found


def content(at: int, size: int) -> str:
    return hashlib.sha256(ctypes.string_at(at, size)).hexdigest()


def look() -> object:
    counter = ctypes.c_uint64.from_address(COUNTER)
    before, deadline = counter.value, time.monotonic() + 10
    while counter.value <= before and time.monotonic() < deadline:
        time.sleep(0.001)
    again = attach(detached)
    result = {
        "the child counts": counter.value > before,
        "a wait ended": ctypes.c_uint64.from_address(ENDED).value,
        "content": [content(memory, KEPT_BYTES), content(removed_memory, 8192), content(again, 4096)],
        "read only": content(read_only, KEPT_BYTES) == content(memory, KEPT_BYTES),
        "owners and modes": [owners_and_mode(status(libc.shmctl, one)) for one in (kept, removed)],
        "segments": [row[:4] + row[6:7] for row in rows("shm")],
        "semaphores": [row[:4] for row in rows("sem")],
        "values": [checked(libc.semctl(semaphores, number, GETVAL)) for number in range(5)],
        "queues": [row[:5] for row in rows("msg")],
        "capacity": struct.unpack_from("@Q", status(libc.msgctl, queue), CAPACITY_AT)[0],
        "messages": messages(),
        "maps": sorted(line.split()[1] for line in Path("/proc/self/maps").read_text().splitlines() if "/SYSV" in line),
    }
    checked(libc.shmdt(again))
    return result


for work in (count, wait_for_a_semaphore):
    if not os.fork():
        work()
        os._exit(0)
while not ctypes.c_uint64.from_address(COUNTER).value or libc.semctl(semaphores, 1, 14) < 1:  # GETNCNT
    time.sleep(0.001)
serve(look)
