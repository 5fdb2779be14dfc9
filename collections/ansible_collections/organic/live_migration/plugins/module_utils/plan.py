# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller tells each end of a migration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import record
from .channel import Credentials


@dataclass(frozen=True)
class Plan:
    """One end's orders.

    Attributes:
        migration_id: 16 hexadecimal digits.
        name: the container's name, on both hosts.
        peer: inventory name of the other host, for messages and the record.
        timeout_s: how long the whole migration may take before it is given up; the source resumes then.
        credentials: for the connection between the hosts.
        memory_bytes: what the processes had in use when they were looked at.
    """

    migration_id: str
    name: str
    peer: str
    timeout_s: int
    credentials: Credentials
    memory_bytes: int

    def __post_init__(self) -> None:
        record.check_id(self.migration_id)

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> Plan:
        """From the parameters of the agent module."""
        return cls(**parameters["plan"], credentials=Credentials(**parameters["credentials"]))

    @property
    def images_bytes(self) -> int:
        """Size of the file system in memory for the images: what was seen, a quarter more, and room for the rest."""
        return self.memory_bytes + self.memory_bytes // 4 + (64 << 20)
