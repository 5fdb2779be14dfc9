# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts are settled in the steps that were asked for, all of them alike."""

from __future__ import annotations

import subprocess
from typing import cast

import pytest
from hosts import Host
from settle import DIRTY_KB, PROGRAM, SCRIPTS, STEPS, Settling


class Recorder:
    """Stands for a host: notes what it is told to run. Its CPUs are idle."""

    def __init__(self) -> None:
        self.scripts: list[str] = []
        self._ticks = 0

    def run(self, script: str) -> str:
        if "/proc/stat" in script:
            self._ticks += 100
            return f"cpu 0 0 0 {self._ticks} 0 0 0 0 0 0\n"
        self.scripts.append(script)
        return "1400\n"


def settled(steps: tuple[str, ...]) -> tuple[list[Recorder], list[int]]:
    hosts = [Recorder(), Recorder()]
    settling = Settling(cast(list[Host], hosts), b"", steps)
    settling.before_start()
    return hosts, settling.before_client(200)


def test_all_hosts_are_settled_alike_and_in_order() -> None:
    hosts, page_ns = settled(STEPS)
    assert hosts[0].scripts == hosts[1].scripts
    before_start, before_client = hosts[0].scripts
    positions = [before_start.index(SCRIPTS[step]) for step in ("sync", "drop", "programs")]
    assert positions == sorted(positions)
    # Twice the memory of the workload, and some.
    assert before_client == f"{PROGRAM} 656"
    assert page_ns == [1400, 1400]


def test_only_what_is_asked_for_is_done() -> None:
    hosts, page_ns = settled(("none",))
    assert [host.scripts for host in hosts] == [[], []]
    assert page_ns == []
    hosts, _ = settled(("drop",))
    assert hosts[0].scripts == [SCRIPTS["drop"]]


@pytest.mark.parametrize("step", SCRIPTS)
def test_the_scripts_are_bash(step: str) -> None:
    subprocess.run(["bash", "-n", "-c", SCRIPTS[step]], check=True)


@pytest.mark.parametrize(("dirty_kb", "is_settled"), [(DIRTY_KB // 2, True), (DIRTY_KB, False)])
def test_dirty_and_writeback_count_together(dirty_kb: int, is_settled: bool) -> None:
    condition = SCRIPTS["sync"].partition("until ")[2].partition(" /proc/meminfo")[0]
    meminfo = f"MemFree: 9 kB\nDirty: {dirty_kb} kB\nWriteback: {DIRTY_KB // 2} kB\nWritebackTmp: 999999 kB\n"
    result = subprocess.run(["bash", "-c", condition], input=meminfo.encode(), check=False)
    assert (result.returncode == 0) is is_settled
