# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cached smaps that CRIU reads (src/cached_smaps.c): the same VMAs with the same flags, without the page walk."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .test_pager import HINTS_BYTES, Pager, Target

PROCESS = """
import mmap, sys
areas = [mmap.mmap(-1, 16 * mmap.PAGESIZE) for _number in range(3)]
for line in sys.stdin:
    deed = line.strip()
    if deed == "map":
        areas.append(mmap.mmap(-1, 64 * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        areas[-1].write(b"x" * len(areas[-1]))
    elif deed == "unmap":
        areas.pop(0).close()
    elif deed == "advise":
        areas[0].madvise(mmap.MADV_DONTFORK)
    elif deed == "advise a part":
        areas[1].madvise(mmap.MADV_DONTFORK, 0, mmap.PAGESIZE)
    print("done", flush=True)
"""
OPEN = """
import os, sys
process = os.open("/proc/" + sys.argv[1], os.O_PATH)
sys.stdout.write(os.fdopen(os.open("smaps", os.O_RDONLY, dir_fd=process)).read())
"""


class Process:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-ISc", PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.pid = self._process.pid

    def do(self, deed: str) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{deed}\n")
        assert self._process.stdout.readline() == "done\n"

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def seen_by_criu(smaps: str) -> list[tuple[str, set[str]]]:
    """Each area's first line and flags, but for the flags that change by themselves."""
    found = []
    for line in smaps.splitlines():
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            first = line
        elif line.startswith("VmFlags:"):
            found.append((first, set(line.split()[1:]) - {"ac", "sd", "um", "uw"}))
    return found


@pytest.fixture
def process() -> Iterator[Process]:
    made = Process()
    made.do("begin")
    yield made
    made.close()


@pytest.fixture
def pager(init: Path, process: Process) -> Iterator[Pager]:
    target = Target(1)
    made = Pager(init.with_name("pager"), process.pid, target)
    yield made
    made.close()
    target.close()


@pytest.mark.parametrize("order", ["final_send", "final_bitmap"])
@pytest.mark.parametrize("rounds", [0, 2])
@pytest.mark.parametrize("deed", ["nothing", "map", "unmap", "advise a part"])
def test_what_is_given_is_what_the_kernel_says(
    pager: Pager, process: Process, deed: str, rounds: int, order: str
) -> None:
    for _round in range(rounds):
        pager.order("round", "round")
    pager.order("snapshot_vmas", "snapshot_vmas")
    process.do(deed)
    process.freeze()
    pager.order(order, "final")
    told = pager.smaps()
    assert set(told) == {process.pid}
    assert seen_by_criu(told[process.pid]) == seen_by_criu(Path(f"/proc/{process.pid}/smaps").read_text())
    assert len(told[process.pid].splitlines()) == 2 * len(seen_by_criu(told[process.pid]))
    assert pager.order("check_vmas", "check_vmas")["changed"] == 0


def test_advice_that_came_too_late_is_noticed(pager: Pager, process: Process) -> None:
    """maps does not show the advice for a whole area."""
    pager.order("snapshot_vmas", "snapshot_vmas")
    process.do("advise")
    process.freeze()
    pager.order("final_send", "final")
    assert pager.order("check_vmas", "check_vmas")["changed"] == 1


def read_smaps(preload: Path, pid: int, hints: int) -> str:
    environment = {"LD_PRELOAD": str(preload), "CRIU_HINTS": str(hints)}
    done = subprocess.run(
        [sys.executable, "-ISc", OPEN, str(pid)], env=environment, pass_fds=[hints], check=True, capture_output=True
    )
    return done.stdout.decode()


def test_criu_reads_what_is_given(init: Path, process: Process) -> None:
    """And of other processes what the kernel says; the program is one that opens the file as CRIU does."""
    hints = os.memfd_create("hints")
    os.ftruncate(hints, HINTS_BYTES)
    texts = {process.pid + 1: "that of another\n", process.pid: "what is known\n" * 10000}
    at = HINTS_BYTES
    for pid, text in texts.items():
        os.pwrite(hints, struct.pack("<QQ", pid, len(text)) + text.encode(), at)
        at += 16 + len(text)
    preload = init.with_name("preload.so")
    process.freeze()
    real = Path(f"/proc/{process.pid}/smaps").read_text()
    assert seen_by_criu(read_smaps(preload, process.pid, hints)) == seen_by_criu(real)  # nothing was given yet
    os.pwrite(hints, struct.pack("<Q", HINTS_BYTES), 0)
    assert read_smaps(preload, process.pid, hints) == texts[process.pid]
    assert seen_by_criu(read_smaps(preload, os.getpid(), hints))
    os.close(hints)
