# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slows a container down, so that it writes fewer pages than the link carries (QEMU's auto-converge).

Sources: the kernel's Documentation/scheduler/sched-bwc.rst and Documentation/admin-guide/cgroup-v2.rst (cpu.max).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ..errors import MigrationError
from .container import Container

_PERIOD_US = 10_000
"""Short, so that a process with 1 % of a CPU still answers every hundredth of a second."""
_PERIOD_MOST_US = 1_000_000
_QUOTA_LEAST_US = 1000


class Throttle:
    """The CPU bandwidth of a container.

    Args:
        container: to be slowed down.
    """

    def __init__(self, container: Container) -> None:
        groups = container.cgroups()
        self._files: list[Path] = []
        for controllers, directory in groups.items():
            if "cpu" in controllers.split(",") and (directory / "cpu.cfs_quota_us").exists():
                self._files = [directory / "cpu.cfs_period_us", directory / "cpu.cfs_quota_us"]
        if not self._files and "" in groups and (groups[""] / "cpu.max").exists():
            self._files = [groups[""] / "cpu.max"]

    def settings(self) -> dict[str, str]:
        """The files and their present content, for :func:`restore`.

        Raises:
            MigrationError: the host has no CPU bandwidth control.
        """
        if not self._files:
            raise MigrationError(
                "The process writes its memory faster than it can be copied, and this host cannot slow it down (no "
                "cgroup CPU bandwidth control). Set on_no_convergence to post_copy, or raise downtime_limit_ms."
            )
        return {str(path): path.read_text().strip() for path in self._files}

    def set(self, percent: int, before: dict[str, str]) -> None:
        """Take ``percent`` of the CPU time that it had by its ``settings`` before."""
        whole = self._whole_us(before)
        quota, period = max(whole * (100 - percent) // 100, min(whole, _QUOTA_LEAST_US)), _PERIOD_US
        if quota < _QUOTA_LEAST_US:  # it had less: that, in longer periods
            quota, period = _QUOTA_LEAST_US, min(_PERIOD_MOST_US, _PERIOD_US * _QUOTA_LEAST_US // max(1, quota))
        if len(self._files) == 1:
            self._files[0].write_text(f"{quota} {period}")
            return
        self._files[1].write_text("-1")  # the kernel refuses a period that is too short for the old quota
        self._files[0].write_text(str(period))
        self._files[1].write_text(str(quota))

    def _whole_us(self, before: dict[str, str]) -> int:
        """CPU time in a period, in microseconds: all of the host's, unless a quota was set."""
        host = _PERIOD_US * (os.cpu_count() or 1)
        quota, period = " ".join(before[str(path)] for path in reversed(self._files)).split()
        return host if quota in ("max", "-1") else min(host, int(quota) * _PERIOD_US // int(period))


def restore(settings: dict[str, str]) -> None:
    """Restore a container's bandwidth; nothing happens when the container is gone."""
    with contextlib.suppress(OSError):
        for path in settings:
            if path.endswith("cfs_quota_us"):
                Path(path).write_text("-1")  # the kernel refuses a period that is too short for the present quota
        for path, value in sorted(settings.items()):
            Path(path).write_text(value)
