# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ICMP echo in IPv4: what the UE sends (RFC 791, RFC 792, checksum of RFC 1071)."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

ECHO_REPLY, ECHO_REQUEST = 0, 8
_HEADER = 20
_ICMP = 1
ICMPV6 = 58


class Echo(NamedTuple):
    source: str
    destination: str
    type: int
    identifier: int
    sequence: int
    payload: bytes


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = int(sum(struct.unpack(f"!{len(data) // 2}H", data)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def icmpv6_checksum(source: bytes, destination: bytes, message: bytes) -> int:
    """With the pseudo-header of RFC 8200 clause 8.1; 0 over a message whose checksum is right."""
    return checksum(source + destination + struct.pack("!II", len(message), ICMPV6) + message)


def echo_request(source: str, destination: str, identifier: int, sequence: int, payload: bytes) -> bytes:
    """An IPv4 packet with an ICMP echo request."""
    icmp = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, identifier, sequence) + payload
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        _HEADER + len(icmp),
        sequence,
        0,
        64,
        _ICMP,
        0,
        socket.inet_aton(source),
        socket.inet_aton(destination),
    )
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + icmp


def read_echo(packet: bytes) -> Echo | None:
    """The ICMP echo (request or reply) in an IPv4 packet, or None for anything else or a wrong checksum."""
    if len(packet) < _HEADER + 8 or packet[0] >> 4 != 4 or packet[9] != _ICMP:
        return None
    offset = (packet[0] & 0x0F) * 4
    icmp = packet[offset : int.from_bytes(packet[2:4], "big")]
    # An ICMP message of zeros has the checksum zero from Linux: one's complement has two zeros.
    if len(icmp) < 8 or checksum(icmp) not in (0, 0xFFFF) or icmp[0] not in (ECHO_REPLY, ECHO_REQUEST):
        return None
    kind, _, _, identifier, sequence = struct.unpack_from("!BBHHH", icmp)
    return Echo(socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20]), kind, identifier, sequence, icmp[8:])
