# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an IPv6 host sends and reads: ICMPv6 echo and router discovery (RFC 8200, RFC 4443, RFC 4861)."""

from __future__ import annotations

import socket
import struct

from .ip import ECHO_REPLY, ECHO_REQUEST, ICMPV6, Echo, icmpv6_checksum

LINK_LOCAL = bytes.fromhex("fe80000000000000")
_HEADER = 40
_ECHO_REQUEST, _ECHO_REPLY = 128, 129
_SOLICITATION, _ADVERTISEMENT = 133, 134
_ALL_ROUTERS = bytes.fromhex("ff020000000000000000000000000002")
_HOP_LIMIT, _NEIGHBOUR_HOP_LIMIT = 64, 255
_TYPES = {_ECHO_REQUEST: ECHO_REQUEST, _ECHO_REPLY: ECHO_REPLY}
_PREFIX_INFORMATION, _AUTONOMOUS = 3, 0x40


def echo_request(source: str, destination: str, identifier: int, sequence: int, payload: bytes) -> bytes:
    """An IPv6 packet with an ICMPv6 echo request."""
    message = struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0, identifier, sequence) + payload
    return _packet(_packed(source), _packed(destination), _HOP_LIMIT, message)


def read_echo(packet: bytes) -> Echo | None:
    """The echo in an IPv6 packet, its type as in ICMP for IPv4; None for anything else or a wrong checksum."""
    message = _message(packet)
    if message is None or message[0] not in _TYPES:
        return None
    kind, _, _, identifier, sequence = struct.unpack_from("!BBHHH", message)
    source, destination = (socket.inet_ntop(socket.AF_INET6, packet[at : at + 16]) for at in (8, 24))
    return Echo(source, destination, _TYPES[kind], identifier, sequence, message[8:])


def router_solicitation(interface_id: bytes) -> bytes:
    """From the link-local address of an interface identifier (8 octets) to all routers (RFC 4861 clause 4.1)."""
    message = struct.pack("!BBHI", _SOLICITATION, 0, 0, 0)
    return _packet(LINK_LOCAL + interface_id, _ALL_ROUTERS, _NEIGHBOUR_HOP_LIMIT, message)


def read_advertisement(packet: bytes) -> bytes | None:
    """The /64 (8 octets) that a router advertisement gives for autonomous configuration (RFC 4861 clauses 4.2, 6.1.2).

    None for anything else, an advertisement that is not valid, or one without such a prefix.
    """
    message = _message(packet)
    if message is None or message[:2] != bytes((_ADVERTISEMENT, 0)) or len(message) < 16:
        return None
    if packet[7] != _NEIGHBOUR_HOP_LIMIT or packet[8:16] != LINK_LOCAL:
        return None
    prefix, at = None, 16
    while at + 2 <= len(message):
        kind, length = message[at], message[at + 1] * 8
        if length == 0 or at + length > len(message):
            return None
        if kind == _PREFIX_INFORMATION and length == 32 and message[at + 2] == 64 and message[at + 3] & _AUTONOMOUS:
            prefix = message[at + 16 : at + 24]
        at += length
    return prefix


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, address)


def _packet(source: bytes, destination: bytes, hop_limit: int, message: bytes) -> bytes:
    sum_ = icmpv6_checksum(source, destination, message)
    message = message[:2] + struct.pack("!H", sum_) + message[4:]
    return struct.pack("!IHBB", 6 << 28, len(message), ICMPV6, hop_limit) + source + destination + message


def _message(packet: bytes) -> bytes | None:
    """The ICMPv6 message that follows the IPv6 header, if its checksum is right."""
    if len(packet) < _HEADER + 8 or packet[0] >> 4 != 6 or packet[6] != ICMPV6:
        return None
    length = int.from_bytes(packet[4:6], "big")
    message = packet[_HEADER : _HEADER + length]
    if len(message) != length or length < 8 or icmpv6_checksum(packet[8:24], packet[24:40], message) != 0:
        return None
    return message
