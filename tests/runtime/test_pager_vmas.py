# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source's pager answers for the areas that are lazy to CRIU, and for no other: it would be waited for in vain."""

from __future__ import annotations

import mmap
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .test_pager import EXTENTS, PRESENT, Pager, Target

MAP_DROPPABLE = 0x08
BYTES = 16 * mmap.PAGESIZE
PROCESS = f"""
import mmap, sys
kept = []
for line in sys.stdin:
    flags = {MAP_DROPPABLE} if line.strip() == "drop" else mmap.MAP_PRIVATE
    kept.append(mmap.mmap(-1, {BYTES}, flags=flags | mmap.MAP_ANONYMOUS))
    kept[-1].write(b"x" * {BYTES})
    print("done", flush=True)
"""


def kernel_drops() -> bool:
    try:
        mmap.mmap(-1, mmap.PAGESIZE, flags=MAP_DROPPABLE | mmap.MAP_ANONYMOUS).close()
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not kernel_drops(), reason="this kernel has no MAP_DROPPABLE (Linux 6.11)")


class Process:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-ISc", PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.pid = self._process.pid

    def map(self, kind: str) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{kind}\n")
        assert self._process.stdout.readline() == "done\n"

    def droppable(self) -> list[tuple[int, int]]:
        found, area = [], (0, 0)
        for line in Path(f"/proc/{self.pid}/smaps").read_text().splitlines():
            first = line.split(maxsplit=1)[0]
            if not first.endswith(":"):
                start, end = (int(part, 16) for part in first.split("-"))
                area = (start, end)
            elif first == "VmFlags:" and "dp" in line.split():
                found.append(area)
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def process() -> Iterator[Process]:
    made = Process()
    yield made
    made.close()


@pytest.mark.parametrize("rounds", [0, 2])
def test_what_the_kernel_may_drop_is_left_to_criu(init: Path, process: Process, rounds: int) -> None:
    process.map("drop")
    process.map("keep")
    target = Target(1)
    pager = Pager(init.with_name("pager"), process.pid, target)
    try:
        for _round in range(rounds):
            pager.order("round", "round")
            process.map("drop")
            process.map("keep")
        process.map("drop")  # after the last look
        pager.order("final_send", "final")
        areas = process.droppable()
        assert len(areas) >= 1
        for start, end in areas:
            for kind in (EXTENTS, PRESENT):
                for told_start, told_end in target.ranges[kind][process.pid]:
                    assert told_end <= start or told_start >= end
            assert not any(start <= address < end for address in target.memory[process.pid])
        kept = sum(page == b"x" * mmap.PAGESIZE for page in target.memory[process.pid].values())
        assert kept >= (1 + rounds) * BYTES // mmap.PAGESIZE
    finally:
        pager.close()
        target.close()
