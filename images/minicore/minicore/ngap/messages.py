# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of NGAP (TS 38.413 clause 9.2), each with the table of its IEs: field, id, criticality, type.

What a table does not list is not sent; received, it is handled by its criticality (clause 10.3.4).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar

from . import kinds
from .errors import UNSPECIFIED, Cause
from .kinds import Kind
from .values import (
    BitRate,
    CriticalityDiagnostics,
    FiveGSTmsi,
    GlobalGnbId,
    Guami,
    PlmnSupport,
    SecurityCapabilities,
    ServedGuami,
    SessionItem,
    SessionSetup,
    Snssai,
    SupportedTa,
    Tai,
    UeIds,
    UserLocation,
)

REJECT, IGNORE = "reject", "ignore"


class Outcome(enum.IntEnum):
    """The alternatives of NGAP-PDU, in the order of the ASN.1."""

    INITIATING = 0
    SUCCESSFUL = 1
    UNSUCCESSFUL = 2


@dataclass(frozen=True, slots=True)
class Ie:
    """One IE of a message: the field that holds it and how it is sent."""

    field: str
    id: int
    criticality: str
    kind: Kind
    is_mandatory: bool = True
    """A mandatory IE that is missing is an error where its field has no default."""


@dataclass(slots=True)
class Message:
    """Base of all messages."""

    NAME: ClassVar[str]
    PROCEDURE: ClassVar[int]
    OUTCOME: ClassVar[Outcome] = Outcome.INITIATING
    CRITICALITY: ClassVar[str] = REJECT
    IES: ClassVar[tuple[Ie, ...]]


def _ids(criticality: str) -> tuple[Ie, Ie]:
    return (
        Ie("amf_ue_ngap_id", 10, criticality, kinds.AMF_UE_NGAP_ID),
        Ie("ran_ue_ngap_id", 85, criticality, kinds.RAN_UE_NGAP_ID),
    )


_CAUSE = Ie("cause", 15, IGNORE, kinds.CAUSE)
_NAS = Ie("nas", 38, REJECT, kinds.NAS_PDU)
_LOCATION = Ie("location", 121, IGNORE, kinds.USER_LOCATION, is_mandatory=False)
_DIAGNOSTICS = Ie("diagnostics", 19, IGNORE, kinds.CRITICALITY_DIAGNOSTICS, is_mandatory=False)
_CAPABILITIES = Ie("capabilities", 119, REJECT, kinds.UE_SECURITY_CAPABILITIES)
_ALLOWED_NSSAI = Ie("allowed_nssai", 0, REJECT, kinds.ALLOWED_NSSAI)
_UNSUCCESSFUL = "pDUSessionResourceSetupUnsuccessfulTransfer"


@dataclass(slots=True)
class NgSetupRequest(Message):
    """Clause 9.2.6.1."""

    NAME, PROCEDURE = "NGSetupRequest", 21
    IES = (
        Ie("gnb", 27, REJECT, kinds.GLOBAL_RAN_NODE_ID),
        Ie("name", 82, IGNORE, kinds.RAN_NODE_NAME, is_mandatory=False),
        Ie("areas", 102, REJECT, kinds.SUPPORTED_TA_LIST),
        Ie("paging_drx", 21, IGNORE, kinds.PAGING_DRX),
    )
    gnb: GlobalGnbId
    areas: tuple[SupportedTa, ...]
    name: str | None = None
    paging_drx: str = "v128"


@dataclass(slots=True)
class NgSetupResponse(Message):
    """Clause 9.2.6.2."""

    NAME, PROCEDURE, OUTCOME = "NGSetupResponse", 21, Outcome.SUCCESSFUL
    IES = (
        Ie("amf_name", 1, REJECT, kinds.AMF_NAME),
        Ie("guamis", 96, REJECT, kinds.SERVED_GUAMI_LIST),
        Ie("capacity", 86, IGNORE, kinds.RELATIVE_AMF_CAPACITY),
        Ie("plmns", 80, REJECT, kinds.PLMN_SUPPORT_LIST),
        _DIAGNOSTICS,
    )
    amf_name: str
    guamis: tuple[ServedGuami, ...]
    plmns: tuple[PlmnSupport, ...]
    capacity: int = 255
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(slots=True)
class NgSetupFailure(Message):
    """Clause 9.2.6.3."""

    NAME, PROCEDURE, OUTCOME = "NGSetupFailure", 21, Outcome.UNSUCCESSFUL
    IES = (_CAUSE, Ie("time_to_wait", 107, IGNORE, kinds.TIME_TO_WAIT, is_mandatory=False), _DIAGNOSTICS)
    cause: Cause = UNSPECIFIED
    time_to_wait: str | None = None
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(slots=True)
class InitialUeMessage(Message):
    """Clause 9.2.5.1."""

    NAME, PROCEDURE, CRITICALITY = "InitialUEMessage", 15, IGNORE
    IES = (
        Ie("ran_ue_ngap_id", 85, REJECT, kinds.RAN_UE_NGAP_ID),
        _NAS,
        Ie("location", 121, REJECT, kinds.USER_LOCATION),
        Ie("establishment_cause", 90, IGNORE, kinds.RRC_ESTABLISHMENT_CAUSE),
        Ie("tmsi", 26, REJECT, kinds.FIVE_G_S_TMSI, is_mandatory=False),
        Ie("context_requested", 112, IGNORE, kinds.UE_CONTEXT_REQUEST, is_mandatory=False),
        Ie("allowed_nssai", 0, REJECT, kinds.ALLOWED_NSSAI, is_mandatory=False),
    )
    ran_ue_ngap_id: int
    nas: bytes
    location: UserLocation
    establishment_cause: str = "mo-Signalling"
    tmsi: FiveGSTmsi | None = None
    context_requested: bool | None = None
    allowed_nssai: tuple[Snssai, ...] | None = None


@dataclass(slots=True)
class DownlinkNasTransport(Message):
    """Clause 9.2.5.2."""

    NAME, PROCEDURE, CRITICALITY = "DownlinkNASTransport", 4, IGNORE
    IES = (*_ids(REJECT), _NAS)
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    nas: bytes


@dataclass(slots=True)
class UplinkNasTransport(Message):
    """Clause 9.2.5.3."""

    NAME, PROCEDURE, CRITICALITY = "UplinkNASTransport", 46, IGNORE
    IES = (*_ids(REJECT), _NAS, Ie("location", 121, IGNORE, kinds.USER_LOCATION))
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    nas: bytes
    location: UserLocation | None = None


@dataclass(slots=True)
class InitialContextSetupRequest(Message):
    """Clause 9.2.2.1."""

    NAME, PROCEDURE = "InitialContextSetupRequest", 14
    IES = (
        *_ids(REJECT),
        Ie("ambr", 110, REJECT, kinds.UE_AMBR, is_mandatory=False),
        Ie("guami", 28, REJECT, kinds.GUAMI),
        Ie("sessions", 71, REJECT, kinds.SETUP_LIST_CXT_REQ, is_mandatory=False),
        _ALLOWED_NSSAI,
        _CAPABILITIES,
        Ie("security_key", 94, REJECT, kinds.SECURITY_KEY),
        Ie("nas", 38, IGNORE, kinds.NAS_PDU, is_mandatory=False),
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    guami: Guami
    allowed_nssai: tuple[Snssai, ...]
    capabilities: SecurityCapabilities
    security_key: bytes
    """K_gNB, 32 octets."""
    ambr: BitRate | None = None
    """Must be there where `sessions` is."""
    sessions: tuple[SessionSetup, ...] = ()
    nas: bytes | None = None


@dataclass(slots=True)
class InitialContextSetupResponse(Message):
    """Clause 9.2.2.2; transfers: SetupResponseTransfer and SetupUnsuccessfulTransfer."""

    NAME, PROCEDURE, OUTCOME = "InitialContextSetupResponse", 14, Outcome.SUCCESSFUL
    IES = (
        *_ids(IGNORE),
        Ie(
            "sessions",
            72,
            IGNORE,
            kinds.sessions("PDUSessionResourceSetupListCxtRes", "pDUSessionResourceSetupResponseTransfer"),
            is_mandatory=False,
        ),
        Ie(
            "failed",
            55,
            IGNORE,
            kinds.sessions("PDUSessionResourceFailedToSetupListCxtRes", _UNSUCCESSFUL),
            is_mandatory=False,
        ),
        _DIAGNOSTICS,
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    sessions: tuple[SessionItem, ...] = ()
    failed: tuple[SessionItem, ...] = ()
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(slots=True)
class InitialContextSetupFailure(Message):
    """Clause 9.2.2.3."""

    NAME, PROCEDURE, OUTCOME = "InitialContextSetupFailure", 14, Outcome.UNSUCCESSFUL
    IES = (
        *_ids(IGNORE),
        Ie(
            "failed",
            132,
            IGNORE,
            kinds.sessions("PDUSessionResourceFailedToSetupListCxtFail", _UNSUCCESSFUL),
            is_mandatory=False,
        ),
        _CAUSE,
        _DIAGNOSTICS,
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    cause: Cause = UNSPECIFIED
    failed: tuple[SessionItem, ...] = ()
    diagnostics: CriticalityDiagnostics | None = None


_SESSION_IDS = kinds.Kind(
    "PDUSessionResourceListCxtRelReq",
    lambda numbers: [{"pDUSessionID": number} for number in numbers],
    lambda values: tuple([value["pDUSessionID"] for value in values]),
)


@dataclass(slots=True)
class UeContextReleaseRequest(Message):
    """Clause 9.2.2.4."""

    NAME, PROCEDURE, CRITICALITY = "UEContextReleaseRequest", 42, IGNORE
    IES = (*_ids(REJECT), Ie("sessions", 133, REJECT, _SESSION_IDS, is_mandatory=False), _CAUSE)
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    cause: Cause = UNSPECIFIED
    sessions: tuple[int, ...] = ()
    """Ids of the PDU sessions with active user plane."""


@dataclass(slots=True)
class UeContextReleaseCommand(Message):
    """Clause 9.2.2.5."""

    NAME, PROCEDURE = "UEContextReleaseCommand", 41
    IES = (Ie("ids", 114, REJECT, kinds.UE_NGAP_IDS), _CAUSE)
    ids: UeIds
    cause: Cause = UNSPECIFIED


@dataclass(slots=True)
class UeContextReleaseComplete(Message):
    """Clause 9.2.2.6."""

    NAME, PROCEDURE, OUTCOME = "UEContextReleaseComplete", 41, Outcome.SUCCESSFUL
    IES = (
        *_ids(IGNORE),
        _LOCATION,
        Ie(
            "sessions",
            60,
            REJECT,
            kinds.Kind("PDUSessionResourceListCxtRelCpl", _SESSION_IDS.write, _SESSION_IDS.read),
            is_mandatory=False,
        ),
        _DIAGNOSTICS,
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    location: UserLocation | None = None
    sessions: tuple[int, ...] = ()
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(slots=True)
class Paging(Message):
    """Clause 9.2.4.1."""

    NAME, PROCEDURE, CRITICALITY = "Paging", 24, IGNORE
    IES = (
        Ie("tmsi", 115, IGNORE, kinds.PAGING_IDENTITY),
        Ie("paging_drx", 50, IGNORE, kinds.PAGING_DRX, is_mandatory=False),
        Ie("tais", 103, IGNORE, kinds.PAGING_TAI_LIST),
    )
    tmsi: FiveGSTmsi
    tais: tuple[Tai, ...]
    paging_drx: str | None = None


@dataclass(slots=True)
class NgReset(Message):
    """Clause 9.2.6.11."""

    NAME, PROCEDURE = "NGReset", 20
    IES = (_CAUSE, Ie("connections", 88, REJECT, kinds.RESET_TYPE))
    connections: tuple[UeIds, ...] | None
    """None: the whole interface."""
    cause: Cause = UNSPECIFIED


@dataclass(slots=True)
class NgResetAcknowledge(Message):
    """Clause 9.2.6.12."""

    NAME, PROCEDURE, OUTCOME = "NGResetAcknowledge", 20, Outcome.SUCCESSFUL
    IES = (Ie("connections", 111, IGNORE, kinds.CONNECTION_LIST, is_mandatory=False), _DIAGNOSTICS)
    connections: tuple[UeIds, ...] = ()
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(slots=True)
class ErrorIndication(Message):
    """Clause 9.2.6.13; has a cause or diagnostics."""

    NAME, PROCEDURE, CRITICALITY = "ErrorIndication", 9, IGNORE
    IES = (
        Ie("amf_ue_ngap_id", 10, IGNORE, kinds.AMF_UE_NGAP_ID, is_mandatory=False),
        Ie("ran_ue_ngap_id", 85, IGNORE, kinds.RAN_UE_NGAP_ID, is_mandatory=False),
        Ie("cause", 15, IGNORE, kinds.CAUSE, is_mandatory=False),
        _DIAGNOSTICS,
    )
    cause: Cause | None = None
    amf_ue_ngap_id: int | None = None
    ran_ue_ngap_id: int | None = None
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(slots=True)
class AmfStatusIndication(Message):
    """Clause 9.2.6.10."""

    NAME, PROCEDURE, CRITICALITY = "AMFStatusIndication", 1, IGNORE
    IES = (Ie("guamis", 120, REJECT, kinds.UNAVAILABLE_GUAMI_LIST),)
    guamis: tuple[Guami, ...]
