# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has made a pseudoterminal, at which a child reads lines in upper case, with a size and settings of its own."""

from __future__ import annotations

import fcntl
import os
import struct
import termios

from answering import serve

SIZE = struct.pack("HHHH", 33, 99, 0, 0)


def repeat(slave: int) -> None:
    with os.fdopen(slave, "r+b", buffering=0) as terminal:
        while line := terminal.readline():
            terminal.write(line.upper())


def look() -> object:
    os.write(master, b"question\n")
    answer = b""
    while not answer.endswith(b"\n"):
        answer += os.read(master, 100)
    size = fcntl.ioctl(master, termios.TIOCGWINSZ, bytes(8))
    echoes = bool(termios.tcgetattr(master)[3] & termios.ECHO)
    return {"answer": answer.decode(), "size": struct.unpack("HHHH", size)[:2], "echoes": echoes}


master, slave = os.openpty()
settings = termios.tcgetattr(slave)
settings[3] &= ~termios.ECHO
termios.tcsetattr(slave, termios.TCSANOW, settings)
fcntl.ioctl(slave, termios.TIOCSWINSZ, SIZE)
if os.fork() == 0:
    os.close(master)
    repeat(slave)
    os._exit(0)
os.close(slave)
serve(look)
