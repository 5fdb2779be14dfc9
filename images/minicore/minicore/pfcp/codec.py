# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages and information elements of PFCP on the wire (TS 29.244 clauses 7.2.2 and 8.1.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

VERSION = 1
_FLAG_SEID = 0x01


class MessageType(IntEnum):
    """TS 29.244 table 7.3-1."""

    HEARTBEAT_REQUEST = 1
    HEARTBEAT_RESPONSE = 2
    ASSOCIATION_SETUP_REQUEST = 5
    ASSOCIATION_SETUP_RESPONSE = 6
    ASSOCIATION_RELEASE_REQUEST = 9
    ASSOCIATION_RELEASE_RESPONSE = 10
    VERSION_NOT_SUPPORTED_RESPONSE = 11
    SESSION_ESTABLISHMENT_REQUEST = 50
    SESSION_ESTABLISHMENT_RESPONSE = 51
    SESSION_MODIFICATION_REQUEST = 52
    SESSION_MODIFICATION_RESPONSE = 53
    SESSION_DELETION_REQUEST = 54
    SESSION_DELETION_RESPONSE = 55


REQUESTS = frozenset(kind for kind in MessageType if kind.name.endswith("_REQUEST"))


class IeType(IntEnum):
    """TS 29.244 table 8.1.2-1, the ones that are used here."""

    CREATE_PDR = 1
    PDI = 2
    CREATE_FAR = 3
    FORWARDING_PARAMETERS = 4
    CREATED_PDR = 8
    UPDATE_FAR = 10
    UPDATE_FORWARDING_PARAMETERS = 11
    CAUSE = 19
    SOURCE_INTERFACE = 20
    F_TEID = 21
    PRECEDENCE = 29
    OFFENDING_IE = 40
    DESTINATION_INTERFACE = 42
    UP_FUNCTION_FEATURES = 43
    APPLY_ACTION = 44
    PDR_ID = 56
    F_SEID = 57
    NODE_ID = 60
    OUTER_HEADER_CREATION = 84
    UE_IP_ADDRESS = 93
    OUTER_HEADER_REMOVAL = 95
    RECOVERY_TIME_STAMP = 96
    FAR_ID = 108


GROUPED = frozenset(
    {
        IeType.CREATE_PDR,
        IeType.PDI,
        IeType.CREATE_FAR,
        IeType.FORWARDING_PARAMETERS,
        IeType.CREATED_PDR,
        IeType.UPDATE_FAR,
        IeType.UPDATE_FORWARDING_PARAMETERS,
    }
)


class CodecError(ValueError):
    """The octets are not a PFCP message or not the information element that was expected."""


class MissingIe(CodecError):
    """A mandatory information element is not there."""

    def __init__(self, kind: IeType) -> None:
        super().__init__(f"{kind.name} is missing")
        self.kind = kind


class VersionError(CodecError):
    """A PFCP message of another version."""


@dataclass(slots=True)
class Ie:
    """An information element: plain with a value, or grouped with children."""

    type: int
    value: bytes = b""
    children: list[Ie] = field(default_factory=list)

    def find(self, kind: IeType) -> Ie | None:
        return next((ie for ie in self.children if ie.type == kind), None)

    def all(self, kind: IeType) -> list[Ie]:
        return [ie for ie in self.children if ie.type == kind]

    def need(self, kind: IeType) -> Ie:
        return _need(self.children, kind)

    def encode(self) -> bytes:
        value = b"".join(child.encode() for child in self.children) if self.type in GROUPED else self.value
        return struct.pack("!HH", self.type, len(value)) + value


@dataclass(slots=True)
class Message:
    """A message; `seid` is None where the header has none. `sequence` has 24 bits."""

    type: int
    sequence: int
    seid: int | None = None
    ies: list[Ie] = field(default_factory=list)

    def find(self, kind: IeType) -> Ie | None:
        return next((ie for ie in self.ies if ie.type == kind), None)

    def all(self, kind: IeType) -> list[Ie]:
        return [ie for ie in self.ies if ie.type == kind]

    def need(self, kind: IeType) -> Ie:
        return _need(self.ies, kind)

    def encode(self) -> bytes:
        body = b"".join(ie.encode() for ie in self.ies)
        flags = VERSION << 5
        if self.seid is None:
            return struct.pack("!BBHI", flags, self.type, len(body) + 4, self.sequence << 8) + body
        header = struct.pack("!BBHQI", flags | _FLAG_SEID, self.type, len(body) + 12, self.seid, self.sequence << 8)
        return header + body


def _need(ies: list[Ie], kind: IeType) -> Ie:
    for ie in ies:
        if ie.type == kind:
            return ie
    raise MissingIe(kind)


def decode(data: bytes) -> Message:
    """Parse one message."""
    if len(data) < 8:
        raise CodecError(f"{len(data)} octets are no PFCP message")
    flags, kind, length = struct.unpack_from("!BBH", data)
    if flags >> 5 != VERSION:
        raise VersionError(f"PFCP version {flags >> 5}")
    if length + 4 > len(data):
        raise CodecError(f"length {length} in {len(data)} octets")
    end = length + 4
    if flags & _FLAG_SEID:
        if length < 12:
            raise CodecError(f"length {length} with a SEID")
        seid, last = struct.unpack_from("!QI", data, 4)
        return Message(kind, last >> 8, seid, _decode_ies(data[16:end]))
    (last,) = struct.unpack_from("!I", data, 4)
    return Message(kind, last >> 8, None, _decode_ies(data[8:end]))


def _decode_ies(data: bytes) -> list[Ie]:
    ies = []
    offset = 0
    while offset < len(data):
        if offset + 4 > len(data):
            raise CodecError("information element cut short")
        kind, length = struct.unpack_from("!HH", data, offset)
        offset += 4
        if offset + length > len(data):
            raise CodecError(f"information element {kind} cut short")
        value = data[offset : offset + length]
        offset += length
        ies.append(Ie(kind, children=_decode_ies(value)) if kind in GROUPED else Ie(kind, value))
    return ies
