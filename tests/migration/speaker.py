# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes when frames of a MAC address leave a host. Runs on the host, as root.

usage: speaker.py DEVICE MAC

Begins with the line "listening"; ends at the end of its input with a line of JSON: frames, and first and last, which
are times of the kernel in seconds since 1970 (null without a frame).
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading

ALL_PROTOCOLS = 3
OUTGOING = 4
RCVBUFFORCE, TIMESTAMPNS = 33, 35
TIME = struct.Struct("=qq")


def main() -> None:
    device, mac = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", ""))
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    wire.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 256 << 20)
    wire.setsockopt(socket.SOL_SOCKET, TIMESTAMPNS, 1)
    wire.bind((device, ALL_PROTOCOLS))
    wire.settimeout(0.2)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    print("listening", flush=True)
    times = []
    while True:
        if over.is_set():
            wire.setblocking(False)  # only what has come so far
        try:
            frame, ancillary, _flags, address = wire.recvmsg(64, 256)
        except BlockingIOError:
            break
        except TimeoutError:
            continue
        if address[2] == OUTGOING and frame[6:12] == mac:
            seconds, nanoseconds = TIME.unpack(ancillary[0][2][: TIME.size])
            times.append(seconds + nanoseconds / 1e9)
    print(json.dumps({"frames": len(times), "first": min(times, default=None), "last": max(times, default=None)}))


if __name__ == "__main__":
    main()
