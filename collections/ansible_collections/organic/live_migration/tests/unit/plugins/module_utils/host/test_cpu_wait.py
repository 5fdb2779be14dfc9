# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import cpu_wait
from ansible_collections.organic.live_migration.plugins.module_utils.host.cpu_wait import CpuWait

SPIN = "print(flush=True)\nwhile True: pass"


def run_for(seconds: float) -> None:
    """Use that much time of a CPU."""
    since = time.thread_time()
    while time.thread_time() - since < seconds:
        pass


@pytest.mark.skipif(not cpu_wait._SCHEDSTAT.exists(), reason="this kernel tells no wait (CONFIG_SCHED_INFO)")
def test_others_on_the_same_cpu_slow_it_down() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})  # the others inherit it, and the session: the kernel weighs them alike
    others = [subprocess.Popen([sys.executable, "-c", SPIN], stdout=subprocess.PIPE) for _number in range(3)]
    try:
        for other in others:
            assert other.stdout is not None
            other.stdout.readline()
        wait = CpuWait()
        run_for(0.2)
        assert wait.slowdown() > 2
    finally:
        for other in others:
            other.kill()
            other.communicate()
        os.sched_setaffinity(0, allowed)


def test_sleep_is_no_wait() -> None:
    wait = CpuWait()
    time.sleep(0.05)
    assert wait.slowdown() == 1.0


def test_a_kernel_that_does_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cpu_wait, "_SCHEDSTAT", tmp_path / "schedstat")
    wait = CpuWait()
    run_for(0.02)
    assert wait.slowdown() == 1.0
