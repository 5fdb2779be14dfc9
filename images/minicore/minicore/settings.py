# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an NF is told by its environment: the variables MINICORE_*."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface
from typing import TypeVar

SBI_PORT = 8000
PFCP_PORT = 8805
GTPU_PORT = 2152
DISCARD_PORT = 9
"""RFC 863."""
N6_IPV6 = "fd45::1/48"
"""Default of MINICORE_N6_IPV6."""

PREFIX = "MINICORE_"

T = TypeVar("T")


class SettingsError(ValueError):
    """A variable is missing or does not parse; the text names it."""


class Environment:
    """Reads variables by their name without the prefix. A variable that does not parse raises SettingsError."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def text(self, name: str, default: str = "") -> str:
        return self._variables.get(PREFIX + name, default)

    def ipv4(self, name: str, default: str = "") -> str:
        """An IPv4 address in dotted form; an empty default makes the variable mandatory."""
        return str(self._parse(name, default, IPv4Address))

    def own_ipv4(self, name: str, default: str = "") -> str:
        """An address in dotted form, or that in a subnet, where a cluster chooses the address."""
        return str(self._parse(name, default, _own_address))

    def interface(self, name: str, default: str) -> IPv4Interface:
        """An address with its prefix length."""
        return self._parse(name, default, IPv4Interface)

    def ipv6_interface(self, name: str, default: str) -> IPv6Interface:
        return self._parse(name, default, IPv6Interface)

    def integer(self, name: str, default: int) -> int:
        return self._parse(name, str(default), int)

    def number(self, name: str, default: float) -> float:
        return self._parse(name, str(default), float)

    def uuid(self, name: str) -> str:
        """A UUID in canonical form; a random one where the variable is not set."""
        return str(self._parse(name, str(uuid.uuid4()), uuid.UUID))

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise SettingsError(f"{PREFIX}{name}: {value!r} is none of {', '.join(choices)}")
        return value

    def _parse(self, name: str, default: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(self.text(name) or default)
        except ValueError as error:
            raise SettingsError(f"{PREFIX}{name}: {error}") from error


@dataclass(frozen=True, slots=True)
class Settings:
    """What every NF is told. Durations are in seconds."""

    address: str
    """Of the SBI, and of every reference point that has none of its own."""
    n2_address: str
    n3_address: str
    n4_address: str
    nrf: str
    scp: str
    """URL of the SCP; empty: NFs talk to each other directly."""
    upf: str
    n6: IPv4Interface
    tun: str
    instance_id: str
    memory_mb: int
    nrf_heartbeat_s: int
    pfcp_heartbeat_s: float
    plmn: str
    """MCC and MNC of the home and serving network, five or six digits."""

    @property
    def mcc(self) -> str:
        return self.plmn[:3]

    @property
    def mnc(self) -> str:
        return self.plmn[3:]

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Settings:
        """Read the MINICORE_* variables; what is not set has the default that README.md documents."""
        environment = Environment(variables)
        address = environment.own_ipv4("ADDRESS")
        return cls(
            address=address,
            n2_address=environment.own_ipv4("N2_ADDRESS", address),
            n3_address=environment.own_ipv4("N3_ADDRESS", address),
            n4_address=environment.own_ipv4("N4_ADDRESS", address),
            nrf=environment.text("NRF").rstrip("/"),
            scp=environment.text("SCP").rstrip("/"),
            upf=environment.ipv4("UPF") if environment.text("UPF") else "",
            n6=environment.interface("N6", "10.45.0.1/16"),
            tun=environment.text("TUN", "minicore0"),
            instance_id=environment.uuid("INSTANCE_ID"),
            memory_mb=environment.integer("MEMORY_MB", 0),
            nrf_heartbeat_s=environment.integer("NRF_HEARTBEAT_S", 10),
            pfcp_heartbeat_s=environment.number("PFCP_HEARTBEAT_S", 11),
            plmn=_plmn(environment.text("PLMN", "00101")),
        )


def _own_address(text: str) -> IPv4Address:
    if "/" not in text:
        return IPv4Address(text)
    subnet = IPv4Network(text)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
            route.connect((str(next(subnet.hosts())), DISCARD_PORT))  # sends nothing
            found = IPv4Address(route.getsockname()[0])
    except OSError as error:
        raise ValueError(f"no address in {text}: {error}") from error
    if found not in subnet:
        raise ValueError(f"no address in {text}")
    return found


def _plmn(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) in (5, 6)):
        raise SettingsError(f"{PREFIX}PLMN: {text!r} is not five or six digits")
    return text
