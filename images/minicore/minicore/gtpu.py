# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GTP-U messages on the wire (TS 29.281 clause 5, PDU session container of TS 38.415)."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

ECHO_REQUEST = 1
ECHO_RESPONSE = 2
ERROR_INDICATION = 26
SUPPORTED_EXTENSION_HEADERS = 31
END_MARKER = 254
G_PDU = 255

# The QoS flow of the default QoS rule.
QFI = 1

_VERSION_GTP = 0x30
_FLAG_EXTENSION = 0x04
_FLAG_SEQUENCE = 0x02
_PDU_SESSION_CONTAINER = 0x85
# Comprehension required by the endpoint (clause 5.2.1): bit 8 of the type. The PDCP PDU Number is known and not used.
_REQUIRED = 0x80
_KNOWN = frozenset({_PDU_SESSION_CONTAINER, 0xC0})
_IE_EXTENSION_HEADERS = 141
_IE_RECOVERY = 14
_IE_TEID_DATA_I = 16
_IE_PEER_ADDRESS = 133


class GtpError(ValueError):
    """The octets are not a GTP-U message."""


class UnknownExtension(GtpError):
    """An extension header that must be understood is not (clause 5.2.1)."""


class GtpMessage(NamedTuple):
    type: int
    teid: int
    sequence: int
    payload: bytes


_HEAD = struct.Struct("!BBHIHBB")
_G_PDU_HEAD = struct.Struct("!BBHIHBBBBBB")


def g_pdu(teid: int, packet: bytes, uplink: bool, qfi: int = QFI) -> bytes:
    """A user packet with the PDU session container that N3 demands (TS 38.415 clause 5.5.2)."""
    flags = _VERSION_GTP | _FLAG_EXTENSION
    direction = 0x10 if uplink else 0x00
    size = len(packet) + 8
    return _G_PDU_HEAD.pack(flags, G_PDU, size, teid, 0, 0, _PDU_SESSION_CONTAINER, 1, direction, qfi, 0) + packet


def end_marker(teid: int) -> bytes:
    """Nothing more comes through this tunnel (clause 7.3.2)."""
    return struct.pack("!BBHI", _VERSION_GTP, END_MARKER, 0, teid)


def supported_extension_headers(sequence: int = 0) -> bytes:
    """Which extension headers are understood (clause 7.2.3)."""
    head = _HEAD.pack(_VERSION_GTP | _FLAG_SEQUENCE, SUPPORTED_EXTENSION_HEADERS, 7, 0, sequence, 0, 0)
    return head + bytes((_IE_EXTENSION_HEADERS, 1, _PDU_SESSION_CONTAINER))


def echo_request(sequence: int) -> bytes:
    return struct.pack("!BBHIHBB", _VERSION_GTP | _FLAG_SEQUENCE, ECHO_REQUEST, 4, 0, sequence, 0, 0)


def echo_response(sequence: int) -> bytes:
    """With the Recovery element, zero since GTP-U does not use it (clause 7.2.2)."""
    head = struct.pack("!BBHIHBB", _VERSION_GTP | _FLAG_SEQUENCE, ECHO_RESPONSE, 6, 0, sequence, 0, 0)
    return head + bytes((_IE_RECOVERY, 0))


def error_indication(teid: int, address: str) -> bytes:
    """There is no session for `teid` at `address` (clause 7.3.1)."""
    body = struct.pack("!BIBH", _IE_TEID_DATA_I, teid, _IE_PEER_ADDRESS, 4) + socket.inet_aton(address)
    head = struct.pack("!BBHIHBB", _VERSION_GTP | _FLAG_SEQUENCE, ERROR_INDICATION, len(body) + 4, 0, 0, 0, 0)
    return head + body


def decode(data: bytes) -> GtpMessage:
    """Parse one message; extension headers are skipped, UnknownExtension for one that must not be."""
    if len(data) < 8:
        raise GtpError(f"{len(data)} octets")
    flags, kind, length, teid = struct.unpack_from("!BBHI", data)
    if flags & 0xF0 != _VERSION_GTP:
        raise GtpError(f"not GTPv1-U: flags {flags:#04x}")
    end = length + 8
    if end > len(data):
        raise GtpError(f"length {length} in {len(data)} octets")
    if not flags & 0x07:
        return GtpMessage(kind, teid, 0, data[8:end])
    if end < 12:
        raise GtpError("optional fields cut short")
    sequence, _, extension = struct.unpack_from("!HBB", data, 8)
    offset = 12
    while flags & _FLAG_EXTENSION and extension:
        size = data[offset] * 4 if offset < end else 0
        if size == 0 or offset + size > end:
            raise GtpError("extension header cut short")
        if extension & _REQUIRED and extension not in _KNOWN:
            raise UnknownExtension(f"extension header {extension:#04x}")
        extension = data[offset + size - 1]
        offset += size
    return GtpMessage(kind, teid, sequence, data[offset:end])
