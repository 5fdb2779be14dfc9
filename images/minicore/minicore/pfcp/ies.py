# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Information elements from and to Python values (TS 29.244 clause 8.2; the clause is named at each)."""

from __future__ import annotations

import socket
import struct
from enum import IntEnum, IntFlag
from typing import NamedTuple

from .codec import Ie, IeType, IncorrectIe, LengthError

# Seconds from 1900 to 1970: time stamps are those of NTP.
NTP_EPOCH = 2208988800


class Cause(IntEnum):
    """Clause 8.2.1."""

    ACCEPTED = 1
    REJECTED = 64
    SESSION_CONTEXT_NOT_FOUND = 65
    MANDATORY_IE_MISSING = 66
    CONDITIONAL_IE_MISSING = 67
    INVALID_LENGTH = 68
    MANDATORY_IE_INCORRECT = 69
    NO_ESTABLISHED_ASSOCIATION = 72
    RULE_FAILURE = 73
    NO_RESOURCES = 75
    SERVICE_NOT_SUPPORTED = 76


class Interface(IntEnum):
    """Clauses 8.2.2 and 8.2.24: towards the radio or towards the data network."""

    ACCESS = 0
    CORE = 1


class ApplyAction(IntFlag):
    """Clause 8.2.26."""

    DROP = 1
    FORWARD = 2
    BUFFER = 4
    NOTIFY_CP = 8


class Teid(NamedTuple):
    """One end of a GTP-U tunnel."""

    teid: int
    address: str


class Seid(NamedTuple):
    """One end of a PFCP session."""

    seid: int
    address: str


class PdnType(IntEnum):
    """Clause 8.2.79."""

    IPV4 = 1
    IPV6 = 2
    IPV4V6 = 3
    ETHERNET = 5


class UeAddress(NamedTuple):
    """Addresses of a UE: an IPv4 address, the prefix of a /64 in its 8 octets, or both; empty is none."""

    ipv4: str = ""
    prefix: bytes = b""


# Octet 5 of the UP function's features (clause 8.2.25): it allocates F-TEIDs.
FEATURE_FTUP = 0x10
# Octet 6: it sends End Markers itself.
FEATURE_EMPU = 0x01
# PFCPSMReq-Flags (clause 8.2.28): drop what is buffered, send End Markers to the former tunnel.
DROP_BUFFERED, SEND_END_MARKERS = 0x01, 0x02
# PFCPSEReq-Flags (clause 8.2.137): the session was on this UPF before it restarted.
RESTORATION = 0x01


def group(kind: IeType, *children: Ie) -> Ie:
    return Ie(kind, children=list(children))


def number(kind: IeType, value: int) -> Ie:
    """The elements that are a plain number; their sizes are those of clause 8.2."""
    return Ie(kind, value.to_bytes(_SIZES[kind], "big"))


_SIZES = {
    IeType.CAUSE: 1,
    IeType.SOURCE_INTERFACE: 1,
    IeType.DESTINATION_INTERFACE: 1,
    IeType.OUTER_HEADER_REMOVAL: 1,
    IeType.PRECEDENCE: 4,
    IeType.PDR_ID: 2,
    IeType.FAR_ID: 4,
    IeType.QER_ID: 4,
    IeType.URR_ID: 4,
    IeType.UR_SEQN: 4,
    IeType.QFI: 1,
    IeType.PDN_TYPE: 1,
    IeType.REPORT_TYPE: 1,
    IeType.GATE_STATUS: 1,
    IeType.MEASUREMENT_METHOD: 1,
    IeType.MEASUREMENT_PERIOD: 4,
    IeType.TIME_THRESHOLD: 4,
    IeType.TIME_QUOTA: 4,
    IeType.DURATION_MEASUREMENT: 4,
    IeType.START_TIME: 4,
    IeType.END_TIME: 4,
    IeType.PFCPSMREQ_FLAGS: 1,
    IeType.PFCPSEREQ_FLAGS: 1,
    IeType.ASSOCIATION_RELEASE: 1,
    IeType.ETHERNET_PDU_SESSION_INFORMATION: 1,
    IeType.RECOVERY_TIME_STAMP: 4,
    IeType.OFFENDING_IE: 2,
}


def read_number(ie: Ie) -> int:
    """The number, of which later releases may add octets after it."""
    size = _SIZES[IeType(ie.type)]
    return int.from_bytes(octets(ie, size)[:size], "big")


def octets(ie: Ie, least: int) -> bytes:
    """The value, which has at least so many octets."""
    if len(ie.value) < least:
        raise LengthError(ie.type, len(ie.value))
    return ie.value


def read_interface(ie: Ie) -> Interface:
    value = read_number(ie) & 0x0F
    try:
        return Interface(value)
    except ValueError:
        raise IncorrectIe(IeType(ie.type), f"interface {value}") from None


def node_id(address: str) -> Ie:
    """Clause 8.2.38, type IPv4."""
    return Ie(IeType.NODE_ID, b"\0" + socket.inet_aton(address))


def read_node_id(ie: Ie) -> str:
    if octets(ie, 1)[0] & 0x0F:
        raise IncorrectIe(IeType.NODE_ID, "not an IPv4 address")
    return socket.inet_ntoa(octets(ie, 5)[1:5])


def apply_action(action: ApplyAction) -> Ie:
    """Clause 8.2.26: two octets since release 16."""
    return Ie(IeType.APPLY_ACTION, bytes((action, 0)))


def read_apply_action(ie: Ie) -> ApplyAction:
    return ApplyAction(octets(ie, 1)[0] & 0x0F)


def up_function_features(*first_octets: int) -> Ie:
    """Clause 8.2.25."""
    return Ie(IeType.UP_FUNCTION_FEATURES, bytes(first_octets))


def f_seid(seid: Seid) -> Ie:
    """Clause 8.2.37, IPv4."""
    return Ie(IeType.F_SEID, struct.pack("!BQ", 0x02, seid.seid) + socket.inet_aton(seid.address))


def read_f_seid(ie: Ie) -> Seid:
    if not octets(ie, 1)[0] & 0x02:
        raise IncorrectIe(IeType.F_SEID, "no IPv4 address")
    value = octets(ie, 13)
    return Seid(int.from_bytes(value[1:9], "big"), socket.inet_ntoa(value[9:13]))


def f_teid(teid: Teid | None) -> Ie:
    """Clause 8.2.3, IPv4; None asks the UP function to choose (CH)."""
    if teid is None:
        return Ie(IeType.F_TEID, b"\x05")
    return Ie(IeType.F_TEID, struct.pack("!BI", 0x01, teid.teid) + socket.inet_aton(teid.address))


def read_f_teid(ie: Ie) -> Teid | None:
    flags = octets(ie, 1)[0]
    if flags & 0x04:
        return None
    if not flags & 0x01:
        raise IncorrectIe(IeType.F_TEID, "no IPv4 address")
    value = octets(ie, 9)
    return Teid(int.from_bytes(value[1:5], "big"), socket.inet_ntoa(value[5:9]))


def ue_ip_address(address: UeAddress, destination: bool) -> Ie:
    """Clause 8.2.62: V6 and V4 (flags 1 and 2), S/D = 1 where it is the destination of the packet."""
    flags = (0x02 if address.ipv4 else 0) | (0x01 if address.prefix else 0) | (0x04 if destination else 0)
    value = socket.inet_aton(address.ipv4) if address.ipv4 else b""
    value += address.prefix.ljust(16, b"\0") if address.prefix else b""
    return Ie(IeType.UE_IP_ADDRESS, bytes((flags,)) + value)


def read_ue_ip_address(ie: Ie) -> UeAddress:
    """An IPv6 address stands for its /64, which is the session's (the flag IPv6D is not set then)."""
    flags = octets(ie, 1)[0]
    if not flags & 0x03:
        raise IncorrectIe(IeType.UE_IP_ADDRESS, "no address")
    ipv4, offset = "", 1
    if flags & 0x02:
        ipv4, offset = socket.inet_ntoa(octets(ie, 5)[1:5]), 5
    prefix = octets(ie, offset + 16)[offset : offset + 8] if flags & 0x01 else b""
    return UeAddress(ipv4, prefix)


def outer_header_creation(teid: Teid) -> Ie:
    """Clause 8.2.56: GTP-U/UDP/IPv4."""
    return Ie(IeType.OUTER_HEADER_CREATION, struct.pack("!HI", 0x0100, teid.teid) + socket.inet_aton(teid.address))


def read_outer_header_creation(ie: Ie) -> Teid:
    if not octets(ie, 2)[0] & 0x01:
        raise IncorrectIe(IeType.OUTER_HEADER_CREATION, "not GTP-U/UDP/IPv4")
    value = octets(ie, 10)
    return Teid(int.from_bytes(value[2:6], "big"), socket.inet_ntoa(value[6:10]))
