# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`restored.py SOCKET`: a process with memory from the target's pager, connected to it as CRIU's restore connects it.

Three pages: one as any other, and two that a child gets empty (madvise(2), MADV_WIPEONFORK), of which only the first is
read before the fork(2). Prints their address; told to go on, prints the first byte of each as the child reads it.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import socket
import struct
import sys

PID = 5
"""In a container that is only claimed."""
PAGE = mmap.PAGESIZE
SYS_USERFAULTFD = 323
UFFD_API, UFFDIO_API, UFFDIO_REGISTER = 0xAA, 0xC018AA3F, 0xC020AA00
EVENTS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6
"""Fork, remap, remove and unmap."""
MODE_MISSING = 1
MADV_WIPEONFORK = 18


def main(path: str) -> None:
    userfault = ctypes.CDLL(None).syscall(SYS_USERFAULTFD, os.O_CLOEXEC | os.O_NONBLOCK)
    fcntl.ioctl(userfault, UFFDIO_API, struct.pack("<QQQ", UFFD_API, EVENTS, 0))
    memory = mmap.mmap(-1, 3 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(MADV_WIPEONFORK, PAGE, 2 * PAGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    fcntl.ioctl(userfault, UFFDIO_REGISTER, struct.pack("<QQQQ", address, 3 * PAGE, MODE_MISSING, 0))
    print(address, flush=True)
    sys.stdin.readline()
    with socket.socket(socket.AF_UNIX) as criu:
        criu.connect(path)
        criu.sendall(struct.pack("<i", PID))
        socket.send_fds(criu, [b"\0"], [userfault])
    sys.stdin.readline()
    before = memory[0], memory[PAGE]
    if os.fork() == 0:
        print(*before, memory[0], memory[PAGE], memory[2 * PAGE], flush=True)
        os._exit(0)
    os.wait()


if __name__ == "__main__":
    main(sys.argv[1])
