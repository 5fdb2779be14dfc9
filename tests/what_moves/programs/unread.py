# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has datagrams and packets in its queues, reads them when it is asked, and sends them to itself again."""

from __future__ import annotations

import socket

from answering import serve

TEXTS = (b"first", b"second")
IP_HEADER_BYTES = 20
SCTP = 132
own = socket.gethostbyname(socket.gethostname())
KINDS = {
    "udp": (own, (socket.AF_INET, socket.SOCK_DGRAM, 0)),
    "::1": ("::1", (socket.AF_INET6, socket.SOCK_DGRAM, 0)),
    "raw": ("127.0.0.2", (socket.AF_INET, socket.SOCK_RAW, SCTP)),
}
held: dict[str, tuple[socket.socket, socket.socket]] = {}


def send() -> None:
    for receiver, sender in held.values():
        for text in TEXTS:
            sender.sendto(text, receiver.getsockname())


def look() -> object:
    found = {}
    for name, (receiver, _sender) in held.items():
        skip = IP_HEADER_BYTES if name == "raw" else 0
        found[name] = [receiver.recv(2000)[skip:].decode() for _text in TEXTS]
    send()
    return found


for name, (address, kind) in KINDS.items():
    held[name] = socket.socket(*kind), socket.socket(*kind)
    held[name][0].bind((address, 0))
    held[name][0].settimeout(10)
# not a second receiver of what is sent
held["raw"][1].bind(("127.0.0.3", 0))
send()
serve(look)
