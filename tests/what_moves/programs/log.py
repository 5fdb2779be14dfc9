# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Appends a record of 100 bytes every 10 ms to a log of LOG_MIB MiB, and changes a block of a data base each time."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

from answering import serve

LOG, DATA = Path("/var/log/nf.log"), Path("/var/lib/nf.db")
START = random.Random(7).randbytes(1 << 20)
START_MIB = int(os.environ.get("LOG_MIB", "8"))
BLOCKS, BLOCK_BYTES = 512, 4096
written = 0
lock = threading.Lock()


def record(number: int) -> bytes:
    return f"{number:099}\n".encode()


def write() -> None:
    global written
    order = random.Random(9)
    with LOG.open("ab", buffering=0) as log, DATA.open("r+b", buffering=0) as data:
        while True:
            with lock:
                log.write(record(written))
                os.pwrite(data.fileno(), record(written), order.randrange(BLOCKS) * BLOCK_BYTES)
                written += 1
            time.sleep(0.01)


def newest() -> int:
    """The number of the record in the data base that was written last."""
    blocks = DATA.read_bytes()
    return max(int(blocks[at : at + 99] or 0) for at in range(0, len(blocks), BLOCK_BYTES))


def look() -> object:
    with lock, LOG.open("rb") as log:
        start = all(log.read(len(START)) == START for _mebibyte in range(START_MIB))
        records = log.read() == b"".join(map(record, range(written)))
        return {"start": start, "records": records, "blocks": newest() == written - 1}


LOG.parent.mkdir(parents=True, exist_ok=True)
DATA.parent.mkdir(parents=True, exist_ok=True)
with LOG.open("wb") as made:
    for _mebibyte in range(START_MIB):
        made.write(START)
DATA.write_bytes((b"0" * 99 + bytes(BLOCK_BYTES - 99)) * BLOCKS)
threading.Thread(target=write, daemon=True).start()
serve(look)
