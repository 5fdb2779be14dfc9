# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP connection of which both ends are here, with as much in it as its buffers take."""

from __future__ import annotations

import contextlib
import socket

from answering import serve

LEAST = 3_000_000
BLOCK = bytes(range(251)) * 1024
listener = socket.create_server(("127.0.0.1", 0))
sender = socket.create_connection(listener.getsockname())
receiver = listener.accept()[0]
sender.setblocking(False)
receiver.settimeout(10)
sent = received = 0


def fill() -> None:
    global sent
    with contextlib.suppress(BlockingIOError):
        while True:
            start = sent % 251
            sent += sender.send(BLOCK[start:])


def look() -> object:
    """Read it all, and fill it again."""
    global received
    held, is_in_order = sent - received, True
    while received < sent:
        data = receiver.recv(1 << 20)
        start = received % 251
        is_in_order &= data == (BLOCK * (len(data) // len(BLOCK) + 2))[start : start + len(data)]
        received += len(data)
    fill()
    return {"in order": is_in_order, "enough": held > LEAST}


fill()
serve(look)
