# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes its output to a process of its own, which copies it into a file and to the container's log."""

from __future__ import annotations

import os
import time
from pathlib import Path

from answering import serve

LOG = Path("/log")
PATIENCE_S = 10

reader, writer = os.pipe()
if os.fork() == 0:
    os.close(writer)
    with LOG.open("wb", buffering=0) as log:
        while data := os.read(reader, 4096):
            log.write(data)
            os.write(1, data)
    os._exit(0)
os.close(reader)
os.dup2(writer, 1)
os.close(writer)
said = 0


def look() -> str:
    """Whether a line that is written now gets there."""
    global said
    said += 1
    os.write(1, f"line {said}\n".encode())
    deadline = time.monotonic() + PATIENCE_S
    while not LOG.exists() or f"line {said}\n" not in LOG.read_text():
        if time.monotonic() > deadline:
            return "is lost"
        time.sleep(0.01)
    return "reaches the log"


serve(look)
