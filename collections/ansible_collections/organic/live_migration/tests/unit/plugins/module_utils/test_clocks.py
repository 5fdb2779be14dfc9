# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks that go on across hosts; on this kernel's own time namespaces."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.organic.live_migration.plugins.module_utils import clocks
from ansible_collections.organic.live_migration.plugins.module_utils.clocks import Clocks

SECOND = 1_000_000_000
READ = "import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.clock_gettime_ns(time.CLOCK_BOOTTIME))"


def read_with(shift: Clocks) -> Clocks:
    """What a process reads whose clocks are shifted."""
    out = subprocess.run(
        [sys.executable, "-c", READ], preexec_fn=shift.apply, capture_output=True, text=True, check=True
    )
    monotonic, boottime = out.stdout.split()
    return Clocks(int(monotonic), int(boottime))


def test_the_kernels_table_is_read() -> None:
    assert clocks.parse_offsets("monotonic      -12  500000000\nboottime  7 0\n") == Clocks(-11_500_000_000, 7 * SECOND)


def test_clocks_go_on_from_those_of_a_host_that_has_run_longer() -> None:
    wanted = Clocks.now() + Clocks(86_400 * SECOND, 90_000 * SECOND)
    shift = clocks.shift_to_continue(wanted)
    assert shift is not None
    passed = read_with(shift) - wanted
    assert 0 <= passed.monotonic_ns < 10 * SECOND
    assert 0 <= passed.boottime_ns < 10 * SECOND


def test_clocks_go_on_from_those_of_a_host_that_has_run_for_less() -> None:
    wanted = Clocks.now() - Clocks(30 * SECOND, 30 * SECOND)
    shift = clocks.shift_to_continue(wanted)
    assert shift is not None
    passed = read_with(shift) - wanted
    assert 0 <= passed.monotonic_ns < 10 * SECOND


def test_a_host_with_the_same_clocks_needs_no_namespace() -> None:
    assert clocks.shift_to_continue(Clocks.now()) is None


def test_no_clock_ever_goes_back() -> None:
    assert not Clocks(1, -1).harmless
    assert not Clocks(-1, 1).harmless
    assert Clocks(-1, -1).harmless
