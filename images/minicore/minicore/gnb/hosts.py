# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a UE is in the data network, by the type of its PDU session: its address, and the packets it sends and reads."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from ipaddress import IPv4Network
from typing import ClassVar

from .. import ip, ip6
from ..nas.qos import PduAddress, PduSessionType
from . import arp

DEFAULT_TARGETS = {
    PduSessionType.IPV4: "10.45.0.1",
    PduSessionType.IPV6: "fd45::1",
    PduSessionType.ETHERNET: "10.46.0.1",
}
"""Addresses on N6 that are pinged: the defaults of the UPF, for the TAP the one that README.md recommends."""

POLLS = 3
"""A known MAC address is asked so often whether it is still right; then all are asked (RFC 1122 clause 2.3.2.1)."""


class Host(ABC):
    """One PDU session's end in the UE."""

    session_type: ClassVar[PduSessionType]

    def __init__(self, address: str = "") -> None:
        self.address = address
        """Empty as long as the network has not given one."""

    @property
    def is_ready(self) -> bool:
        return bool(self.address)

    @abstractmethod
    def accept(self, address: PduAddress | None) -> bool:
        """Take what the accept of the session gives; False if what this type needs is missing."""

    def next_request(self) -> bytes | None:
        """What is sent through the session to become ready, again until it is; None: nothing is needed."""
        return None

    @abstractmethod
    def echo_request(self, target: str, identifier: int, sequence: int, payload: bytes) -> bytes: ...

    @abstractmethod
    def receive(self, packet: bytes, answer: Callable[[bytes], None]) -> ip.Echo | None:
        """The echo in a packet for the UE; what else it is for, is taken over or answered."""


class Ipv4Host(Host):
    session_type = PduSessionType.IPV4

    def accept(self, address: PduAddress | None) -> bool:
        self.address = (address.ipv4 if address is not None else None) or ""
        return self.is_ready

    def echo_request(self, target: str, identifier: int, sequence: int, payload: bytes) -> bytes:
        return ip.echo_request(self.address, target, identifier, sequence, payload)

    def receive(self, packet: bytes, answer: Callable[[bytes], None]) -> ip.Echo | None:
        return ip.read_echo(packet)


class Ipv6Host(Host):
    """Stateless autoconfiguration with the identifier that the SMF gave (TS 23.501 clause 5.8.2.2.3).

    Nobody else is on the link: there is no duplicate address detection.
    """

    session_type = PduSessionType.IPV6

    def __init__(self) -> None:
        super().__init__()
        self._interface_id = b""

    def accept(self, address: PduAddress | None) -> bool:
        self._interface_id = (address.interface_id if address is not None else None) or b""
        return bool(self._interface_id)

    def next_request(self) -> bytes | None:
        return None if self.is_ready else ip6.router_solicitation(self._interface_id)

    def echo_request(self, target: str, identifier: int, sequence: int, payload: bytes) -> bytes:
        return ip6.echo_request(self.address, target, identifier, sequence, payload)

    def receive(self, packet: bytes, answer: Callable[[bytes], None]) -> ip.Echo | None:
        prefix = ip6.read_advertisement(packet)
        if prefix is None:
            return ip6.read_echo(packet)
        if self._interface_id:
            self.address = socket.inet_ntop(socket.AF_INET6, prefix + self._interface_id)
        return None


class EthernetHost(Host):
    """A host with MAC and IPv4 addresses of its own; it is ready when `target` has answered its ARP request.

    All hosts of a run share `macs`, by IPv4 address: the first one asks by broadcast, the others ask the MAC address
    that it found. A broadcast goes to every session, and would have each idle UE paged.
    """

    session_type = PduSessionType.ETHERNET

    def __init__(self, mac: bytes, address: str, target: str, macs: dict[str, bytes]) -> None:
        super().__init__(address)
        self.mac = mac
        self._target = target
        self._macs = macs
        self._macs[address] = mac
        self._requests = 0
        self._has_answer = False

    @property
    def is_ready(self) -> bool:
        return self._has_answer

    def accept(self, address: PduAddress | None) -> bool:
        """The network gives no address to an Ethernet session (TS 24.501 clause 6.4.1.3)."""
        return True

    def next_request(self) -> bytes | None:
        if self.is_ready:
            return None
        self._requests += 1
        known = self._macs.get(self._target, arp.BROADCAST) if self._requests <= POLLS else arp.BROADCAST
        return arp.arp_request(self.mac, self.address, self._target, known)

    def echo_request(self, target: str, identifier: int, sequence: int, payload: bytes) -> bytes:
        packet = ip.echo_request(self.address, target, identifier, sequence, payload)
        return arp.frame(self._macs[target], self.mac, arp.IPV4, packet)

    def receive(self, packet: bytes, answer: Callable[[bytes], None]) -> ip.Echo | None:
        if packet[:6] not in (self.mac, arp.BROADCAST):
            return None
        if packet[12:14] == arp.IPV4:
            return ip.read_echo(packet[arp.HEADER :])
        message = arp.read_arp(packet)
        if message is not None:
            self._on_arp(message, answer)
        return None

    def _on_arp(self, message: arp.Arp, answer: Callable[[bytes], None]) -> None:
        if message.sender == self._target:
            self._macs[self._target] = message.sender_mac
            self._has_answer |= message.operation == arp.REPLY and message.target == self.address
        if message.operation == arp.REQUEST and message.target == self.address:
            answer(arp.arp_reply(self.mac, self.address, message.sender_mac, message.sender))


class Hosts:
    """Makes the hosts of a run, each by the number and the SUPI of its UE."""

    def __init__(self, session_type: PduSessionType, target: str, ethernet_network: IPv4Network) -> None:
        """`ethernet_network` is the one behind the TAP; UEs have its last addresses."""
        self.session_type = session_type
        self.target = target
        self._network = ethernet_network
        self._macs: dict[str, bytes] = {}

    def make(self, index: int, supi: str) -> Host:
        if self.session_type == PduSessionType.ETHERNET:
            address = ethernet_address(self._network, index)
            return EthernetHost(mac_of(supi), address, self.target, self._macs)
        return Ipv6Host() if self.session_type == PduSessionType.IPV6 else Ipv4Host()


def ethernet_address(network: IPv4Network, index: int) -> str:
    """The last addresses of the network are the UEs': the first ones belong to those who are there."""
    return str(network.broadcast_address - 1 - index)


def mac_of(supi: str) -> bytes:
    """A locally administered MAC address that no other SUPI of the same trillion has."""
    return b"\x02" + (int(supi.removeprefix("imsi-")) & (1 << 40) - 1).to_bytes(5, "big")
