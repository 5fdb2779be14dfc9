# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How busy a host is."""

from __future__ import annotations

from tests.harness.hosts import Host


class CpuClock:
    """How much of a host's CPUs is in use from now on."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._began = self._read()

    def busy(self) -> float:
        """0 (idle) to 1 (every CPU)."""
        idle, total = (now - then for now, then in zip(self._read(), self._began, strict=True))
        return round(1 - idle / total, 3) if total else 0.0

    def _read(self) -> tuple[int, int]:
        """Idle (waiting for disks included) and all ticks; proc(5), /proc/stat."""
        ticks = [int(field) for field in self._host.run("head -n 1 /proc/stat").split()[1:9]]
        return ticks[3] + ticks[4], sum(ticks)
