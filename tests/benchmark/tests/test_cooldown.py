# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All hosts take the requested steps of the cooldown, in order."""

from __future__ import annotations

import subprocess
from typing import cast

import pytest

from tests.benchmark.cooldown import DIRTY_KB, PROGRAM, SCRIPTS, STEPS, Cooldown
from tests.harness.hosts import Host


class Recorder:
    """A fake host with idle CPUs; records the scripts that it is to run."""

    def __init__(self) -> None:
        self.scripts: list[str] = []
        self._ticks = 0

    def run(self, script: str) -> str:
        if "/proc/stat" in script:
            self._ticks += 100
            return f"cpu 0 0 0 {self._ticks} 0 0 0 0 0 0\n"
        self.scripts.append(script)
        return "1400\n"


def cooled_down(steps: tuple[str, ...]) -> tuple[list[Recorder], list[int]]:
    hosts = [Recorder(), Recorder()]
    cooldown = Cooldown(cast(list[Host], hosts), b"", steps)
    cooldown.before_start()
    return hosts, cooldown.before_client(200)


def test_all_hosts_take_the_same_steps_in_order() -> None:
    hosts, page_ns = cooled_down(STEPS)
    assert hosts[0].scripts == hosts[1].scripts
    before_start, before_client = hosts[0].scripts
    positions = [before_start.index(SCRIPTS[step]) for step in ("sync", "drop", "programs")]
    assert positions == sorted(positions)
    # Twice the memory of the workload, and some.
    assert before_client == f"{PROGRAM} 656"
    assert page_ns == [1400, 1400]


def test_only_what_is_asked_for_is_done() -> None:
    hosts, page_ns = cooled_down(("none",))
    assert [host.scripts for host in hosts] == [[], []]
    assert page_ns == []
    hosts, _ = cooled_down(("drop",))
    assert hosts[0].scripts == [SCRIPTS["drop"]]


@pytest.mark.parametrize("step", SCRIPTS)
def test_the_scripts_are_bash(step: str) -> None:
    subprocess.run(["bash", "-n", "-c", SCRIPTS[step]], check=True)


@pytest.mark.parametrize(("dirty_kb", "is_enough"), [(DIRTY_KB // 2, True), (DIRTY_KB, False)])
def test_dirty_and_writeback_count_together(dirty_kb: int, is_enough: bool) -> None:
    condition = SCRIPTS["sync"].partition("until ")[2].partition(" /proc/meminfo")[0]
    meminfo = f"MemFree: 9 kB\nDirty: {dirty_kb} kB\nWriteback: {DIRTY_KB // 2} kB\nWritebackTmp: 999999 kB\n"
    result = subprocess.run(["bash", "-c", condition], input=meminfo.encode(), check=False)
    assert (result.returncode == 0) is is_enough
