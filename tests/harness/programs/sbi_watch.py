# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP/2 connection to an NF, on which PINGs are answered until it ends: sbi_watch.py HOST PORT RESULT

Writes what has become of it to the file RESULT when it has ended, or at SIGTERM.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import sys
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">HBBBL", 0, 0, 4, 0, 0)
"""With an empty SETTINGS frame (RFC 9113, clause 3.4)."""
PING = struct.pack(">HBBBL", 0, 8, 6, 0, 0) + b"sbiwatch"
PERIOD_S = 0.05
SILENT_S = 20.0
"""Without an answer for so long: nobody has ended it, its user would wait for a time-out."""


class Watched:
    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(PREFACE)
        self._socket.setblocking(False)
        self._received = b""
        self._last = time.monotonic()
        self.answers = 0
        self.longest_silence_s = 0.0
        self.said_goodbye = False

    def run(self, go_on: list[bool]) -> str:
        """How it ended: fin, reset, silent; or open, when it was to be watched no longer."""
        due = time.monotonic()
        try:
            while go_on:
                now = time.monotonic()
                if now - self._last > SILENT_S:
                    return "silent"
                if now >= due:
                    due = now + PERIOD_S
                    self._ping()
                readable, _, _ = select.select([self._socket], [], [], max(0.0, due - time.monotonic()))
                if readable and not self._read():
                    return "fin"
        except (ConnectionResetError, BrokenPipeError):
            return "reset"
        return "open"

    def silence_s(self) -> float:
        """Since the last answer."""
        return time.monotonic() - self._last

    def _ping(self) -> None:
        try:
            self._socket.send(PING)
        except BlockingIOError:
            return  # what was sent before waits for an acknowledgement

    def _read(self) -> bytes:
        data = self._socket.recv(65536)
        self._received += data
        while len(self._received) >= 9:
            high, low, kind, flags, _stream = struct.unpack(">HBBBL", self._received[:9])
            end = 9 + (high << 8 | low)
            if len(self._received) < end:
                break
            self._received = self._received[end:]
            if kind == 6 and flags & 1:
                self.answers += 1
                self.longest_silence_s = max(self.longest_silence_s, self.silence_s())
                self._last = time.monotonic()
            self.said_goodbye = self.said_goodbye or kind == 7
        return data


def main() -> None:
    host, port, result = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    go_on = [True]
    signal.signal(signal.SIGTERM, lambda *_: go_on.clear())
    watched = Watched(host, port)
    end = watched.run(go_on)
    found = {
        "end": end,
        "answers": watched.answers,
        "longest_silence_ms": round(1000 * watched.longest_silence_s, 1),
        "silence_before_end_ms": round(1000 * watched.silence_s(), 1),
        "goaway": watched.said_goodbye,
    }
    with open(f"{result}.new", "w", encoding="utf-8") as file:
        json.dump(found, file)
    os.replace(f"{result}.new", result)


main()
