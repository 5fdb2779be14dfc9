# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every way of migrating has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from build import SERVER, Workload
from hosts import Site

# The name of everything made on the hosts: container, network, image, directory.
NAME = "organic-benchmark"
INTER_COPY, PRE_COPY, POST_COPY, HYBRID = "inter_copy", "pre_copy", "post_copy", "hybrid"


@dataclass(frozen=True)
class Load:
    """What the workload has in memory, how fast it changes it, and how many connections the client holds."""

    memory_mb: int
    dirty_pages_per_s: int = 0
    # What is written to; 0: all of the memory.
    working_set_mb: int = 0
    connections: int = 1
    # Writes as many pages as it can, instead of so many a second.
    flat_out: bool = False

    @property
    def writing(self) -> str:
        """How fast it writes, in words."""
        return "flat out" if self.flat_out else f"{self.dirty_pages_per_s}/s"

    def options(self, port: int) -> list[str]:
        """The server's command line."""
        options = ["--port", str(port), "--memory-mb", str(self.memory_mb)]
        if self.dirty_pages_per_s:
            options += ["--dirty-pages-per-s", str(self.dirty_pages_per_s)]
        if self.flat_out:
            options.append("--flat-out")
        if self.working_set_mb:
            options += ["--working-set-mb", str(min(self.working_set_mb, self.memory_mb))]
        return options

    def command(self, port: int) -> list[str]:
        return [SERVER, *self.options(port)]


@dataclass(frozen=True)
class Step:
    """A part of a migration; times in ms since its start."""

    name: str
    start_ms: float
    duration_ms: float


@dataclass(frozen=True)
class Migration:
    """What a way says of its own migration."""

    time_ms: float
    steps: Sequence[Step] = ()
    # Of the pages that followed the process after it ran again.
    drain_bytes_per_s: float | None = None
    # How long pages were tracked and copied before the process was frozen.
    rounds_ms: float | None = None
    reported: dict[str, Any] = field(default_factory=dict)


class Way(ABC):
    """A way to move the workload from the source to the target. Every method may be called again."""

    name: str
    # How it can move the memory; stock tools freeze the process and copy all of it.
    strategies: tuple[str, ...] = (INTER_COPY,)
    # A stock tool helped along by more than its manual says.
    tuned = False

    def __init__(self, site: Site, workload: Workload) -> None:
        self.site, self.workload = site, workload

    @abstractmethod
    def prepare(self) -> None:
        """Puts on both hosts what the way needs: image, network, configuration."""

    @abstractmethod
    def start(self, load: Load) -> None:
        """Starts the workload on the source."""

    @abstractmethod
    def migrate(self, strategy: str, options: Mapping[str, int]) -> Migration:
        """Moves it to the target and releases the source; everything that it takes is counted."""

    @abstractmethod
    def stop(self) -> None:
        """Ends the workload wherever it runs, or half runs."""

    @abstractmethod
    def clean(self) -> None:
        """Undoes prepare."""
