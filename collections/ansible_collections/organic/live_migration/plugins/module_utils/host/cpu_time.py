# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU time of a container.

It is lowered so that the container writes fewer pages than the link carries (QEMU's auto-converge). What limits it is
lifted while the process is dumped and restored: that work is done in the container's cgroup, and would wait for the
next period, or for other containers.

Sources: the kernel's Documentation/scheduler/sched-bwc.rst and Documentation/admin-guide/cgroup-v2.rst (cpu.max,
cpu.weight).
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from ..errors import MigrationError
from .container import Container

_PERIOD_US = 10_000
"""Short, so that a process with 1 % of a CPU still answers every hundredth of a second."""
_PERIOD_MOST_US = 1_000_000
_QUOTA_LEAST_US = 1000
_POD = re.compile(r"pod[0-9a-f]{8}")
"""The cgroup of a Kubernetes pod: podUID, or kubepods-burstable-podUID.slice."""
_WEIGHTS = {"cpu.shares": 10240, "cpu.weight": 1000}
"""Ten times that of a container without a weight of its own: as a nice value of -10, see session/watchdog.py."""
_LIFTED = {"cpu.cfs_quota_us": "-1", "cpu.max": "max", **{name: str(weight) for name, weight in _WEIGHTS.items()}}


class CpuTime:
    """Of one container.

    Args:
        container: that is to be slowed down.
    """

    def __init__(self, container: Container) -> None:
        group = _group(container)
        self._files = _files(group) if group else []

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


def limits(container: Container) -> dict[str, str]:
    """The files of what limits it and their present content, for :func:`lift` and :func:`restore`.

    These are its bandwidth, if that is limited, and its weight, which limits it where the host has more work than CPUs.
    In Kubernetes its pod has them as well.
    """
    group = _group(container)
    found: dict[str, str] = {}
    for directory in [group, *([group.parent] if _POD.search(group.parent.name) else [])] if group else []:
        bandwidth = {str(path): path.read_text().strip() for path in _files(directory)}
        if not any(value == "-1" or value.startswith("max") for value in bandwidth.values()):
            found.update(bandwidth)
        for name, weight in _WEIGHTS.items():
            if (path := directory / name).exists() and int(present := path.read_text()) < weight:
                found[str(path)] = present.strip()
    return found


def lift(settings: dict[str, str]) -> None:
    """Let the container use all CPU time of the host, ahead of others, until :func:`restore`."""
    for path in map(Path, settings):
        if path.name in _LIFTED:
            _write(path, _LIFTED[path.name])


def _group(container: Container) -> Path | None:
    """Its cgroup that has a CPU bandwidth; None on a host without the control of it."""
    groups = container.cgroups()
    for controllers, directory in groups.items():
        if "cpu" in controllers.split(",") and (directory / "cpu.cfs_quota_us").exists():
            return directory
    return groups[""] if "" in groups and (groups[""] / "cpu.max").exists() else None


def _files(group: Path) -> list[Path]:
    """In which the bandwidth of a cgroup is set."""
    names = ["cpu.max"] if (group / "cpu.max").exists() else ["cpu.cfs_period_us", "cpu.cfs_quota_us"]
    return [group / name for name in names]


def restore(settings: dict[str, str]) -> None:
    """Restore what was lowered or lifted; nothing happens when the container is gone."""
    for path in settings:
        if path.endswith("cfs_quota_us"):
            _write(Path(path), "-1")  # the kernel refuses a period that is too short for the present quota
    for path, value in sorted(settings.items()):
        _write(Path(path), value)


def _write(path: Path, value: str) -> None:
    """What cannot be set, as its container is gone, keeps nothing else from being set."""
    with contextlib.suppress(OSError):
        path.write_text(value)
