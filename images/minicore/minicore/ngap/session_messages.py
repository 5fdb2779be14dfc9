# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of NGAP about PDU session resources (TS 38.413 clause 9.2.1) and the path switch (clause 9.2.3)."""

from __future__ import annotations

from dataclasses import dataclass

from . import kinds
from .messages import IGNORE, REJECT, Ie, Message, Outcome
from .values import (
    BitRate,
    CriticalityDiagnostics,
    SecurityCapabilities,
    SecurityContext,
    SessionItem,
    SessionSetup,
    Snssai,
    UserLocation,
)


def _list(field: str, number: int, criticality: str, name: str, transfer: str, *, is_mandatory: bool = False) -> Ie:
    return Ie(field, number, criticality, kinds.sessions(name, transfer), is_mandatory)


_REQUEST_IDS = (
    Ie("amf_ue_ngap_id", 10, REJECT, kinds.AMF_UE_NGAP_ID),
    Ie("ran_ue_ngap_id", 85, REJECT, kinds.RAN_UE_NGAP_ID),
)
_RESPONSE_IDS = (
    Ie("amf_ue_ngap_id", 10, IGNORE, kinds.AMF_UE_NGAP_ID),
    Ie("ran_ue_ngap_id", 85, IGNORE, kinds.RAN_UE_NGAP_ID),
)
_DIAGNOSTICS = Ie("diagnostics", 19, IGNORE, kinds.CRITICALITY_DIAGNOSTICS, is_mandatory=False)
_LOCATION = Ie("location", 121, IGNORE, kinds.USER_LOCATION, is_mandatory=False)


@dataclass(slots=True)
class PduSessionResourceSetupRequest(Message):
    """Clause 9.2.1.1; transfers: SetupRequestTransfer."""

    NAME, PROCEDURE = "PDUSessionResourceSetupRequest", 29
    IES = (
        *_REQUEST_IDS,
        Ie("nas", 38, REJECT, kinds.NAS_PDU, is_mandatory=False),
        Ie("sessions", 74, REJECT, kinds.SETUP_LIST_SU_REQ),
        Ie("ambr", 110, IGNORE, kinds.UE_AMBR, is_mandatory=False),
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    sessions: tuple[SessionSetup, ...]
    nas: bytes | None = None
    ambr: BitRate | None = None


@dataclass(slots=True)
class PduSessionResourceSetupResponse(Message):
    """Clause 9.2.1.2; transfers: SetupResponseTransfer and SetupUnsuccessfulTransfer."""

    NAME, PROCEDURE, OUTCOME = "PDUSessionResourceSetupResponse", 29, Outcome.SUCCESSFUL
    IES = (
        *_RESPONSE_IDS,
        _list("sessions", 75, IGNORE, "PDUSessionResourceSetupListSURes", "pDUSessionResourceSetupResponseTransfer"),
        _list(
            "failed",
            58,
            IGNORE,
            "PDUSessionResourceFailedToSetupListSURes",
            "pDUSessionResourceSetupUnsuccessfulTransfer",
        ),
        _DIAGNOSTICS,
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    sessions: tuple[SessionItem, ...] = ()
    failed: tuple[SessionItem, ...] = ()
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(slots=True)
class PduSessionResourceModifyRequest(Message):
    """Clause 9.2.1.5; transfers: ModifyRequestTransfer."""

    NAME, PROCEDURE = "PDUSessionResourceModifyRequest", 26
    IES = (
        *_REQUEST_IDS,
        _list(
            "sessions",
            64,
            REJECT,
            "PDUSessionResourceModifyListModReq",
            "pDUSessionResourceModifyRequestTransfer",
            is_mandatory=True,
        ),
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    sessions: tuple[SessionItem, ...]


@dataclass(slots=True)
class PduSessionResourceModifyResponse(Message):
    """Clause 9.2.1.6; transfers: ModifyResponseTransfer and ModifyUnsuccessfulTransfer."""

    NAME, PROCEDURE, OUTCOME = "PDUSessionResourceModifyResponse", 26, Outcome.SUCCESSFUL
    IES = (
        *_RESPONSE_IDS,
        _list("sessions", 65, IGNORE, "PDUSessionResourceModifyListModRes", "pDUSessionResourceModifyResponseTransfer"),
        _list(
            "failed",
            54,
            IGNORE,
            "PDUSessionResourceFailedToModifyListModRes",
            "pDUSessionResourceModifyUnsuccessfulTransfer",
        ),
        _LOCATION,
        _DIAGNOSTICS,
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    sessions: tuple[SessionItem, ...] = ()
    failed: tuple[SessionItem, ...] = ()
    location: UserLocation | None = None
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(slots=True)
class PduSessionResourceReleaseCommand(Message):
    """Clause 9.2.1.3; transfers: ReleaseCommandTransfer."""

    NAME, PROCEDURE = "PDUSessionResourceReleaseCommand", 28
    IES = (
        *_REQUEST_IDS,
        Ie("nas", 38, IGNORE, kinds.NAS_PDU, is_mandatory=False),
        _list(
            "sessions",
            79,
            REJECT,
            "PDUSessionResourceToReleaseListRelCmd",
            "pDUSessionResourceReleaseCommandTransfer",
            is_mandatory=True,
        ),
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    sessions: tuple[SessionItem, ...]
    nas: bytes | None = None


@dataclass(slots=True)
class PduSessionResourceReleaseResponse(Message):
    """Clause 9.2.1.4; transfers: ReleaseResponseTransfer."""

    NAME, PROCEDURE, OUTCOME = "PDUSessionResourceReleaseResponse", 28, Outcome.SUCCESSFUL
    IES = (
        *_RESPONSE_IDS,
        _list(
            "sessions",
            70,
            IGNORE,
            "PDUSessionResourceReleasedListRelRes",
            "pDUSessionResourceReleaseResponseTransfer",
            is_mandatory=True,
        ),
        _LOCATION,
        _DIAGNOSTICS,
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    sessions: tuple[SessionItem, ...] = ()
    location: UserLocation | None = None
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(slots=True)
class PathSwitchRequest(Message):
    """Clause 9.2.3.8; transfers: PathSwitchRequestTransfer, of `failed` SwitchSetupFailedTransfer.

    `amf_ue_ngap_id` is what the source gNB had.
    """

    NAME, PROCEDURE = "PathSwitchRequest", 25
    IES = (
        Ie("ran_ue_ngap_id", 85, REJECT, kinds.RAN_UE_NGAP_ID),
        Ie("amf_ue_ngap_id", 100, REJECT, kinds.AMF_UE_NGAP_ID),
        Ie("location", 121, IGNORE, kinds.USER_LOCATION),
        Ie("capabilities", 119, IGNORE, kinds.UE_SECURITY_CAPABILITIES),
        _list(
            "sessions",
            76,
            REJECT,
            "PDUSessionResourceToBeSwitchedDLList",
            "pathSwitchRequestTransfer",
            is_mandatory=True,
        ),
        _list("failed", 57, IGNORE, "PDUSessionResourceFailedToSetupListPSReq", "pathSwitchRequestSetupFailedTransfer"),
    )
    ran_ue_ngap_id: int
    amf_ue_ngap_id: int
    sessions: tuple[SessionItem, ...]
    location: UserLocation | None = None
    capabilities: SecurityCapabilities | None = None
    failed: tuple[SessionItem, ...] = ()


@dataclass(slots=True)
class PathSwitchRequestAcknowledge(Message):
    """Clause 9.2.3.9; transfers: PathSwitchAcknowledgeTransfer, of `released` SwitchUnsuccessfulTransfer."""

    NAME, PROCEDURE, OUTCOME = "PathSwitchRequestAcknowledge", 25, Outcome.SUCCESSFUL
    IES = (
        *_RESPONSE_IDS,
        Ie("capabilities", 119, REJECT, kinds.UE_SECURITY_CAPABILITIES, is_mandatory=False),
        Ie("security_context", 93, REJECT, kinds.SECURITY_CONTEXT),
        _list(
            "sessions",
            77,
            IGNORE,
            "PDUSessionResourceSwitchedList",
            "pathSwitchRequestAcknowledgeTransfer",
            is_mandatory=True,
        ),
        _list("released", 68, IGNORE, "PDUSessionResourceReleasedListPSAck", "pathSwitchRequestUnsuccessfulTransfer"),
        Ie("allowed_nssai", 0, REJECT, kinds.ALLOWED_NSSAI),
        _DIAGNOSTICS,
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    security_context: SecurityContext
    allowed_nssai: tuple[Snssai, ...]
    sessions: tuple[SessionItem, ...] = ()
    released: tuple[SessionItem, ...] = ()
    capabilities: SecurityCapabilities | None = None
    diagnostics: CriticalityDiagnostics | None = None


@dataclass(slots=True)
class PathSwitchRequestFailure(Message):
    """Clause 9.2.3.10; transfers: SwitchUnsuccessfulTransfer."""

    NAME, PROCEDURE, OUTCOME = "PathSwitchRequestFailure", 25, Outcome.UNSUCCESSFUL
    IES = (
        *_RESPONSE_IDS,
        _list(
            "released",
            69,
            IGNORE,
            "PDUSessionResourceReleasedListPSFail",
            "pathSwitchRequestUnsuccessfulTransfer",
            is_mandatory=True,
        ),
        _DIAGNOSTICS,
    )
    amf_ue_ngap_id: int
    ran_ue_ngap_id: int
    released: tuple[SessionItem, ...] = ()
    diagnostics: CriticalityDiagnostics | None = None
