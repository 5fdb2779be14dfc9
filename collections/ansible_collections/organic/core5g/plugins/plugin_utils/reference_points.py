# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of NFs by reference point (TS 23.501, clause 4.2.7), each on a network of its own if the user wants it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

SBI = "sbi"
POINTS = (SBI, "n2", "n3", "n4", "n6")
"""Reference points that an NF can have an address for. SBI stands for all service-based interfaces."""
DYNAMIC = "dynamic"
"""In place of an SBI address: a Docker Swarm gives one on an overlay, which the NF reports to the NRF."""
_BRIDGE = "br-core5g"
_MAX_INTERFACE = 15
"""Characters of an interface's name (IFNAMSIZ, less its end)."""


@dataclasses.dataclass(frozen=True)
class PointAddress:
    """Address of an NF at a reference point.

    Attributes:
        network: key of the network.
        ipv4: or DYNAMIC.
        ipv6: empty if it has none.
        mac: empty for the one that follows from the IPv4 address.
    """

    point: str
    ipv4: str
    network: str
    ipv6: str = ""
    mac: str = ""


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """An NF on a network.

    Attributes:
        key: of the network.
        network: its name at the engine.
        driver: name of its driver.
        points: reference points of the NF that the network serves; the first one also those without an address.
    """

    key: str
    network: str
    driver: str
    points: tuple[str, ...]
    ipv4: str
    ipv6: str
    mac: str

    def as_dict(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "points": list(self.points)}


def addresses_of(value: Any) -> dict[str, PointAddress]:
    """Addresses of one NF by reference point, from its entry in nf_addresses.

    Raises:
        ValueError: it is neither an address nor a dictionary of addresses by reference point with one for the SBI.
    """
    if not isinstance(value, Mapping):
        return {SBI: PointAddress(SBI, str(value), SBI)}
    if unknown := sorted(set(value) - set(POINTS)):
        raise ValueError(f"there is no reference point {', '.join(unknown)}, known are: {', '.join(POINTS)}")
    if SBI not in value:
        raise ValueError(f"there is no address for {SBI}, where every NF reports its state: add it")
    return {point: _address_at(point, value[point]) for point in POINTS if point in value}


def _address_at(point: str, value: Any) -> PointAddress:
    if not isinstance(value, Mapping):
        return PointAddress(point, str(value), point)
    known = {field.name for field in dataclasses.fields(PointAddress)} - {"point"}
    if unknown := sorted(set(value) - known):
        raise ValueError(f"{point} has no option {', '.join(unknown)}, known are: {', '.join(sorted(known))}")
    if not value.get("ipv4"):
        raise ValueError(f"{point} has no ipv4: add it")
    return PointAddress(point, **{"network": point, **{key: str(text) for key, text in value.items()}})


def address_at(value: Any, point: str) -> str:
    """IPv4 address of an NF at a reference point, by its entry in nf_addresses; that of the SBI if it has no other."""
    found = addresses_of(value)
    return found.get(point, found[SBI]).ipv4


def name_at(nf: str, value: Any, point: str) -> str:
    """Where other NFs reach an NF at a reference point: its IPv4 address, or its name if it has a dynamic one."""
    address = address_at(value, point)
    return alias(nf) if address == DYNAMIC else address


def alias(nf: str) -> str:
    """Name of an NF on the network of its SBI alone; that of its service is known on all of its networks."""
    return f"{nf}-{SBI}"


def bridge_name(key: str, is_own: bool) -> str:
    """Linux bridge of a network: short enough for an interface, and the same on every host.

    Args:
        key: of the network.
        is_own: it has an entry in nf_networks.
    """
    if not is_own:
        return _BRIDGE
    name = f"{_BRIDGE}-{key}"
    return name if len(name) <= _MAX_INTERFACE else f"br-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def network_name(key: str, network: Mapping[str, Any] | None, default: str | None, driver: str) -> str:
    """Name of a network at the engine.

    Args:
        key: of the network.
        network: its entry in nf_networks, None for the network of nf_network_subnet.
        default: nf_network_name.
        driver: its driver's name.
    """
    if network is None:
        return default or f"core5g-{driver}"
    return str(network.get("name") or f"core5g-{key}")


def endpoints_of(
    addresses: Mapping[str, PointAddress], names: Mapping[str, str], drivers: Mapping[str, str]
) -> list[Endpoint]:
    """Where an NF is attached, the network of its SBI first.

    Args:
        addresses: of the NF by reference point.
        names: name of each network at the engine, by the network's key.
        drivers: driver of each network, by the network's key.
    """
    by_network: dict[str, list[PointAddress]] = {}
    for point in POINTS:
        if point in addresses:
            by_network.setdefault(addresses[point].network, []).append(addresses[point])
    others = tuple(point for point in POINTS if point not in addresses)
    return [
        Endpoint(
            key,
            names[key],
            drivers[key],
            tuple(each.point for each in group) + (others if number == 0 else ()),
            group[0].ipv4,
            group[0].ipv6,
            group[0].mac,
        )
        for number, (key, group) in enumerate(by_network.items())
    ]
