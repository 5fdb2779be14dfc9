# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes an entry into the ledger every few milliseconds, over one connection: client.py ADDRESS PORT.

Prints what it has seen four times a second, one line of JSON each: answers, the longest wait for one, and entries that
were missing or came twice. It never connects again: a lost connection ends it.
"""

from __future__ import annotations

import json
import socket
import sys
import time

INTERVAL_S = 0.005
REPORT_S = 0.25


def main(address: str, port: int) -> None:
    connection = socket.create_connection((address, port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    replies = connection.makefile("r", encoding="ascii")
    answers = first = wrong = 0
    longest_ms, reported = 0.0, time.monotonic()
    while True:
        asked = time.monotonic()
        connection.sendall(b"entry\n")
        entry = int(replies.readline())
        now = time.monotonic()
        first = first or entry
        wrong += entry != first + answers
        answers += 1
        longest_ms = max(longest_ms, (now - asked) * 1000)
        if now - reported > REPORT_S:
            reported = now
            print(
                json.dumps({
                    "answers": answers, "last_entry": entry, "wrong": wrong, "longest_wait_ms": round(longest_ms, 1)
                }),
                flush=True,
            )  # fmt: skip
        time.sleep(INTERVAL_S)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
