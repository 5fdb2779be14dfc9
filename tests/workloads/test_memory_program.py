# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory that checks itself finds what is wrong. Needs no lab."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .programs import memory_program

MEMORY_MB = 4
PAGE = 4096


class Program:
    def __init__(self, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [str(memory_program()), "--port", str(port), "--memory-mb", str(MEMORY_MB), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"
        self._link = socket.create_connection(("127.0.0.1", port))
        self._answers = self._link.makefile()

    def check(self) -> dict[str, Any]:
        self._link.sendall(b"check\n")
        found: dict[str, Any] = json.loads(self._answers.readline())
        return found

    def close(self) -> None:
        self._link.close()
        os.killpg(self.process.pid, 9)
        self.process.communicate()

    def page(self) -> tuple[int, bytes]:
        """Address and content of the page with the index 100."""
        for line in Path(f"/proc/{self.process.pid}/maps").read_text().splitlines():
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 +$", line)
            start, end = (int(text, 16) for text in found.groups()) if found else (0, 0)
            for address in range(start, end, PAGE):
                content = self._memory(address)
                index, generation, first = struct.unpack_from("<QQQ", content)
                if index == 100 and 0 < generation < 1 << 32 < first:
                    return address, content
        raise AssertionError("no such page")

    def _memory(self, address: int, data: bytes | None = None) -> bytes:
        descriptor = os.open(f"/proc/{self.process.pid}/mem", os.O_RDWR)
        try:
            if data is not None:
                os.pwrite(descriptor, data, address)
            return os.pread(descriptor, PAGE, address)
        finally:
            os.close(descriptor)

    def put(self, address: int, data: bytes) -> None:
        self._memory(address, data)


@pytest.fixture
def still() -> Iterator[Program]:
    program = Program()  # it writes nothing once it is ready
    yield program
    program.close()


def test_a_tree_that_is_left_alone_finds_no_fault() -> None:
    program = Program("--tree", "--pages-per-s", "1000")
    try:
        before = program.check()
        while any(after["operations"] < 50 for name, after in program.check().items() if "writer" not in name):
            pass
        for name, after in program.check().items():
            assert (after["faulty"], after["failures"]) == (0, 0)
            assert after["generations"] == after["writes"]
            assert after["operations"] or after["writes"] > before[name]["writes"]
    finally:
        program.close()


def test_one_wrong_byte_shows(still: Program) -> None:
    assert still.check()["writer"]["faulty"] == 0
    address, content = still.page()
    still.put(address + 4000, bytes([content[4000] ^ 1]))
    assert still.check()["writer"]["faulty"] == 1


def test_a_page_that_was_lost_shows(still: Program) -> None:
    address, _content = still.page()
    still.put(address, bytes(PAGE))
    found = still.check()["writer"]
    assert found["faulty"] == 1
    assert found["generations"] == found["writes"] - 1


def test_a_page_of_yesterday_shows() -> None:
    program = Program("--pages-per-s", "20000")
    try:
        address, old = program.page()
        writes = program.check()["writer"]["writes"]
        while program.check()["writer"]["writes"] < writes + 20 * MEMORY_MB * 256:
            pass
        program.put(address, old)
        for _time in range(2):  # and stays wrong although it is written again meanwhile
            found = program.check()["writer"]
            assert found["faulty"] == 1
            assert found["generations"] < found["writes"]
    finally:
        program.close()
