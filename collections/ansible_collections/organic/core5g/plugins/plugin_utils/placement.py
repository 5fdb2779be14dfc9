# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host takes which container, by free memory and CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MEBIBYTE = 1 << 20
MEMORY_FACTOR = 2
"""Until a restored process runs, its pages are in memory twice: in the images and in the process."""
RESERVE_BYTES = 256 * _MEBIBYTE
"""What the preflight wants to stay free on the target host (memory_reserve_mb)."""


@dataclass(frozen=True)
class Load:
    """What a container takes.

    Attributes:
        cpus: that it uses; 1.0 is one CPU.
    """

    name: str
    memory_bytes: int
    cpus: float


@dataclass
class Room:
    """What a host has left for further containers.

    Attributes:
        memory_bytes, cpus: of the host.
        free_bytes, free_cpus: of them; what is placed here is taken from them.
        containers: how many there are.
    """

    host: str
    memory_bytes: int
    free_bytes: int
    cpus: float
    free_cpus: float
    containers: int

    @classmethod
    def of(cls, host: str, resources: Mapping[str, Any]) -> Room:
        """From ``resources`` of nf_survey."""
        return cls(
            host,
            resources["memory_bytes"],
            resources["available_bytes"],
            float(resources["cpus"]),
            max(0.0, resources["cpus"] - resources["load"]),
            len(resources["containers"]),
        )

    def fits(self, load: Load) -> bool:
        return self.free_bytes >= MEMORY_FACTOR * load.memory_bytes + RESERVE_BYTES

    def rank_with(self, load: Load) -> tuple[float, int, str]:
        """How well it would be off with the container: best is the largest free share of what is scarcer then."""
        memory = (self.free_bytes - load.memory_bytes) / self.memory_bytes
        cpu = (self.free_cpus - load.cpus) / self.cpus
        return -round(min(memory, cpu), 2), self.containers, self.host

    def take(self, load: Load) -> None:
        self.free_bytes -= load.memory_bytes
        self.free_cpus -= load.cpus
        self.containers += 1


@dataclass(frozen=True)
class Placement:
    """Attributes:
    hosts: of each container that fits somewhere.
    refused: why the others fit nowhere, by their names.
    """

    hosts: dict[str, str]
    refused: dict[str, str]


def place(loads: Sequence[Load], rooms: Sequence[Room], barred: Mapping[str, set[str]] | None = None) -> Placement:
    """Find a host for each container: the largest first, each where most is left.

    Args:
        loads: the containers.
        rooms: the hosts; what they have left is changed.
        barred: hosts that a container cannot go to, by its name.
    """
    placed: dict[str, str] = {}
    refused: dict[str, str] = {}
    for load in sorted(loads, key=lambda load: (-load.memory_bytes, -load.cpus, load.name)):
        open_to = [room for room in rooms if room.host not in (barred or {}).get(load.name, set())]
        fitting = [room for room in open_to if room.fits(load)]
        if fitting:
            best = min(fitting, key=lambda room: room.rank_with(load))
            best.take(load)
            placed[load.name] = best.host
            continue
        needed = (MEMORY_FACTOR * load.memory_bytes + RESERVE_BYTES) // _MEBIBYTE
        left = ", ".join(f"{room.host}: {max(0, room.free_bytes) // _MEBIBYTE} MiB" for room in open_to)
        refused[load.name] = (
            f"It needs {needed} MiB of free memory on another host, and what is left is {left}. "
            "Free memory there, or add a host to the inventory"
            if open_to
            else "No other host can take it. Make another host reachable, or add one to the inventory"
        )
    return Placement(placed, refused)
