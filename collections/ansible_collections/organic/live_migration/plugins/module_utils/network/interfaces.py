# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces by which a container is reached."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection
from dataclasses import asdict, dataclass, field

from .. import decoded
from ..decoded import JsonObject
from ..host import commands, libc

_WORD = re.compile(r"[0-9A-Za-z.:/_-]*")


@dataclass
class Interface:
    """One interface of a network namespace that leads out of it."""

    name: str
    mac: str
    addresses: list[str] = field(default_factory=list)
    kind: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for anything but plain words: they come from the other host."""
        try:
            words = [self.name, self.mac, self.kind, *self.addresses]
            strange = [word for word in words if not _WORD.fullmatch(word)]
        except TypeError as error:
            raise ValueError(f"Malformed description of an interface: {error}") from None
        if strange:
            raise ValueError(f"'{strange[0]}' is not valid in the description of an interface")
        for address in self.addresses:
            ipaddress.ip_interface(address)

    @classmethod
    def of(cls, description: object) -> Interface:
        """From what a peer sent. Raises ValueError when it describes no interface."""
        if not isinstance(description, dict):
            raise ValueError("Malformed description of an interface")
        try:
            return cls(**description)
        except TypeError as error:
            raise ValueError(f"Malformed description of an interface: {error}") from None

    def as_dict(self) -> dict[str, object]:
        return asdict(self)

    @property
    def ip_addresses(self) -> list[str]:
        return [address.partition("/")[0] for address in self.addresses]


def ip_json(pid: int, *arguments: str) -> list[JsonObject]:
    """The output of ``ip -json`` in the network namespace of ``pid``."""
    output = commands.run(["nsenter", "--target", str(pid), "--net", "ip", "-json", *arguments])
    return decoded.parse_list(output or "[]")


def xfrm(pid: int, what: str) -> str:
    """The IPsec ``state`` or ``policy`` of the network namespace of ``pid``, in the words of ``ip``."""
    return commands.run(["nsenter", "--target", str(pid), "--net", "ip", "xfrm", what])


def remove_addresses(pid: int, interfaces: list[Interface]) -> None:
    """Remove all IPv4 addresses of interfaces in the namespace of ``pid``, and with them the routes that need them."""
    for interface in interfaces:
        commands.run(["nsenter", "--target", str(pid), "--net", "ip", "-4", "address", "flush", "dev", interface.name])


def addresses_of(pid: int, names: Collection[str]) -> set[str]:
    """The IPv4 addresses of some interfaces; of those that there are."""
    return {
        decoded.text(address, "local")
        for link in ip_json(pid, "address", "show")
        if link["ifname"] in names
        for address in decoded.sections(link, "addr_info")
        if address["family"] == "inet"
    }


def lend_addresses(pid: int, addresses: Collection[str], interface: str) -> None:
    """Let sockets be restored that are bound to addresses of another host's interface."""
    for address in addresses:
        command = ["nsenter", "--target", str(pid), "--net", "ip", "address", "replace"]
        commands.run([*command, f"{address}/32", "dev", interface])


def take_addresses_back(pid: int, addresses: Collection[str], interface: str) -> None:
    """End the connections of addresses that were lent, and remove these."""
    for address in addresses:
        prefix = ["nsenter", "--target", str(pid), "--net"]
        commands.run([*prefix, "ss", "--kill", "--tcp", "src", address])
        commands.run([*prefix, "ip", "address", "delete", f"{address}/32", "dev", interface])


def link_numbers(pid: int) -> dict[str, int]:
    """Index of each link in the network namespace of ``pid``, by its name."""
    with libc.network_namespace(pid):
        return {name: index for index, name in socket.if_nameindex()}


def numbers_there(here: dict[str, int], there: object) -> dict[int, int]:
    """Index of each link on the other host, by that on this host.

    Args:
        here, there: index by name; the second one comes from the peer.

    Raises:
        ValueError: the peer sent something else.
    """
    if not isinstance(there, dict) or not all(isinstance(number, int) for number in there.values()):
        raise ValueError("The other host sent malformed numbers of links")
    return {number: there[name] for name, number in here.items() if name in there}


def read_interfaces(pid: int, kept: Collection[str] = (), addressless: bool = False) -> list[Interface]:
    """Interfaces of the namespace of ``pid`` that have an IPv4 address and lead out of it.

    Args:
        kept: those that are left out.
        addressless: whether those without an IPv4 address are wanted as well.
    """
    found: dict[str, Interface] = {}
    for link in ip_json(pid, "-details", "address", "show"):
        addresses = [f"{info['local']}/{info['prefixlen']}" for info in decoded.sections(link, "addr_info")
                     if info["family"] == "inet"]  # fmt: skip
        kind = decoded.text(link, "linkinfo", "info_kind", default="")
        name = decoded.text(link, "ifname", default="")
        # a link that was made inside the namespace has a kind, and no end in another namespace
        leads_out = not kind or "link_netnsid" in link
        if link.get("link_type") == "ether" and leads_out and (addresses or addressless) and name not in kept:
            found[name] = Interface(name, decoded.text(link, "address"), addresses, kind=kind)
    return list(found.values())
