# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads along all that a host sends and receives, and tells how often a text passed. Runs on the host, as root.

usage: wire.py TEXT

Begins with the line "listening"; ends at the end of its input with a line of JSON: packets, lost, found.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading

ALL_PROTOCOLS = 3
RCVBUFFORCE = 33
PACKET, PACKET_STATISTICS = 263, 6
LONGEST = 1 << 17


def main() -> None:
    text = sys.argv[1].encode()
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PROTOCOLS))
    wire.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 256 << 20)
    wire.settimeout(0.2)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    print("listening", flush=True)
    packets = found = 0
    while True:
        if over.is_set():
            wire.setblocking(False)  # only what has come so far
        try:
            packet = wire.recv(LONGEST)
        except BlockingIOError:
            break
        except TimeoutError:
            continue
        packets += 1
        found += text in packet
    _seen, lost = struct.unpack("=II", wire.getsockopt(PACKET, PACKET_STATISTICS, 8))
    print(json.dumps({"packets": packets, "lost": lost, "found": found}))


if __name__ == "__main__":
    main()
