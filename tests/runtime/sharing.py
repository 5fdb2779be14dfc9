# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes with shared memory, which do what they are told by a line of text each, and then print a line.

Anonymous shared memory, a memfd that is mapped, and one that is only open.
"""

import fcntl
import mmap
import os
import random
import sys

PAGE = mmap.PAGESIZE
PAGES = 700  # more than a chunk of the pager
F_ADD_SEALS, F_SEAL_WRITE = 1033, 8

anonymous = mmap.mmap(-1, PAGES * PAGE)
memfd = os.memfd_create("mapped", os.MFD_ALLOW_SEALING)
os.truncate(memfd, PAGES * PAGE)
mapped = mmap.mmap(memfd, PAGES * PAGE)
unmapped = os.memfd_create("only open")
chance = random.Random(5)
toggle = [0]


def write_some() -> None:
    for memory in (anonymous, mapped):
        for _number in range(20):
            at = chance.randrange(PAGES * PAGE - 100)
            memory[at : at + 100] = chance.randbytes(100)


def write_by_a_child() -> None:
    child = os.fork()
    if not child:
        anonymous[3 * PAGE : 3 * PAGE + 5] = b"child"
        mapped[600 * PAGE : 600 * PAGE + 5] = b"child"
        os._exit(0)
    os.waitpid(child, 0)


def write_by_call() -> None:
    os.pwrite(memfd, b"call" * 3000, 17 * PAGE + 5)
    os.pwrite(unmapped, b"call", 100 * PAGE)


def punch() -> None:
    """Make holes where pages were, and pages where holes were."""
    anonymous.madvise(mmap.MADV_REMOVE, 10 * PAGE, 30 * PAGE)
    mapped[40 * PAGE : 50 * PAGE] = bytes(10 * PAGE)


def grow() -> None:
    os.ftruncate(unmapped, 200 * PAGE + 17)
    os.pwrite(unmapped, b"end", 200 * PAGE)


def shrink() -> None:
    os.ftruncate(unmapped, 50 * PAGE)
    os.ftruncate(unmapped, 150 * PAGE)


def seal() -> None:
    mapped.close()
    fcntl.fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE)


def toggle_one() -> None:
    """The page is as it was two calls before."""
    toggle[0] ^= 1
    anonymous[5 * PAGE] = toggle[0]


print("ready", flush=True)
for line in sys.stdin:
    globals()[line.strip()]()
    print("done", flush=True)
