# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with nf_networks and nf_addresses, each fault with its remedy; found before any host is asked."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.plugin_utils.reference_points import DYNAMIC, SBI, PointAddress

Network = Mapping[str, Any]
"""An entry of nf_networks."""
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")


def faults_of_networks(networks: Mapping[str, Network], drivers: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Each entry by itself, then each pair.

    Args:
        networks: nf_networks.
        drivers: description of each one's driver, by the network's key.
    """
    for key, network in networks.items():
        driver = drivers[key]
        if driver["needs_parent"] and not network.get("parent"):
            yield (
                f"The network {key} (driver {driver['name']}) has no parent interface: set nf_networks.{key}.parent to "
                "the interface of the hosts that it goes out by"
            )
        if driver["creates_network"]:
            yield from _subnet_faults(key, network)
    for one, other in itertools.combinations(networks, 2):
        yield from pair_faults(one, networks[one], other, networks[other])


def _subnet_faults(key: str, network: Network) -> Iterator[str]:
    if not network.get("subnet"):
        yield f"The network {key} has no subnet: set nf_networks.{key}.subnet, for example 198.51.100.0/24"
    for version, option, gateway_option in ((4, "subnet", "gateway"), (6, "subnet6", "gateway6")):
        text, gateway = network.get(option), network.get(gateway_option)
        if gateway and not text:
            yield f"The network {key} has a {gateway_option} and no {option}: set nf_networks.{key}.{option}"
        if not text:
            continue
        try:
            subnet = ipaddress.ip_network(text)
            if subnet.version != version:
                raise ValueError(f"{text} is no IPv{version} network")
            if gateway and ipaddress.ip_address(gateway) not in subnet:
                raise ValueError(f"the gateway {gateway} is not in {subnet}")
        except ValueError as error:
            yield f"The {option} of the network {key} is wrong, {error}: correct nf_networks.{key}"


def pair_faults(one: str, first: Network, other: str, second: Network) -> Iterator[str]:
    parent = first.get("parent")
    if parent and parent == second.get("parent"):
        yield (
            f"The networks {one} and {other} have the same parent interface {parent}, which can carry one network: "
            f"give one of them another interface, or a VLAN of this one (parent: {parent}.30)"
        )
    if overlap(first.get("subnet"), second.get("subnet")):
        yield (
            f"The subnets {first['subnet']} of {one} and {second['subnet']} of {other} overlap: give each network in "
            "nf_networks one of its own"
        )
    if first.get("name") and first.get("name") == second.get("name"):
        yield f"The networks {one} and {other} have the same name {first['name']}: correct nf_networks"


def overlap(one: str | None, other: str | None) -> bool:
    """Whether two subnets have an address in common; what is no subnet is reported elsewhere."""
    if not one or not other:
        return False
    try:
        return ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))
    except (TypeError, ValueError):
        return False


def faults_of_addresses(
    nf: str, addresses: Mapping[str, PointAddress], networks: Mapping[str, Network]
) -> Iterator[str]:
    """Whether each address of an NF fits its network; the SBI without a network of its own is checked on the hosts."""
    seen: dict[str, PointAddress] = {}
    for point, address in addresses.items():
        network = networks.get(address.network)
        if network is None and address.network != SBI:
            yield (
                f"nf_addresses gives {nf} an address for {point}, and nf_networks has no network {address.network}: "
                f"add it, or leave {point} out, which then has the address of {SBI}, or name another network "
                f"({point}: {{ipv4: ..., network: ...}})"
            )
        elif network is not None:
            yield from _address_faults(nf, address, network)
        before = seen.setdefault(address.network, address)
        if (before.ipv4, before.ipv6, before.mac) != (address.ipv4, address.ipv6, address.mac):
            yield (
                f"{nf} has two addresses on the network {address.network}, {before.ipv4} for {before.point} and "
                f"{address.ipv4} for {point}: give it one there, or put {point} on another network"
            )
        if address.mac and not _MAC.fullmatch(address.mac):
            yield f"The MAC address {address.mac} of {nf} for {point} is not of the form 02:42:c0:00:02:21: correct it"


def _address_faults(nf: str, address: PointAddress, network: Network) -> Iterator[str]:
    where = f"nf_addresses.{nf}.{address.point}"
    for option, text, gateway in (("subnet", address.ipv4, "gateway"), ("subnet6", address.ipv6, "gateway6")):
        if not text or text == DYNAMIC:
            continue
        subnet = network.get(option)
        try:
            parsed = ipaddress.ip_address(text)
            if parsed.version != (4 if option == "subnet" else 6):
                raise ValueError(f"{text} is an IPv{parsed.version} address")
            pool = ipaddress.ip_network(subnet) if subnet else None
        except ValueError as error:
            # A subnet that does not parse is reported with its network.
            if subnet is None or text in str(error):
                yield f"The address of {nf} for {address.point} is wrong, {error}: correct {where}"
            continue
        if pool is None:
            if option == "subnet6":
                yield (
                    f"{nf} has an IPv6 address for {address.point}, and its network has no subnet6: add it, or remove "
                    f"{where}.ipv6"
                )
            continue
        if parsed not in pool:
            yield (
                f"The address {text} of {nf} for {address.point} is not in the subnet {pool} of the network "
                f"{address.network}: correct {where} or nf_networks.{address.network}.{option}"
            )
        elif parsed == pool.network_address or (option == "subnet" and parsed == pool.broadcast_address):
            yield f"The address {text} of {nf} for {address.point} means the whole subnet {pool}: correct {where}"
        elif text == network.get(gateway):
            yield f"The address {text} of {nf} for {address.point} is the network's {gateway}: correct {where}"


def faults_of_dynamic_addresses(
    nf: str, addresses: Mapping[str, PointAddress], drivers: Mapping[str, Mapping[str, Any]], orchestrator: str
) -> Iterator[str]:
    """On an overlay, a Swarm alone chooses the address of a task, and nobody else gives a dynamic one.

    Args:
        drivers: description of the driver at each reference point.
        orchestrator: who runs the NFs.
    """
    for point, address in addresses.items():
        given = orchestrator == "swarm" and bool(drivers[point].get("needs_swarm"))
        where = f"nf_addresses.{nf}" if list(addresses) == [SBI] else f"nf_addresses.{nf}.{point}"
        if given and address.ipv4 != DYNAMIC:
            yield (
                f"A Docker Swarm gives {nf} no fixed address on an overlay: set {where} to {DYNAMIC}, with which "
                "the NFs reach each other by their names, or put it on the driver macvlan"
            )
        elif address.ipv4 == DYNAMIC and not given:
            yield (
                f"{nf} has the address {DYNAMIC} for {point}, which only an overlay of a Docker Swarm gives "
                f"(orchestrator: swarm, driver overlay; here {orchestrator}, {drivers[point]['name']}): set {where} to "
                "an IPv4 address"
            )
        elif given and point != SBI:
            yield (
                f"{nf} has the address {DYNAMIC} for {point}: give it an IPv4 address on another network, or leave "
                f"{point} out, which then has the address of {SBI}"
            )
        elif given and (address.ipv6 or address.mac):
            yield f"The address of {nf} on an overlay is {DYNAMIC}: remove ipv6 and mac from {where}"


def shared_addresses(addresses: Mapping[str, Mapping[str, PointAddress]], names: list[str]) -> Iterator[str]:
    """Two NFs with one address, also across reference points.

    Args:
        addresses: of all NFs, by reference point.
        names: of the NFs that are deployed, as the others do not matter to each other.
    """
    holders: dict[str, dict[str, str]] = {}
    for nf, points in addresses.items():
        for address in points.values():
            for text in {address.ipv4, address.ipv6, address.mac.lower()} - {"", DYNAMIC}:
                holders.setdefault(text, {}).setdefault(nf, address.point)
    for text, by_nf in holders.items():
        if len(by_nf) > 1 and set(by_nf) & set(names):
            points_named = {nf: f" ({by_nf[nf]})" if len(addresses[nf]) > 1 else "" for nf in by_nf}
            yield (
                f"{' and '.join(nf + points_named[nf] for nf in sorted(by_nf))} have the same address {text}: correct "
                "nf_addresses, in which each NF must have one of its own"
            )
