# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks that count from a host's start, and so differ between hosts (time_namespaces(7)).

A program that keeps deadlines in CLOCK_MONOTONIC, as every event loop does, would find all of them due at once on a
host that has run longer, and none for hours on one that has run for less. So the process is restored in a time
namespace in which its clocks go on from where they were.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from . import libc

_NANOSECONDS = 1_000_000_000
_HARMLESS_NS = 100_000_000
"""A clock may jump ahead by this much, less than a process stands still anyway; never back."""


@dataclass(frozen=True)
class Clocks:
    """CLOCK_MONOTONIC and CLOCK_BOOTTIME, in nanoseconds: what is read on them, or by how much they are shifted."""

    monotonic_ns: int
    boottime_ns: int

    @classmethod
    def now(cls) -> Clocks:
        """As the calling process reads them."""
        return cls(time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.clock_gettime_ns(time.CLOCK_BOOTTIME))

    @classmethod
    def shift_of(cls, pid: int | str) -> Clocks:
        """By how much those of a process are shifted against the kernel's, which may know no time namespaces."""
        path = Path(f"/proc/{pid}/timens_offsets")
        return parse_offsets(path.read_text()) if path.exists() else cls(0, 0)

    @classmethod
    def seen_by(cls, pid: int) -> Clocks:
        """As another process reads them now."""
        return cls.now() - cls.shift_of("self") + cls.shift_of(pid)

    def __add__(self, other: Clocks) -> Clocks:
        return Clocks(self.monotonic_ns + other.monotonic_ns, self.boottime_ns + other.boottime_ns)

    def __sub__(self, other: Clocks) -> Clocks:
        return Clocks(self.monotonic_ns - other.monotonic_ns, self.boottime_ns - other.boottime_ns)

    @property
    def harmless(self) -> bool:
        """Whether a process may be shifted by this and not notice."""
        return all(-_HARMLESS_NS < clock <= 0 for clock in (self.monotonic_ns, self.boottime_ns))

    def apply(self) -> None:
        """Shift the clocks of what the calling process is going to start, against the kernel's."""
        libc.unshare(libc.CLONE_NEWTIME)
        lines = [
            f"{name} {clock // _NANOSECONDS} {clock % _NANOSECONDS}"
            for name, clock in (("monotonic", self.monotonic_ns), ("boottime", self.boottime_ns))
        ]
        Path("/proc/self/timens_offsets").write_text("\n".join(lines))


def parse_offsets(text: str) -> Clocks:
    """Read /proc/PID/timens_offsets: lines of clock, seconds, nanoseconds."""
    found = {}
    for line in text.splitlines():
        name, seconds, nanoseconds = line.split()
        found[name] = int(seconds) * _NANOSECONDS + int(nanoseconds)
    return Clocks(found["monotonic"], found["boottime"])


def shift_to_continue(wanted: Clocks) -> Clocks | None:
    """The shift with which clocks go on from ``wanted`` on this host; None when its own clocks will do."""
    if (wanted - Clocks.now()).harmless:
        return None
    return wanted - (Clocks.now() - Clocks.shift_of("self"))
