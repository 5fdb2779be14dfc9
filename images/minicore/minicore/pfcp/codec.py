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
_HEAD = struct.Struct("!HH")
_MAX_DEPTH = 4
"""Groups in groups; a Create PDR's PDI has the depth 2."""


class MessageType(IntEnum):
    """TS 29.244 table 7.3-1."""

    HEARTBEAT_REQUEST = 1
    HEARTBEAT_RESPONSE = 2
    ASSOCIATION_SETUP_REQUEST = 5
    ASSOCIATION_SETUP_RESPONSE = 6
    ASSOCIATION_UPDATE_REQUEST = 7
    ASSOCIATION_UPDATE_RESPONSE = 8
    ASSOCIATION_RELEASE_REQUEST = 9
    ASSOCIATION_RELEASE_RESPONSE = 10
    VERSION_NOT_SUPPORTED_RESPONSE = 11
    SESSION_ESTABLISHMENT_REQUEST = 50
    SESSION_ESTABLISHMENT_RESPONSE = 51
    SESSION_MODIFICATION_REQUEST = 52
    SESSION_MODIFICATION_RESPONSE = 53
    SESSION_DELETION_REQUEST = 54
    SESSION_DELETION_RESPONSE = 55
    SESSION_REPORT_REQUEST = 56
    SESSION_REPORT_RESPONSE = 57


REQUESTS = frozenset(kind for kind in MessageType if kind.name.endswith("_REQUEST"))


class IeType(IntEnum):
    """TS 29.244 table 8.1.2-1, the ones that are used here."""

    CREATE_PDR = 1
    PDI = 2
    CREATE_FAR = 3
    FORWARDING_PARAMETERS = 4
    CREATE_URR = 6
    CREATE_QER = 7
    CREATED_PDR = 8
    UPDATE_PDR = 9
    UPDATE_FAR = 10
    UPDATE_FORWARDING_PARAMETERS = 11
    UPDATE_URR = 13
    UPDATE_QER = 14
    REMOVE_PDR = 15
    REMOVE_FAR = 16
    REMOVE_URR = 17
    REMOVE_QER = 18
    CAUSE = 19
    SOURCE_INTERFACE = 20
    F_TEID = 21
    GATE_STATUS = 25
    MBR = 26
    PRECEDENCE = 29
    VOLUME_THRESHOLD = 31
    TIME_THRESHOLD = 32
    REPORTING_TRIGGERS = 37
    REPORT_TYPE = 39
    OFFENDING_IE = 40
    DESTINATION_INTERFACE = 42
    UP_FUNCTION_FEATURES = 43
    APPLY_ACTION = 44
    DOWNLINK_DATA_SERVICE_INFORMATION = 45
    PFCPSMREQ_FLAGS = 49
    PDR_ID = 56
    F_SEID = 57
    NODE_ID = 60
    MEASUREMENT_METHOD = 62
    USAGE_REPORT_TRIGGER = 63
    MEASUREMENT_PERIOD = 64
    VOLUME_MEASUREMENT = 66
    DURATION_MEASUREMENT = 67
    VOLUME_QUOTA = 73
    TIME_QUOTA = 74
    START_TIME = 75
    END_TIME = 76
    QUERY_URR = 77
    USAGE_REPORT_MODIFICATION = 78
    USAGE_REPORT_DELETION = 79
    USAGE_REPORT_REPORT = 80
    URR_ID = 81
    DOWNLINK_DATA_REPORT = 83
    OUTER_HEADER_CREATION = 84
    UE_IP_ADDRESS = 93
    OUTER_HEADER_REMOVAL = 95
    RECOVERY_TIME_STAMP = 96
    ERROR_INDICATION_REPORT = 99
    UR_SEQN = 104
    FAR_ID = 108
    QER_ID = 109
    ASSOCIATION_RELEASE = 111
    PDN_TYPE = 113
    FAILED_RULE_ID = 114
    QFI = 124
    ETHERNET_PDU_SESSION_INFORMATION = 142
    PFCPSEREQ_FLAGS = 186


GROUPED = frozenset(
    {
        IeType.CREATE_PDR,
        IeType.PDI,
        IeType.CREATE_FAR,
        IeType.FORWARDING_PARAMETERS,
        IeType.CREATE_URR,
        IeType.CREATE_QER,
        IeType.CREATED_PDR,
        IeType.UPDATE_PDR,
        IeType.UPDATE_FAR,
        IeType.UPDATE_FORWARDING_PARAMETERS,
        IeType.UPDATE_URR,
        IeType.UPDATE_QER,
        IeType.REMOVE_PDR,
        IeType.REMOVE_FAR,
        IeType.REMOVE_URR,
        IeType.REMOVE_QER,
        IeType.QUERY_URR,
        IeType.USAGE_REPORT_MODIFICATION,
        IeType.USAGE_REPORT_DELETION,
        IeType.USAGE_REPORT_REPORT,
        IeType.DOWNLINK_DATA_REPORT,
        IeType.ERROR_INDICATION_REPORT,
    }
)


_KNOWN = frozenset(IeType)


class CodecError(ValueError):
    """The octets are not a PFCP message or not the information element that was expected."""


class MissingIe(CodecError):
    """A mandatory information element is not there (clause 7.6.6)."""

    def __init__(self, kind: IeType) -> None:
        super().__init__(f"{kind.name} is missing")
        self.kind = kind


class LengthError(CodecError):
    """An information element is too short for what it must hold (clause 7.6.7)."""

    def __init__(self, kind: int, length: int) -> None:
        name = IeType(kind).name if kind in _KNOWN else f"information element {kind}"
        super().__init__(f"{name} has {length} octets")
        self.kind = kind


class IncorrectIe(CodecError):
    """An information element has a value that it must not have (clause 7.6.8)."""

    def __init__(self, kind: IeType, what: str) -> None:
        super().__init__(f"{kind.name}: {what}")
        self.kind = kind


class BodyError(CodecError):
    """The header is right, what follows is cut short (clause 7.6.3 and 7.6.7); `message` has the header."""

    def __init__(self, message: Message, what: str, kind: int | None = None) -> None:
        super().__init__(what)
        self.message = message
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
        return _HEAD.pack(self.type, len(value)) + value


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
    """Parse one message. BodyError: only its header could be read."""
    if len(data) < 8:
        raise CodecError(f"{len(data)} octets are no PFCP message")
    flags, kind, length = struct.unpack_from("!BBH", data)
    if flags >> 5 != VERSION:
        raise VersionError(f"PFCP version {flags >> 5}")
    if flags & _FLAG_SEID:
        if len(data) < 16:
            raise CodecError(f"{len(data)} octets with a SEID")
        seid, last = struct.unpack_from("!QI", data, 4)
        message, begin = Message(kind, last >> 8, seid), 16
    else:
        (last,) = struct.unpack_from("!I", data, 4)
        message, begin = Message(kind, last >> 8), 8
    end = length + 4
    if not begin <= end <= len(data):
        raise BodyError(message, f"length {length} in {len(data)} octets")
    try:
        message.ies = _decode_ies(data[begin:end], 0)
    except LengthError as error:
        raise BodyError(message, str(error), error.kind) from error
    return message


def _decode_ies(data: bytes, depth: int) -> list[Ie]:
    ies = []
    offset, size = 0, len(data)
    while offset < size:
        if offset + 4 > size:
            raise LengthError(0, size - offset)
        kind, length = _HEAD.unpack_from(data, offset)
        offset += 4
        if offset + length > size:
            raise LengthError(kind, size - offset)
        value = data[offset : offset + length]
        offset += length
        if kind in GROUPED and depth < _MAX_DEPTH:
            ies.append(Ie(kind, children=_decode_ies(value, depth + 1)))
        else:
            ies.append(Ie(kind, value))
    return ies
