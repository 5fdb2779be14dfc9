# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a container: uses files of a directory, and answers whoever connects with the faults that it finds.

usage: file_user.py DIRECTORY PORT [MB], with so much memory besides
"""

from __future__ import annotations

import json
import mmap
import os
import select
import socket
import sys
import zlib
from pathlib import Path

CONTENT = bytes(range(256)) * 64
OFFSET = 5000
WRITE_EVERY_S = 0.001


class FileUser:
    """Appends to one file, has read half of another, and writes to a third by a shared mapping, all the time."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self._path = directory / "log"
        self._log = self._path.open("wb", buffering=0)
        (directory / "half").write_bytes(CONTENT)
        self._half = (directory / "half").open("rb", buffering=0)
        self._half.seek(OFFSET)
        self._map_path = directory / "map"
        self._map_path.write_bytes(bytes(mmap.PAGESIZE))
        with self._map_path.open("r+b") as file:
            self._mapped = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.lines = 0

    def write(self) -> None:
        self.lines += 1
        self._log.write(b"%d\n" % self.lines)
        self._mapped[:8] = self.lines.to_bytes(8, "little")

    def faults(self) -> list[str]:
        found = []
        if self._path.read_bytes() != b"".join(b"%d\n" % number for number in range(1, self.lines + 1)):
            found.append("the log has not each line once, in order")
        if self._half.read() != CONTENT[OFFSET:]:
            found.append("a half read file does not go on where it was")
        self._half.seek(OFFSET)
        if int.from_bytes(self._map_path.read_bytes()[:8], "little") != self.lines:
            found.append("what is written to the mapping is not in the file")
        return found


def main() -> None:
    user = FileUser(Path(sys.argv[1]))
    memory = os.urandom((int(sys.argv[3]) if len(sys.argv) > 3 else 0) << 20)
    server = socket.create_server(("0.0.0.0", int(sys.argv[2])))
    print("ready", flush=True)
    while True:
        if select.select([server], [], [], WRITE_EVERY_S)[0]:
            connection, _address = server.accept()
            with connection:
                answer = {"faults": user.faults(), "lines": user.lines, "pid": os.getpid(), "sum": zlib.crc32(memory)}
                connection.sendall(json.dumps(answer).encode())
        user.write()


if __name__ == "__main__":
    main()
