# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a process waits for a CPU, from which the load of the host is known as the process feels it.

The load average knows nothing of priorities, cgroups and idle CPUs. Source: the kernel's
Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat.
"""

from __future__ import annotations

from pathlib import Path

_SCHEDSTAT = Path("/proc/thread-self/schedstat")
_LEAST_NS = 5_000_000
"""Of CPU time: after less, the wait is chance."""


class CpuWait:
    """The wait of the calling thread, from now on."""

    def __init__(self) -> None:
        self._since = _times_ns()

    def slowdown(self) -> float:
        """Seconds that it has taken the thread to run for a second, 1.0 on an idle host; what it slept does not count.

        1.0 too where the kernel does not tell (no CONFIG_SCHED_INFO), or the thread has hardly run.
        """
        (ran, waited), (ran_before, waited_before) = _times_ns(), self._since
        if ran - ran_before < _LEAST_NS:
            return 1.0
        return round(1 + (waited - waited_before) / (ran - ran_before), 2)


def _times_ns() -> tuple[int, int]:
    """Time on a CPU, and in a queue for one."""
    try:
        ran, waited, *_slices = _SCHEDSTAT.read_text().split()
    except OSError:
        return 0, 0
    return int(ran), int(waited)
