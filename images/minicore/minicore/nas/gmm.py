# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of 5GS mobility management (TS 24.501 clause 8.2): the elements that this core and its UEs use.

Elements that are left out are skipped when a message is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Final

from .capability import ALGORITHMS, SECURITY_CAPABILITY, Algorithms, SecurityCapability
from .causes import MmCause
from .identity import GUTI, IDENTITY, PEI, S_TMSI, Guti5g, Identity, Pei, STmsi
from .ie import RAW, Bits, Half, Lv, Lve, NasDecodeError, Tlv, Tlve, Tv, V
from .message import MmMessage, message
from .slice import REJECTED_SLICES, SLICE, SLICES, RejectedSlice, SNssai
from .values import DNN, FLAGS, PLMN_LIST, SESSION_CAUSES, SESSIONS, TAI, TAI_LIST, TIMER_2, TIMER_3, UINT8, Tai, octets

NO_KEY: Final = 7
"""ngKSI: no key is available (table 9.11.3.32.1)."""

_AUTN: Final = octets(16, 16)
_AUTS: Final = octets(14, 14)
_RES: Final = octets(4, 16)
_ABBA: Final = octets(2, 255)
_CONTAINER: Final = octets(1, 65535)


class RegistrationType(IntEnum):
    """5GS registration type (table 9.11.3.7.1)."""

    INITIAL = 1
    MOBILITY = 2
    PERIODIC = 3
    EMERGENCY = 4


class ServiceType(IntEnum):
    """Service type (table 9.11.3.50.1)."""

    SIGNALLING = 0
    DATA = 1
    MOBILE_TERMINATED = 2
    EMERGENCY = 3
    EMERGENCY_FALLBACK = 4
    HIGH_PRIORITY = 5


class RequestType(IntEnum):
    """Request type of a PDU session (table 9.11.3.47.1)."""

    INITIAL = 1
    EXISTING = 2
    INITIAL_EMERGENCY = 3
    EXISTING_EMERGENCY = 4
    MODIFICATION = 5


class PayloadType(IntEnum):
    """Payload container type (table 9.11.3.40.1)."""

    N1_SM = 1
    SMS = 2


@message(65)
@dataclass(slots=True, kw_only=True)
class RegistrationRequest(MmMessage):
    """Clause 8.2.6. Attributes: `follow_on` is the follow-on request; `nas_container` a whole initial message."""

    ngksi: Annotated[int, Bits(4, 4)] = NO_KEY
    follow_on: Annotated[bool, Bits(3, 1, bool)] = False
    registration_type: Annotated[int, Bits(0, 3)]
    identity: Annotated[Identity, Lve(IDENTITY)]
    mm_capability: Annotated[bytes | None, Tlv(0x10, FLAGS)] = None
    security_capability: Annotated[SecurityCapability | None, Tlv(0x2E, SECURITY_CAPABILITY)] = None
    requested_slices: Annotated[tuple[SNssai, ...] | None, Tlv(0x2F, SLICES)] = None
    last_tai: Annotated[Tai | None, Tv(0x52, 6, TAI)] = None
    uplink_data: Annotated[frozenset[int] | None, Tlv(0x40, SESSIONS)] = None
    sessions: Annotated[frozenset[int] | None, Tlv(0x50, SESSIONS)] = None
    mico: Annotated[int | None, Half(0xB0, UINT8)] = None
    ue_status: Annotated[bytes | None, Tlv(0x2B, FLAGS)] = None
    additional_guti: Annotated[Guti5g | None, Tlve(0x77, GUTI)] = None
    allowed_sessions: Annotated[frozenset[int] | None, Tlv(0x25, SESSIONS)] = None
    drx: Annotated[bytes | None, Tlv(0x51, FLAGS)] = None
    eps_nas_container: Annotated[bytes | None, Tlve(0x70, _CONTAINER)] = None
    update_type: Annotated[bytes | None, Tlv(0x53, FLAGS)] = None
    nas_container: Annotated[bytes | None, Tlve(0x71, _CONTAINER)] = None


@message(66)
@dataclass(slots=True, kw_only=True)
class RegistrationAccept(MmMessage):
    """Clause 8.2.7. `result`: 1 for 3GPP access, 8 more where SMS over NAS is allowed (table 9.11.3.6.1)."""

    result: Annotated[int, Lv(UINT8)] = 1
    guti: Annotated[Guti5g | None, Tlve(0x77, GUTI)] = None
    equivalent_plmns: Annotated[tuple[str, ...] | None, Tlv(0x4A, PLMN_LIST)] = None
    tais: Annotated[tuple[Tai, ...] | None, Tlv(0x54, TAI_LIST)] = None
    allowed_slices: Annotated[tuple[SNssai, ...] | None, Tlv(0x15, SLICES)] = None
    rejected_slices: Annotated[tuple[RejectedSlice, ...] | None, Tlv(0x11, REJECTED_SLICES)] = None
    configured_slices: Annotated[tuple[SNssai, ...] | None, Tlv(0x31, SLICES)] = None
    network_features: Annotated[bytes | None, Tlv(0x21, FLAGS)] = None
    sessions: Annotated[frozenset[int] | None, Tlv(0x50, SESSIONS)] = None
    reactivation_result: Annotated[frozenset[int] | None, Tlv(0x26, SESSIONS)] = None
    reactivation_causes: Annotated[tuple[tuple[int, int], ...] | None, Tlve(0x72, SESSION_CAUSES)] = None
    mico: Annotated[int | None, Half(0xB0, UINT8)] = None
    t3512_s: Annotated[int | None, Tlv(0x5E, TIMER_3)] = None
    t3502_s: Annotated[int | None, Tlv(0x16, TIMER_2)] = None
    drx: Annotated[bytes | None, Tlv(0x51, FLAGS)] = None


@message(67)
@dataclass(slots=True, kw_only=True)
class RegistrationComplete(MmMessage):
    """Clause 8.2.8."""


@message(68)
@dataclass(slots=True, kw_only=True)
class RegistrationReject(MmMessage):
    """Clause 8.2.9."""

    cause: Annotated[int, V(1, UINT8)]
    t3346_s: Annotated[int | None, Tlv(0x5F, TIMER_2)] = None
    t3502_s: Annotated[int | None, Tlv(0x16, TIMER_2)] = None
    rejected_slices: Annotated[tuple[RejectedSlice, ...] | None, Tlv(0x69, REJECTED_SLICES)] = None


@message(69)
@dataclass(slots=True, kw_only=True)
class DeregistrationRequest(MmMessage):
    """Clause 8.2.12, from the UE. `access`: 1 3GPP, 2 non-3GPP, 3 both (table 9.11.3.20.1)."""

    ngksi: Annotated[int, Bits(4, 4)]
    switch_off: Annotated[bool, Bits(3, 1, bool)] = False
    access: Annotated[int, Bits(0, 2)] = 1
    identity: Annotated[Identity, Lve(IDENTITY)]


@message(70)
@dataclass(slots=True, kw_only=True)
class DeregistrationAccept(MmMessage):
    """Clause 8.2.13, to a UE that asked."""


@message(71)
@dataclass(slots=True, kw_only=True)
class NetworkDeregistrationRequest(MmMessage):
    """Clause 8.2.14, from the network."""

    reregistration: Annotated[bool, Bits(2, 1, bool)] = False
    access: Annotated[int, Bits(0, 2)] = 1
    cause: Annotated[int | None, Tv(0x58, 1, UINT8)] = None
    t3346_s: Annotated[int | None, Tlv(0x5F, TIMER_2)] = None


@message(72)
@dataclass(slots=True, kw_only=True)
class NetworkDeregistrationAccept(MmMessage):
    """Clause 8.2.15, from a UE that the network deregisters."""


@message(76)
@dataclass(slots=True, kw_only=True)
class ServiceRequest(MmMessage):
    """Clause 8.2.16."""

    service_type: Annotated[int, Bits(4, 4)]
    ngksi: Annotated[int, Bits(0, 4)]
    s_tmsi: Annotated[STmsi, Lve(S_TMSI)]
    uplink_data: Annotated[frozenset[int] | None, Tlv(0x40, SESSIONS)] = None
    sessions: Annotated[frozenset[int] | None, Tlv(0x50, SESSIONS)] = None
    allowed_sessions: Annotated[frozenset[int] | None, Tlv(0x25, SESSIONS)] = None
    nas_container: Annotated[bytes | None, Tlve(0x71, _CONTAINER)] = None


@message(77)
@dataclass(slots=True, kw_only=True)
class ServiceReject(MmMessage):
    """Clause 8.2.18."""

    cause: Annotated[int, V(1, UINT8)]
    sessions: Annotated[frozenset[int] | None, Tlv(0x50, SESSIONS)] = None
    t3346_s: Annotated[int | None, Tlv(0x5F, TIMER_2)] = None


@message(78)
@dataclass(slots=True, kw_only=True)
class ServiceAccept(MmMessage):
    """Clause 8.2.17."""

    sessions: Annotated[frozenset[int] | None, Tlv(0x50, SESSIONS)] = None
    reactivation_result: Annotated[frozenset[int] | None, Tlv(0x26, SESSIONS)] = None
    reactivation_causes: Annotated[tuple[tuple[int, int], ...] | None, Tlve(0x72, SESSION_CAUSES)] = None


@message(84)
@dataclass(slots=True, kw_only=True)
class ConfigurationUpdateCommand(MmMessage):
    """Clause 8.2.19. `indication`: 1 acknowledgement requested, 2 registration requested (table 9.11.3.18.1)."""

    indication: Annotated[int | None, Half(0xD0, UINT8)] = None
    guti: Annotated[Guti5g | None, Tlve(0x77, GUTI)] = None
    tais: Annotated[tuple[Tai, ...] | None, Tlv(0x54, TAI_LIST)] = None
    allowed_slices: Annotated[tuple[SNssai, ...] | None, Tlv(0x15, SLICES)] = None
    configured_slices: Annotated[tuple[SNssai, ...] | None, Tlv(0x31, SLICES)] = None
    rejected_slices: Annotated[tuple[RejectedSlice, ...] | None, Tlv(0x11, REJECTED_SLICES)] = None


@message(85)
@dataclass(slots=True, kw_only=True)
class ConfigurationUpdateComplete(MmMessage):
    """Clause 8.2.20."""


@message(86)
@dataclass(slots=True, kw_only=True)
class AuthenticationRequest(MmMessage):
    """Clause 8.2.1."""

    ngksi: Annotated[int, Bits(0, 4)] = 0
    abba: Annotated[bytes, Lv(_ABBA)] = b"\0\0"
    rand: Annotated[bytes | None, Tv(0x21, 16, RAW)] = None
    autn: Annotated[bytes | None, Tlv(0x20, _AUTN)] = None


@message(87)
@dataclass(slots=True, kw_only=True)
class AuthenticationResponse(MmMessage):
    """Clause 8.2.2."""

    res_star: Annotated[bytes | None, Tlv(0x2D, _RES)] = None


@message(88)
@dataclass(slots=True, kw_only=True)
class AuthenticationReject(MmMessage):
    """Clause 8.2.5."""


@message(89)
@dataclass(slots=True, kw_only=True)
class AuthenticationFailure(MmMessage):
    """Clause 8.2.4; AUTS goes with cause #21."""

    cause: Annotated[int, V(1, UINT8)]
    auts: Annotated[bytes | None, Tlv(0x30, _AUTS)] = None

    def check(self) -> None:
        if self.cause == MmCause.SYNCH_FAILURE and self.auts is None:
            raise NasDecodeError(MmCause.CONDITIONAL_IE_ERROR, "AuthenticationFailure: there is no AUTS")


@message(91)
@dataclass(slots=True, kw_only=True)
class IdentityRequest(MmMessage):
    """Clause 8.2.21."""

    identity_type: Annotated[int, Bits(0, 3)] = 1


@message(92)
@dataclass(slots=True, kw_only=True)
class IdentityResponse(MmMessage):
    """Clause 8.2.22."""

    identity: Annotated[Identity, Lve(IDENTITY)]


@message(93)
@dataclass(slots=True, kw_only=True)
class SecurityModeCommand(MmMessage):
    """Clause 8.2.25.

    `imeisv_request` 1: the UE shall send its IMEISV. `additional` 2: it shall send the whole initial message again
    (RINMR, table 9.11.3.12.1).
    """

    algorithms: Annotated[Algorithms, V(1, ALGORITHMS)]
    ngksi: Annotated[int, Bits(0, 4)]
    security_capability: Annotated[SecurityCapability, Lv(SECURITY_CAPABILITY)]
    imeisv_request: Annotated[int | None, Half(0xE0, UINT8)] = None
    additional: Annotated[int | None, Tlv(0x36, UINT8)] = None
    abba: Annotated[bytes | None, Tlv(0x38, _ABBA)] = None


@message(94)
@dataclass(slots=True, kw_only=True)
class SecurityModeComplete(MmMessage):
    """Clause 8.2.26; the container holds the whole initial message."""

    imeisv: Annotated[Pei | None, Tlve(0x77, PEI)] = None
    nas_container: Annotated[bytes | None, Tlve(0x71, _CONTAINER)] = None


@message(95)
@dataclass(slots=True, kw_only=True)
class SecurityModeReject(MmMessage):
    """Clause 8.2.27."""

    cause: Annotated[int, V(1, UINT8)]


@message(100)
@dataclass(slots=True, kw_only=True)
class MmStatus(MmMessage):
    """5GMM status, clause 8.2.29."""

    cause: Annotated[int, V(1, UINT8)]


@message(103)
@dataclass(slots=True, kw_only=True)
class UlNasTransport(MmMessage):
    """Clause 8.2.10."""

    payload_type: Annotated[int, Bits(0, 4)] = PayloadType.N1_SM
    payload: Annotated[bytes, Lve(_CONTAINER)] = b""
    pdu_session_id: Annotated[int | None, Tv(0x12, 1, UINT8)] = None
    old_pdu_session_id: Annotated[int | None, Tv(0x59, 1, UINT8)] = None
    request_type: Annotated[int | None, Half(0x80, UINT8)] = None
    slice: Annotated[SNssai | None, Tlv(0x22, SLICE)] = None
    dnn: Annotated[str | None, Tlv(0x25, DNN)] = None

    def check(self) -> None:
        if self.payload_type == PayloadType.N1_SM and self.pdu_session_id is None:
            raise NasDecodeError(MmCause.CONDITIONAL_IE_ERROR, "UlNasTransport: there is no PDU session ID")


@message(104)
@dataclass(slots=True, kw_only=True)
class DlNasTransport(MmMessage):
    """Clause 8.2.11; `cause` tells the UE that its payload was not forwarded."""

    payload_type: Annotated[int, Bits(0, 4)] = PayloadType.N1_SM
    payload: Annotated[bytes, Lve(_CONTAINER)] = b""
    pdu_session_id: Annotated[int | None, Tv(0x12, 1, UINT8)] = None
    cause: Annotated[int | None, Tv(0x58, 1, UINT8)] = None
    back_off_s: Annotated[int | None, Tlv(0x37, TIMER_3)] = None
