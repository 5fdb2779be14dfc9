# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has shared memory of each kind, which a child uses, too, and writes to it all the time."""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import time

from answering import serve

PAGE = mmap.PAGESIZE
SIZE = 4 << 20
F_ADD_SEALS, F_GET_SEALS, F_SEAL_WRITE = 1033, 1034, 8
SECOND_HALF = SIZE // 2
"""Where the child writes."""

anonymous = mmap.mmap(-1, SIZE)
memfd = os.memfd_create("mapped", os.MFD_ALLOW_SEALING)
os.truncate(memfd, SIZE)
mapped = mmap.mmap(memfd, SIZE)
unmapped = os.memfd_create("only open")
os.pwrite(unmapped, os.urandom(3 * PAGE + 100), 50 * PAGE)
sealed = os.memfd_create("sealed", os.MFD_ALLOW_SEALING)
os.pwrite(sealed, os.urandom(PAGE), 0)
fcntl.fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE)
anonymous[: PAGE * 100] = os.urandom(PAGE * 100)
mapped[: PAGE * 100] = os.urandom(PAGE * 100)


def write() -> None:
    """A number that grows, to one place of each, and to many."""
    number = 0
    while True:
        number += 1
        text = f"{number:020}".encode()
        at = SECOND_HALF + number % 200 * PAGE
        for memory in (anonymous, mapped):
            memory[at : at + len(text)] = text
            memory[SECOND_HALF - PAGE : SECOND_HALF - PAGE + len(text)] = text
        os.pwrite(unmapped, text, 10 * PAGE)
        time.sleep(0.001)


def last_written() -> list[int]:
    """In the order in which the child writes them."""
    texts = [memory[SECOND_HALF - PAGE : SECOND_HALF - PAGE + 20] for memory in (anonymous, mapped)]
    return [int(text.strip(b"\0") or 0) for text in (*texts, os.pread(unmapped, 20, 10 * PAGE))]


def look() -> object:
    before = last_written()
    deadline = time.monotonic() + 10
    while min(last_written()) <= max(before) and time.monotonic() < deadline:
        time.sleep(0.001)
    first, second, third = last_written()
    still = (
        anonymous[: 100 * PAGE],
        mapped[: 100 * PAGE],
        os.pread(unmapped, SIZE, 11 * PAGE),
        os.pread(sealed, PAGE, 0),
    )
    return {
        "the child writes to each": max(before) < first <= second + 1 <= third + 2,
        "content": [hashlib.sha256(part).hexdigest() for part in still],
        "names": sorted(os.readlink(f"/proc/self/fd/{one}") for one in (memfd, unmapped, sealed)),
        "seals": [fcntl.fcntl(one, F_GET_SEALS) for one in (memfd, unmapped, sealed)],
        "sizes": [os.fstat(one).st_size for one in (memfd, unmapped, sealed)],
    }


if not os.fork():
    write()
while not last_written()[0]:
    time.sleep(0.001)
serve(look)
