# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARP in Ethernet frames (RFC 826, IEEE 802.3), as hosts of Ethernet sessions use it."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

BROADCAST = b"\xff" * 6
HEADER = 14
IPV4, _ARP = b"\x08\x00", b"\x08\x06"
REQUEST, REPLY = 1, 2
_ETHERNET_AND_IPV4 = bytes.fromhex("000108000604")
_FORMAT = struct.Struct("!6sH6s4s6s4s")


class Arp(NamedTuple):
    operation: int
    sender_mac: bytes
    sender: str
    target: str


def frame(destination: bytes, source: bytes, ether_type: bytes, payload: bytes) -> bytes:
    return destination + source + ether_type + payload


def arp_request(mac: bytes, address: str, target: str, destination: bytes = BROADCAST) -> bytes:
    """A frame that asks who has `target`; to one MAC address it asks whether that is still right."""
    return _arp(REQUEST, mac, address, bytes(6), target, destination)


def arp_reply(mac: bytes, address: str, target_mac: bytes, target: str) -> bytes:
    return _arp(REPLY, mac, address, target_mac, target, target_mac)


def read_arp(data: bytes) -> Arp | None:
    """The ARP packet for IPv4 in a frame, or None for anything else."""
    if data[12:14] != _ARP or len(data) < HEADER + _FORMAT.size:
        return None
    head, operation, mac, sender, _, target = _FORMAT.unpack_from(data, HEADER)
    if head != _ETHERNET_AND_IPV4 or mac[0] & 1:
        return None
    return Arp(operation, mac, socket.inet_ntoa(sender), socket.inet_ntoa(target))


def _arp(operation: int, mac: bytes, address: str, target_mac: bytes, target: str, destination: bytes) -> bytes:
    packet = _FORMAT.pack(
        _ETHERNET_AND_IPV4, operation, mac, socket.inet_aton(address), target_mac, socket.inet_aton(target)
    )
    return frame(destination, mac, _ARP, packet)
