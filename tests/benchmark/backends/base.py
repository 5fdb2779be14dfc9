# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of all backends: the product and the stock tools that it is compared with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.harness.build import SERVER, Workload
from tests.harness.hosts import Topology

# The name of everything made on the hosts: container, network, image, directory.
NAME = "organic-benchmark"
INTER_COPY, PRE_COPY, POST_COPY, PPM = "inter_copy", "pre_copy", "post_copy", "ppm"
"""Strategies with bounds of their own; what is run derives from the collection's registry."""


@dataclass(frozen=True)
class Load:
    """What the workload holds, how fast it changes its memory, and how many connections the client holds."""

    memory_mb: int
    dirty_pages_per_s: int = 0
    # What is written to; 0: all of the memory.
    working_set_mb: int = 0
    connections: int = 1
    # Writes as many pages as it can, instead of so many a second.
    flat_out: bool = False
    # Idle ones, besides those that it needs itself.
    threads: int = 0
    processes: int = 0
    # Memory that a process shares, and files of 8 bytes in the container's own layer.
    shared_mb: int = 0
    files: int = 0
    # Each request writes a page, and answers follow from the order of all requests alone: see server.c.
    by_requests: bool = False

    @property
    def writing(self) -> str:
        """How fast it writes, in words."""
        if self.by_requests:
            return "by requests"
        return "flat out" if self.flat_out else f"{self.dirty_pages_per_s}/s"

    def options(self, port: int) -> list[str]:
        """The server's command line."""
        options = ["--port", str(port), "--memory-mb", str(self.memory_mb)]
        if self.dirty_pages_per_s:
            options += ["--dirty-pages-per-s", str(self.dirty_pages_per_s)]
        if self.flat_out:
            options.append("--flat-out")
        if self.by_requests:
            options.append("--by-requests")
        if self.working_set_mb:
            options += ["--working-set-mb", str(min(self.working_set_mb, self.memory_mb))]
        for name in ("threads", "processes", "shared_mb", "files"):
            if getattr(self, name):
                options += [f"--{name.replace('_', '-')}", str(getattr(self, name))]
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
    """What a backend reports of its migration."""

    time_ms: float
    steps: Sequence[Step] = ()
    # Rate of the pages that followed the process after it ran again.
    drain_bytes_per_s: float | None = None
    # How long pages were tracked and copied before the process was frozen.
    rounds_ms: float | None = None
    reported: dict[str, Any] = field(default_factory=dict)


class Backend(ABC):
    """Migrates the workload from the source to the target. Every method is idempotent."""

    name: str
    # How it can transfer the memory; stock tools freeze the process and copy all of it.
    strategies: tuple[str, ...] = (INTER_COPY,)
    # A stock tool with more tuning than its manual has.
    tuned = False
    # Whether it is run unless --backends names others.
    compared = True

    def __init__(self, topology: Topology, workload: Workload) -> None:
        self.topology, self.workload = topology, workload

    @abstractmethod
    def prepare(self) -> None:
        """Brings what the backend needs to both hosts: image, network, configuration."""

    @abstractmethod
    def start(self, load: Load) -> None:
        """Starts the workload on the source."""

    @abstractmethod
    def migrate(self, strategy: str, options: Mapping[str, int]) -> Migration:
        """Migrates it to the target and releases the source; all of it is timed."""

    @abstractmethod
    def stop(self) -> None:
        """Ends the workload on both hosts, also after a failed migration."""

    @abstractmethod
    def clean(self) -> None:
        """Undoes prepare."""
