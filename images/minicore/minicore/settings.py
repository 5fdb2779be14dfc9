# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an NF is told by its environment."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

SBI_PORT = 8000
PFCP_PORT = 8805
GTPU_PORT = 2152


class SettingsError(ValueError):
    """A variable is missing or does not parse; the text names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one NF. Durations are in seconds."""

    address: str
    nrf: str
    upf: str
    n6: IPv4Interface
    tun: str
    instance_id: str
    memory_mb: int
    nrf_heartbeat_s: int
    pfcp_heartbeat_s: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the MINICORE_* variables; what is not set has the default that README.md documents."""

        def text(name: str, default: str = "") -> str:
            return environment.get(f"MINICORE_{name}", default)

        name = "ADDRESS"
        try:
            address = str(IPv4Address(text(name)))
            name = "UPF"
            upf = str(IPv4Address(text(name))) if text(name) else ""
            name = "N6"
            n6 = IPv4Interface(text(name, "10.45.0.1/16"))
            name = "INSTANCE_ID"
            instance_id = str(uuid.UUID(text(name))) if text(name) else str(uuid.uuid4())
            name = "MEMORY_MB"
            memory_mb = int(text(name, "0"))
            name = "NRF_HEARTBEAT_S"
            nrf_heartbeat_s = int(text(name, "10"))
            name = "PFCP_HEARTBEAT_S"
            pfcp_heartbeat_s = float(text(name, "11"))
        except ValueError as error:
            raise SettingsError(f"MINICORE_{name}: {error}") from error
        return cls(
            address=address,
            nrf=text("NRF"),
            upf=upf,
            n6=n6,
            tun=text("TUN", "minicore0"),
            instance_id=instance_id,
            memory_mb=memory_mb,
            nrf_heartbeat_s=nrf_heartbeat_s,
            pfcp_heartbeat_s=pfcp_heartbeat_s,
        )
