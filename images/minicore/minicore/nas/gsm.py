# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of 5GS session management (TS 24.501 clause 8.3): the elements that this core and its UEs use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from .ie import Bits, Half, Lv, Lve, Tlv, Tlve, Tv, V
from .message import SmMessage, message
from .qos import AMBR, PDU_ADDRESS, QOS_FLOWS, QOS_RULES, PduAddress, QosFlow, QosRule, SessionAmbr
from .slice import SLICE, SNssai
from .values import DNN, FLAGS, TIMER_2, TIMER_3, UINT8, octets

_DATA_RATE: Final = octets(2, 2)
_FULL_RATE: Final = b"\xff\xff"
_PROTOCOL_OPTIONS: Final = octets(1, 65535)
"""Extended protocol configuration options (TS 24.008 clause 10.5.6.3A) are passed through."""


@message(193)
@dataclass(slots=True, kw_only=True)
class PduSessionEstablishmentRequest(SmMessage):
    """Clause 8.3.1. `maximum_rate`: integrity protected data rate, uplink and downlink (0xFF: full)."""

    maximum_rate: Annotated[bytes, V(2, _DATA_RATE)] = _FULL_RATE
    session_type: Annotated[int | None, Half(0x90, UINT8)] = None
    ssc_mode: Annotated[int | None, Half(0xA0, UINT8)] = None
    sm_capability: Annotated[bytes | None, Tlv(0x28, FLAGS)] = None
    maximum_filters: Annotated[bytes | None, Tv(0x55, 2, FLAGS)] = None
    always_on: Annotated[int | None, Half(0xB0, UINT8)] = None
    dn_request: Annotated[bytes | None, Tlv(0x39, FLAGS)] = None
    protocol_options: Annotated[bytes | None, Tlve(0x7B, _PROTOCOL_OPTIONS)] = None


@message(194)
@dataclass(slots=True, kw_only=True)
class PduSessionEstablishmentAccept(SmMessage):
    """Clause 8.3.2."""

    ssc_mode: Annotated[int, Bits(4, 3)] = 1
    session_type: Annotated[int, Bits(0, 3)]
    qos_rules: Annotated[tuple[QosRule, ...], Lve(QOS_RULES)]
    ambr: Annotated[SessionAmbr, Lv(AMBR)]
    cause: Annotated[int | None, Tv(0x59, 1, UINT8)] = None
    address: Annotated[PduAddress | None, Tlv(0x29, PDU_ADDRESS)] = None
    reflective_qos_timer_s: Annotated[int | None, Tv(0x56, 1, TIMER_2)] = None
    slice: Annotated[SNssai | None, Tlv(0x22, SLICE)] = None
    always_on: Annotated[int | None, Half(0x80, UINT8)] = None
    qos_flows: Annotated[tuple[QosFlow, ...] | None, Tlve(0x79, QOS_FLOWS)] = None
    protocol_options: Annotated[bytes | None, Tlve(0x7B, _PROTOCOL_OPTIONS)] = None
    dnn: Annotated[str | None, Tlv(0x25, DNN)] = None


@message(195)
@dataclass(slots=True, kw_only=True)
class PduSessionEstablishmentReject(SmMessage):
    """Clause 8.3.3."""

    cause: Annotated[int, V(1, UINT8)]
    back_off_s: Annotated[int | None, Tlv(0x37, TIMER_3)] = None
    protocol_options: Annotated[bytes | None, Tlve(0x7B, _PROTOCOL_OPTIONS)] = None


@message(209)
@dataclass(slots=True, kw_only=True)
class PduSessionReleaseRequest(SmMessage):
    """Clause 8.3.12."""

    cause: Annotated[int | None, Tv(0x59, 1, UINT8)] = None
    protocol_options: Annotated[bytes | None, Tlve(0x7B, _PROTOCOL_OPTIONS)] = None


@message(210)
@dataclass(slots=True, kw_only=True)
class PduSessionReleaseReject(SmMessage):
    """Clause 8.3.13."""

    cause: Annotated[int, V(1, UINT8)]
    protocol_options: Annotated[bytes | None, Tlve(0x7B, _PROTOCOL_OPTIONS)] = None


@message(211)
@dataclass(slots=True, kw_only=True)
class PduSessionReleaseCommand(SmMessage):
    """Clause 8.3.14."""

    cause: Annotated[int, V(1, UINT8)]
    back_off_s: Annotated[int | None, Tlv(0x37, TIMER_3)] = None
    protocol_options: Annotated[bytes | None, Tlve(0x7B, _PROTOCOL_OPTIONS)] = None


@message(212)
@dataclass(slots=True, kw_only=True)
class PduSessionReleaseComplete(SmMessage):
    """Clause 8.3.15."""

    cause: Annotated[int | None, Tv(0x59, 1, UINT8)] = None
    protocol_options: Annotated[bytes | None, Tlve(0x7B, _PROTOCOL_OPTIONS)] = None


@message(214)
@dataclass(slots=True, kw_only=True)
class SmStatus(SmMessage):
    """5GSM status, clause 8.3.16."""

    cause: Annotated[int, V(1, UINT8)]
