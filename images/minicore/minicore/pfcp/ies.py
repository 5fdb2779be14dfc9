# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Information elements from and to Python values (TS 29.244 clause 8.2; the clause is named at each)."""

from __future__ import annotations

import socket
import struct
from enum import IntEnum, IntFlag
from typing import NamedTuple

from .codec import CodecError, Ie, IeType

# Seconds from 1900 to 1970: time stamps are those of NTP.
NTP_EPOCH = 2208988800


class Cause(IntEnum):
    """Clause 8.2.1."""

    ACCEPTED = 1
    REJECTED = 64
    SESSION_CONTEXT_NOT_FOUND = 65
    MANDATORY_IE_MISSING = 66
    MANDATORY_IE_INCORRECT = 69
    NO_ESTABLISHED_ASSOCIATION = 72
    RULE_FAILURE = 73


class Interface(IntEnum):
    """Clauses 8.2.2 and 8.2.24: towards the radio or towards the data network."""

    ACCESS = 0
    CORE = 1


class ApplyAction(IntFlag):
    """Clause 8.2.26."""

    DROP = 1
    FORWARD = 2
    BUFFER = 4


class Teid(NamedTuple):
    """One end of a GTP-U tunnel."""

    teid: int
    address: str


class Seid(NamedTuple):
    """One end of a PFCP session."""

    seid: int
    address: str


# F-TEID allocation by the UP function: octet 5 bit 5 (clause 8.2.25).
FEATURE_FTUP = 0x10


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
    IeType.RECOVERY_TIME_STAMP: 4,
    IeType.OFFENDING_IE: 2,
}


def read_number(ie: Ie) -> int:
    """The number, of which later releases may add octets after it."""
    size = _SIZES[IeType(ie.type)]
    if len(ie.value) < size:
        raise CodecError(f"{IeType(ie.type).name} has {len(ie.value)} octets")
    return int.from_bytes(ie.value[:size], "big")


def node_id(address: str) -> Ie:
    """Clause 8.2.38, type IPv4."""
    return Ie(IeType.NODE_ID, b"\0" + socket.inet_aton(address))


def read_node_id(ie: Ie) -> str:
    if len(ie.value) != 5 or ie.value[0] & 0x0F:
        raise CodecError("Node ID is not an IPv4 address")
    return socket.inet_ntoa(ie.value[1:])


def apply_action(action: ApplyAction) -> Ie:
    """Clause 8.2.26: two octets since release 16."""
    return Ie(IeType.APPLY_ACTION, bytes((action, 0)))


def read_apply_action(ie: Ie) -> ApplyAction:
    if not ie.value:
        raise CodecError("Apply Action is empty")
    return ApplyAction(ie.value[0] & 0x07)


def up_function_features(first_octet: int) -> Ie:
    """Clause 8.2.25."""
    return Ie(IeType.UP_FUNCTION_FEATURES, bytes((first_octet, 0)))


def f_seid(seid: Seid) -> Ie:
    """Clause 8.2.37, IPv4."""
    return Ie(IeType.F_SEID, struct.pack("!BQ", 0x02, seid.seid) + socket.inet_aton(seid.address))


def read_f_seid(ie: Ie) -> Seid:
    if len(ie.value) < 13 or not ie.value[0] & 0x02:
        raise CodecError("F-SEID without IPv4 address")
    return Seid(int.from_bytes(ie.value[1:9], "big"), socket.inet_ntoa(ie.value[9:13]))


def f_teid(teid: Teid | None) -> Ie:
    """Clause 8.2.3, IPv4; None asks the UP function to choose (CH)."""
    if teid is None:
        return Ie(IeType.F_TEID, b"\x05")
    return Ie(IeType.F_TEID, struct.pack("!BI", 0x01, teid.teid) + socket.inet_aton(teid.address))


def read_f_teid(ie: Ie) -> Teid | None:
    if ie.value and ie.value[0] & 0x04:
        return None
    if len(ie.value) < 9 or not ie.value[0] & 0x01:
        raise CodecError("F-TEID without IPv4 address")
    return Teid(int.from_bytes(ie.value[1:5], "big"), socket.inet_ntoa(ie.value[5:9]))


def ue_ip_address(address: str, destination: bool) -> Ie:
    """Clause 8.2.62: V4, and S/D = 1 where it is the destination of the packet."""
    return Ie(IeType.UE_IP_ADDRESS, bytes((0x02 | (0x04 if destination else 0),)) + socket.inet_aton(address))


def read_ue_ip_address(ie: Ie) -> str:
    if len(ie.value) < 5 or not ie.value[0] & 0x02:
        raise CodecError("UE IP Address without IPv4 address")
    return socket.inet_ntoa(ie.value[1:5])


def outer_header_creation(teid: Teid) -> Ie:
    """Clause 8.2.56: GTP-U/UDP/IPv4."""
    return Ie(IeType.OUTER_HEADER_CREATION, struct.pack("!HI", 0x0100, teid.teid) + socket.inet_aton(teid.address))


def read_outer_header_creation(ie: Ie) -> Teid:
    if len(ie.value) < 10 or not ie.value[0] & 0x01:
        raise CodecError("Outer Header Creation is not GTP-U/UDP/IPv4")
    return Teid(int.from_bytes(ie.value[2:6], "big"), socket.inet_ntoa(ie.value[6:10]))
