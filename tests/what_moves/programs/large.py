# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared memory, reserved addresses, deleted files and a sparse file, each large: KIND says which."""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import zlib
from collections.abc import Callable

from answering import serve

SHARED_BYTES = 160 << 20
DELETED, DELETED_BYTES = 3, 8 << 20
RESERVED_BYTES = 8 << 40
PAGE_BYTES = 4096
SPARSE_BYTES = 3 << 30
CONTENT = random.Random(3).randbytes(8 << 20)


def shared() -> Callable[[], object]:
    memory = mmap.mmap(-1, SHARED_BYTES)
    for start in range(0, SHARED_BYTES, len(CONTENT)):
        memory[start : start + len(CONTENT)] = CONTENT
    wanted = zlib.crc32(memory)
    return lambda: {"same": zlib.crc32(memory) == wanted}


def deleted() -> Callable[[], object]:
    files = []
    for number in range(DELETED):
        file = os.open(f"/held{number}", os.O_RDWR | os.O_CREAT)
        os.write(file, CONTENT[number:])
        os.unlink(f"/held{number}")
        files.append(file)

    def look() -> object:
        return {"same": [os.pread(file, DELETED_BYTES, 0) == CONTENT[number:] for number, file in enumerate(files)]}

    return look


def sparse() -> Callable[[], object]:
    file = os.open("/held", os.O_RDWR | os.O_CREAT)
    os.ftruncate(file, SPARSE_BYTES)
    os.pwrite(file, CONTENT[:4096], SPARSE_BYTES // 2)

    def look() -> object:
        is_same = os.pread(file, 4096, SPARSE_BYTES // 2) == CONTENT[:4096]
        state = os.fstat(file)
        return {"same": is_same, "size": state.st_size, "sparse": state.st_blocks < 1000}

    return look


def reserved() -> Callable[[], object]:
    """Addresses without memory, of which a page is used each time."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    start = libc.mmap(None, ctypes.c_size_t(RESERVED_BYTES), 0, flags, -1, ctypes.c_long(0))
    used: list[int] = []

    def look() -> object:
        used.append(start + (len(used) + 1) * PAGE_BYTES)
        page = ctypes.c_void_p(used[-1])
        result = libc.mprotect(page, ctypes.c_size_t(PAGE_BYTES), mmap.PROT_READ | mmap.PROT_WRITE)
        ctypes.memmove(page, CONTENT, PAGE_BYTES)
        return {"usable": result == 0, "same": all(ctypes.string_at(at, 9) == CONTENT[:9] for at in used)}

    return look


serve({"shared": shared, "deleted": deleted, "sparse": sparse, "reserved": reserved}[os.environ["KIND"]]())
