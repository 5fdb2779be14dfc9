# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Router advertisements for IPv6 sessions (TS 23.501 clause 5.8.2.2.3, RFC 4861, RFC 4862)."""

from __future__ import annotations

import struct

from ..ip import ICMPV6, icmpv6_checksum

_SOLICITATION, _ADVERTISEMENT = 133, 134
_HOP_LIMIT = 255
_LINK_LOCAL = bytes.fromhex("fe80000000000000")
_ROUTER = _LINK_LOCAL + bytes(7) + b"\1"
_ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
_INFINITE = 0xFFFFFFFF
_ROUTER_LIFETIME_S = 0xFFFF
"""The UE's prefix and router live as long as its session."""


def is_link_local(packet: bytes) -> bool:
    """Whether an IPv6 packet comes from a link-local or the unspecified address."""
    return packet[8:16] == _LINK_LOCAL or not any(packet[8:24])


def is_solicitation(packet: bytes) -> bool:
    """Whether an IPv6 packet is a router solicitation with a right checksum."""
    if len(packet) < 48 or packet[6] != ICMPV6 or packet[7] != _HOP_LIMIT or packet[40] != _SOLICITATION:
        return False
    message = packet[40 : 40 + int.from_bytes(packet[4:6], "big")]
    return icmpv6_checksum(packet[8:24], packet[24:40], message) == 0


def advertisement(solicitation: bytes, prefix: bytes, mtu: int) -> bytes:
    """The answer: `prefix` (8 octets) for autonomous configuration, not on link, and the MTU."""
    source = solicitation[8:24]
    destination = source if any(source) else _ALL_NODES
    options = struct.pack("!BBBBIII8s8x", 3, 4, 64, 0x40, _INFINITE, _INFINITE, 0, prefix)
    options += struct.pack("!BBHI", 5, 1, 0, mtu)
    message = struct.pack("!BBHBBHII", _ADVERTISEMENT, 0, 0, 64, 0, _ROUTER_LIFETIME_S, 0, 0) + options
    sum_ = icmpv6_checksum(_ROUTER, destination, message)
    message = message[:2] + struct.pack("!H", sum_) + message[4:]
    return struct.pack("!IHBB", 6 << 28, len(message), ICMPV6, _HOP_LIMIT) + _ROUTER + destination + message
