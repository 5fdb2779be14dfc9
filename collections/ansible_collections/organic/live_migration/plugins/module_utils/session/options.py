# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller tells each end of a migration."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..memory import dirty_tracking
from . import journal
from .channel import Credentials

AUTO = "auto"
NO_ENCRYPTION = "none"

CHOICES: dict[str, tuple[str, ...]] = {
    "compression": ("none", "zstd"),
    "encryption": (NO_ENCRYPTION, "tls"),
    "page_tracking": (dirty_tracking.AUTO, *dirty_tracking.TRACKING_METHODS),
    "on_no_convergence": ("throttle", "post_copy", "fail"),
}
RANGES: dict[str, tuple[int, int]] = {
    "downtime_limit_ms": (1, 2_000_000),  # as QEMU's downtime-limit
    "max_bandwidth": (0, 1 << 40),
    "max_rounds": (1, 1000),
    "connections": (1, 16),
    "max_parallel": (1, 16),
    "postcopy_timeout_s": (1, 3600),
    "switchover_timeout_ms": (50, 3_600_000),
    "ppm_attempts": (1, 20),
    "ppm_verify_ms": (1, 3_600_000),
    "ppm_max_wait_ms": (1, 1000),
}


@dataclass(frozen=True)
class Options:
    """What the user may choose of a migration.

    Attributes:
        strategy: a key of :data:`strategies.registry.STRATEGIES`; AUTO is resolved before an agent sees it.
        downtime_limit_ms: pre-copy goes on until the expected downtime is below it.
        max_bandwidth: bytes per second of memory; 0 is no limit.
        compression: of memory pages, ``none`` or ``zstd``.
        encryption: of memory pages, ``none`` or ``tls``; all else is encrypted anyway.
        page_tracking: how written pages are found while the process runs; AUTO takes the best that the kernel has.
        max_rounds: of pre-copy.
        on_no_convergence: what pre-copy does when its rounds do not shrink: ``throttle``, ``post_copy``, ``fail``.
        connections: how many carry memory pages.
        max_parallel: how many migrations from one host may be at work at once; others wait.
        pause_before_switchover: wait for an order before the freeze.
        postcopy_timeout_s: how long post-copy waits for a link that broke.
        switchover_timeout_ms: how long the process may be stopped before the commit point, beside the time in which
            its memory is sent; then it goes on where it was.
        ppm_attempts: how many clones are made before pre_copy moves the process.
        ppm_verify_ms: how long a clone must have said the same as the process before it takes over.
        ppm_max_wait_ms: how long a packet may wait until the process is at rest; then the clone is given up.
    """

    strategy: str = "inter_copy"
    downtime_limit_ms: int = 300
    max_bandwidth: int = 0
    compression: str = "none"
    encryption: str = NO_ENCRYPTION
    page_tracking: str = dirty_tracking.AUTO
    max_rounds: int = 30
    on_no_convergence: str = "throttle"
    connections: int = 2
    max_parallel: int = 2
    pause_before_switchover: bool = False
    postcopy_timeout_s: int = 60
    switchover_timeout_ms: int = 1000
    ppm_attempts: int = 3
    ppm_verify_ms: int = 50
    ppm_max_wait_ms: int = 5

    @property
    def is_encrypted(self) -> bool:
        return self.encryption != NO_ENCRYPTION

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is '{getattr(self, name)}'; choose one of {', '.join(choices)}.")
        for name, (least, most) in RANGES.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise ValueError(f"{name} is {value}; it must be a number from {least} to {most}.")
        if not isinstance(self.pause_before_switchover, bool):
            raise ValueError(f"pause_before_switchover is {self.pause_before_switchover}; it must be true or false.")


@dataclass(frozen=True)
class Plan:
    """The plan of one end of a migration.

    Attributes:
        migration_id: 16 hexadecimal digits.
        name: the container's name, on both hosts.
        peer: inventory name of the other host, for messages and the record.
        timeout_s: how long the whole migration may take before it is given up; the source resumes then.
        credentials: for the connection between the hosts.
        memory_bytes: what the processes had in use when they were looked at.
        options: what the user chose; a strategy that is AUTO has been decided before.
    """

    migration_id: str
    name: str
    peer: str
    timeout_s: int
    credentials: Credentials
    memory_bytes: int
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        journal.check_id(self.migration_id)
        if self.options.strategy == AUTO:
            raise ValueError("The strategy 'auto' must be decided before the migration begins.")

    @property
    def facts(self) -> dict[str, object]:
        """Fields of its :class:`progress.Snapshot` that are known from the start."""
        return {
            "migration_id": self.migration_id,
            "name": self.name,
            "peer": self.peer,
            "strategy": self.options.strategy,
            "total_bytes": self.memory_bytes,
            "remaining_bytes": self.memory_bytes,
            "downtime_limit_ms": self.options.downtime_limit_ms,
        }

    @property
    def images_bytes(self) -> int:
        """Size of the file system in memory for the images: what was seen, a quarter more, and room for the rest."""
        return self.memory_bytes + self.memory_bytes // 4 + (256 << 20)
