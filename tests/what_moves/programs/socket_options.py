# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets every option of a socket that this kernel lets it read and write, each on a socket of its own.

Options are found by their numbers, so that those of later kernels are, too.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

from answering import serve

LEVELS = {"socket": 1, "ip": 0, "tcp": 6, "udp": 17, "ipv6": 41}
NUMBERS = range(110)
INTEGERS = (1, 0, 2, 3, 5, 8, 16, 64, 100, 200, 1000, 5000, 70000)
VALUES = (
    *(struct.pack("i", number) for number in INTEGERS),
    struct.pack("ii", 1, 5),
    struct.pack("qq", 3, 0),
    b"reno\0",
    socket.inet_aton("127.0.0.1"),
)
LONGEST = 64
KINDS = ("tcp4", "tcp6", "udp4", "udp6", "tcp4 listening", "tcp4 connected", "tcp4 accepted")
NOT_KEPT = {
    ("socket", 42),  # SO_PEEK_OFF: of the queue, which is not moved as it is
    ("socket", 49),  # SO_INCOMING_CPU: of the CPUs of another host
    ("udp", 1),  # UDP_CORK: refused
    ("tcp", 3),  # TCP_CORK: what is corked is sent
    ("tcp", 12),  # TCP_QUICKACK: the kernel changes it by itself
    ("tcp", 19),  # TCP_REPAIR: CRIU's
}
NOT_CONNECTED = {
    ("tcp", 2),  # TCP_MAXSEG, TCP_WINDOW_CLAMP: the kernel answers with what it uses itself
    ("tcp", 10),
}

listener = socket.create_server(("127.0.0.1", 0))
held: list[tuple[str, str, int, socket.socket]] = []
others: list[socket.socket] = []


def fresh(kind: str) -> socket.socket:
    """A socket in the state of its kind."""
    if kind in ("tcp4 connected", "tcp4 accepted"):
        connected = socket.create_connection(listener.getsockname())
        accepted = listener.accept()[0]
        others.extend((connected, accepted))
        return connected if kind == "tcp4 connected" else accepted
    family = socket.AF_INET6 if kind[3] == "6" else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM if kind.startswith("tcp") else socket.SOCK_DGRAM)
    if kind == "tcp4 listening":
        one.bind(("127.0.0.1", 0))
        one.listen()
    return one


def levels(kind: str) -> Iterator[str]:
    yield from ("socket", "ip", kind[:3])
    if kind[3] == "6":
        yield "ipv6"


def read(one: socket.socket, level: str, number: int) -> bytes | None:
    with contextlib.suppress(OSError):
        return one.getsockopt(LEVELS[level], number, LONGEST)
    return None


def change(kind: str, level: str, number: int) -> None:
    one = fresh(kind)
    before = read(one, level, number)
    for value in VALUES if before is not None else ():
        with contextlib.suppress(OSError):
            one.setsockopt(LEVELS[level], number, value)
            if read(one, level, number) != before:
                held.append((kind, level, number, one))
                return
    one.close()


for kind in KINDS:
    of_kernel = NOT_CONNECTED if kind.endswith(("connected", "accepted")) else set()
    for level in levels(kind):
        for number in NUMBERS:
            if (level, number) not in NOT_KEPT | of_kernel:
                change(kind, level, number)


def look() -> dict[str, str]:
    return {f"{kind} {level} {number}": (read(one, level, number) or b"").hex() for kind, level, number, one in held}


serve(look)
