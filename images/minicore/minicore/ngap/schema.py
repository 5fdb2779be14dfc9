# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ASN.1 types of TS 38.413 clause 9.4 (release 18) that are IEs or transfers here, by their names there."""

from __future__ import annotations

from typing import Any

from .aper import (
    Bits,
    Choice,
    Enumerated,
    Integer,
    NotComprehendedError,
    Octets,
    Printable,
    Sequence,
    SequenceOf,
    Type,
)
from .bits import AperError, Reader, Writer
from .errors import ABSTRACT_SYNTAX_ERROR_REJECT, TRANSFER_SYNTAX_ERROR, NgapError

_PLMN, _TAC = ("pLMNIdentity", Octets(3)), ("tAC", Octets(3))
_TAI = Sequence(_PLMN, _TAC)
_NR_CGI = Sequence(_PLMN, ("nRCellIdentity", Bits(36)))
_EUTRA_CGI = Sequence(_PLMN, ("eUTRACellIdentity", Bits(28)))
_TIME_STAMP = ("timeStamp?", Octets(4))
_ADDRESS = Bits(1, 160, extensible=True)
_TUNNEL = Choice(("gTPTunnel", Sequence(("transportLayerAddress", _ADDRESS), ("gTP-TEID", Octets(4)))))
_SNSSAI = Sequence(("sST", Octets(1)), ("sD?", Octets(3)))
_SLICE = Sequence(("s-NSSAI", _SNSSAI))
_AMF_SET, _AMF_POINTER = ("aMFSetID", Bits(10)), ("aMFPointer", Bits(6))
_GUAMI = Sequence(_PLMN, ("aMFRegionID", Bits(8)), _AMF_SET, _AMF_POINTER)
_S_TMSI = Sequence(_AMF_SET, _AMF_POINTER, ("fiveG-TMSI", Octets(4)))
_AMF_UE_ID, _RAN_UE_ID = Integer(0, 2**40 - 1), Integer(0, 2**32 - 1)
_BACKUP = ("backupAMFName?", Printable(1, 150))
_BIT_RATE = Integer(0, 4_000_000_000_000, extensible=True)
_ALGORITHMS = Bits(16, extensible=True)
_SESSION_ID = ("pDUSessionID", Integer(0, 255))
_CRITICALITY = Enumerated("reject ignore notify", None)
_DRX = Enumerated("v32 v64 v128 v256")
_FLOW_ID = ("qosFlowIdentifier", Integer(0, 63, extensible=True))
_CONNECTION = Sequence(("aMF-UE-NGAP-ID?", _AMF_UE_ID), ("rAN-UE-NGAP-ID?", _RAN_UE_ID))

_RADIO_NETWORK = Enumerated(
    "unspecified txnrelocoverall-expiry successful-handover release-due-to-ngran-generated-reason "
    "release-due-to-5gc-generated-reason handover-cancelled partial-handover "
    "ho-failure-in-target-5GC-ngran-node-or-target-system ho-target-not-allowed tngrelocoverall-expiry "
    "tngrelocprep-expiry cell-not-available unknown-targetID no-radio-resources-available-in-target-cell "
    "unknown-local-UE-NGAP-ID inconsistent-remote-UE-NGAP-ID handover-desirable-for-radio-reason "
    "time-critical-handover resource-optimisation-handover reduce-load-in-serving-cell user-inactivity "
    "radio-connection-with-ue-lost radio-resources-not-available invalid-qos-combination "
    "failure-in-radio-interface-procedure interaction-with-other-procedure unknown-PDU-session-ID "
    "unkown-qos-flow-ID multiple-PDU-session-ID-instances multiple-qos-flow-ID-instances "
    "encryption-and-or-integrity-protection-algorithms-not-supported ng-intra-system-handover-triggered "
    "ng-inter-system-handover-triggered xn-handover-triggered not-supported-5QI-value ue-context-transfer "
    "ims-voice-eps-fallback-or-rat-fallback-triggered up-integrity-protection-not-possible "
    "up-confidentiality-protection-not-possible slice-not-supported ue-in-rrc-inactive-state-not-reachable "
    "redirection resources-not-available-for-the-slice ue-max-integrity-protected-data-rate-reason "
    "release-due-to-cn-detected-mobility",
    "n26-interface-not-available release-due-to-pre-emption multiple-location-reporting-reference-ID-instances "
    "rsn-not-available-for-the-up npn-access-denied cag-only-access-denied insufficient-ue-capabilities "
    "redcap-ue-not-supported unknown-MBS-Session-ID indicated-MBS-session-area-information-not-served-by-the-gNB "
    "inconsistent-slice-info-for-the-session misaligned-association-for-multicast-unicast eredcap-ue-not-supported "
    "two-rx-xr-ue-not-supported",
)
_CAUSE = Choice(
    ("radioNetwork", _RADIO_NETWORK),
    ("transport", Enumerated("transport-resource-unavailable unspecified")),
    (
        "nas",
        Enumerated(
            "normal-release authentication-failure deregister unspecified",
            "uE-not-in-PLMN-serving-area mobile-IAB-not-authorized iAB-not-authorized",
        ),
    ),
    (
        "protocol",
        Enumerated(
            "transfer-syntax-error abstract-syntax-error-reject abstract-syntax-error-ignore-and-notify "
            "message-not-compatible-with-receiver-state semantic-error "
            "abstract-syntax-error-falsely-constructed-message unspecified"
        ),
    ),
    (
        "misc",
        Enumerated(
            "control-processing-overload not-enough-user-plane-processing-resources hardware-failure "
            "om-intervention unknown-PLMN-or-SNPN unspecified"
        ),
    ),
)
_JUST_CAUSE = Sequence(("cause", _CAUSE))
_DIAGNOSED_IE = Sequence(
    ("iECriticality", _CRITICALITY),
    ("iE-ID", Integer(0, 65535)),
    ("typeOfError", Enumerated("not-understood missing")),
)
_DIAGNOSTICS = Sequence(
    ("procedureCode?", Integer(0, 255)),
    ("triggeringMessage?", Enumerated("initiating-message successful-outcome unsuccessful-outcome", None)),
    ("procedureCriticality?", _CRITICALITY),
    ("iEsCriticalityDiagnostics?", SequenceOf(_DIAGNOSED_IE, 1, 256)),
)
_LOCATION = Choice(
    ("userLocationInformationEUTRA", Sequence(("eUTRA-CGI", _EUTRA_CGI), ("tAI", _TAI), _TIME_STAMP)),
    ("userLocationInformationNR", Sequence(("nR-CGI", _NR_CGI), ("tAI", _TAI), _TIME_STAMP)),
    (
        "userLocationInformationN3IWF-with-PortNumber",
        Sequence(("iPAddress", _ADDRESS), ("portNumber", Octets(2))),
    ),
)
_NG_ENB = Choice(
    ("macroNgENB-ID", Bits(20)),
    ("shortMacroNgENB-ID", Bits(18)),
    ("longMacroNgENB-ID", Bits(21)),
)
_RAN_NODE = Choice(
    ("globalGNB-ID", Sequence(_PLMN, ("gNB-ID", Choice(("gNB-ID", Bits(22, 32)))))),
    ("globalNgENB-ID", Sequence(_PLMN, ("ngENB-ID", _NG_ENB))),
    ("globalN3IWF-ID", Sequence(_PLMN, ("n3IWF-ID", Choice(("n3IWF-ID", Bits(16)))))),
)
_BROADCAST_PLMN = Sequence(_PLMN, ("tAISliceSupportList", SequenceOf(_SLICE, 1, 1024)))
_SUPPORTED_TA = Sequence(_TAC, ("broadcastPLMNList", SequenceOf(_BROADCAST_PLMN, 1, 12)))
_PLMN_SUPPORT = Sequence(_PLMN, ("sliceSupportList", SequenceOf(_SLICE, 1, 1024)))
_UNAVAILABLE = Sequence(("gUAMI", _GUAMI), ("timerApproachForGUAMIRemoval?", Enumerated("apply-timer")), _BACKUP)


def _bit_rates(prefix: str) -> Sequence:
    return Sequence((f"{prefix}DL", _BIT_RATE), (f"{prefix}UL", _BIT_RATE))


def _setup_list(nas: str) -> SequenceOf:
    item = Sequence(
        _SESSION_ID,
        (f"{nas}?", Octets()),
        ("s-NSSAI", _SNSSAI),
        ("pDUSessionResourceSetupRequestTransfer", Octets()),
    )
    return SequenceOf(item, 1, 256)


def _sessions(transfer: str) -> SequenceOf:
    return SequenceOf(Sequence(_SESSION_ID, (transfer, Octets())), 1, 256)


_SECURITY_RESULT = Sequence(
    ("integrityProtectionResult", Enumerated("performed not-performed")),
    ("confidentialityProtectionResult", Enumerated("performed not-performed")),
)
_SECURITY_INDICATION = Sequence(
    ("integrityProtectionIndication", Enumerated("required preferred not-needed")),
    ("confidentialityProtectionIndication", Enumerated("required preferred not-needed")),
    ("maximumIntegrityProtectedDataRate-UL?", Enumerated("bitrate64kbs maximum-UE-rate")),
)
_MAPPED_FLOW = Sequence(_FLOW_ID, ("qosFlowMappingIndication?", Enumerated("ul dl")))
_TUNNEL_OF_FLOWS = Sequence(
    ("uPTransportLayerInformation", _TUNNEL), ("associatedQosFlowList", SequenceOf(_MAPPED_FLOW, 1, 64))
)
_FAILED_FLOW = Sequence(_FLOW_ID, ("cause", _CAUSE))
_LEVEL, _WINDOW, _LOSS = (Integer(low, high, extensible=True) for low, high in ((1, 127), (0, 4095), (0, 1000)))
_FIVE_QI = Integer(0, 255, extensible=True)
_ERROR_DIGIT = Integer(0, 9, extensible=True)
_BURST = (("averagingWindow?", _WINDOW), ("maximumDataBurstVolume?", _WINDOW))
_QOS = Choice(
    ("nonDynamic5QI", Sequence(("fiveQI", _FIVE_QI), ("priorityLevelQos?", _LEVEL), *_BURST)),
    (
        "dynamic5QI",
        Sequence(
            ("priorityLevelQos", _LEVEL),
            ("packetDelayBudget", Integer(0, 1023, extensible=True)),
            ("packetErrorRate", Sequence(("pERScalar", _ERROR_DIGIT), ("pERExponent", _ERROR_DIGIT))),
            ("fiveQI?", _FIVE_QI),
            ("delayCritical?", Enumerated("delay-critical non-delay-critical")),
            *_BURST,
        ),
    ),
)
_PRIORITY = Sequence(
    ("priorityLevelARP", Integer(1, 15)),
    ("pre-emptionCapability", Enumerated("shall-not-trigger-pre-emption may-trigger-pre-emption")),
    ("pre-emptionVulnerability", Enumerated("not-pre-emptable pre-emptable")),
)
_GUARANTEED = Sequence(
    ("maximumFlowBitRateDL", _BIT_RATE),
    ("maximumFlowBitRateUL", _BIT_RATE),
    ("guaranteedFlowBitRateDL", _BIT_RATE),
    ("guaranteedFlowBitRateUL", _BIT_RATE),
    ("notificationControl?", Enumerated("notification-requested")),
    ("maximumPacketLossRateDL?", _LOSS),
    ("maximumPacketLossRateUL?", _LOSS),
)
_QOS_FLOW = Sequence(
    _FLOW_ID,
    (
        "qosFlowLevelQosParameters",
        Sequence(
            ("qosCharacteristics", _QOS),
            ("allocationAndRetentionPriority", _PRIORITY),
            ("gBR-QosInformation?", _GUARANTEED),
            ("reflectiveQosAttribute?", Enumerated("subject-to")),
            ("additionalQosFlowInformation?", Enumerated("more-likely")),
        ),
    ),
    ("e-RAB-ID?", Integer(0, 15, extensible=True)),
)

TYPES: dict[str, Type] = {
    "AMF-UE-NGAP-ID": _AMF_UE_ID,
    "AMFName": Printable(1, 150),
    "AllowedNSSAI": SequenceOf(_SLICE, 1, 8),
    "Cause": _CAUSE,
    "CriticalityDiagnostics": _DIAGNOSTICS,
    "FiveG-S-TMSI": _S_TMSI,
    "GUAMI": _GUAMI,
    "GlobalRANNodeID": _RAN_NODE,
    "NAS-PDU": Octets(),
    "PDUSessionAggregateMaximumBitRate": _bit_rates("pDUSessionAggregateMaximumBitRate"),
    "PDUSessionResourceFailedToModifyListModRes": _sessions("pDUSessionResourceModifyUnsuccessfulTransfer"),
    "PDUSessionResourceFailedToSetupListCxtFail": _sessions("pDUSessionResourceSetupUnsuccessfulTransfer"),
    "PDUSessionResourceFailedToSetupListCxtRes": _sessions("pDUSessionResourceSetupUnsuccessfulTransfer"),
    "PDUSessionResourceFailedToSetupListPSReq": _sessions("pathSwitchRequestSetupFailedTransfer"),
    "PDUSessionResourceFailedToSetupListSURes": _sessions("pDUSessionResourceSetupUnsuccessfulTransfer"),
    "PDUSessionResourceListCxtRelCpl": SequenceOf(Sequence(_SESSION_ID), 1, 256),
    "PDUSessionResourceListCxtRelReq": SequenceOf(Sequence(_SESSION_ID), 1, 256),
    "PDUSessionResourceModifyListModReq": SequenceOf(
        Sequence(_SESSION_ID, ("nAS-PDU?", Octets()), ("pDUSessionResourceModifyRequestTransfer", Octets())), 1, 256
    ),
    "PDUSessionResourceModifyListModRes": _sessions("pDUSessionResourceModifyResponseTransfer"),
    "PDUSessionResourceModifyResponseTransfer": Sequence(
        ("dL-NGU-UP-TNLInformation?", _TUNNEL),
        ("uL-NGU-UP-TNLInformation?", _TUNNEL),
        ("qosFlowAddOrModifyResponseList?", SequenceOf(Sequence(_FLOW_ID), 1, 64)),
        (
            "additionalDLQosFlowPerTNLInformation?",
            SequenceOf(Sequence(("qosFlowPerTNLInformation", _TUNNEL_OF_FLOWS)), 1, 3),
        ),
        ("qosFlowFailedToAddOrModifyList?", SequenceOf(_FAILED_FLOW, 1, 64)),
    ),
    "PDUSessionResourceModifyUnsuccessfulTransfer": Sequence(
        ("cause", _CAUSE), ("criticalityDiagnostics?", _DIAGNOSTICS)
    ),
    "PDUSessionResourceReleaseCommandTransfer": _JUST_CAUSE,
    "PDUSessionResourceReleaseResponseTransfer": Sequence(),
    "PDUSessionResourceReleasedListPSAck": _sessions("pathSwitchRequestUnsuccessfulTransfer"),
    "PDUSessionResourceReleasedListPSFail": _sessions("pathSwitchRequestUnsuccessfulTransfer"),
    "PDUSessionResourceReleasedListRelRes": _sessions("pDUSessionResourceReleaseResponseTransfer"),
    "PDUSessionResourceSetupListCxtReq": _setup_list("nAS-PDU"),
    "PDUSessionResourceSetupListCxtRes": _sessions("pDUSessionResourceSetupResponseTransfer"),
    "PDUSessionResourceSetupListSUReq": _setup_list("pDUSessionNAS-PDU"),
    "PDUSessionResourceSetupListSURes": _sessions("pDUSessionResourceSetupResponseTransfer"),
    "PDUSessionResourceSetupResponseTransfer": Sequence(
        ("dLQosFlowPerTNLInformation", _TUNNEL_OF_FLOWS),
        (
            "additionalDLQosFlowPerTNLInformation?",
            SequenceOf(Sequence(("qosFlowPerTNLInformation", _TUNNEL_OF_FLOWS)), 1, 3),
        ),
        ("securityResult?", _SECURITY_RESULT),
        ("qosFlowFailedToSetupList?", SequenceOf(_FAILED_FLOW, 1, 64)),
    ),
    "PDUSessionResourceSetupUnsuccessfulTransfer": Sequence(
        ("cause", _CAUSE), ("criticalityDiagnostics?", _DIAGNOSTICS)
    ),
    "PDUSessionResourceSwitchedList": _sessions("pathSwitchRequestAcknowledgeTransfer"),
    "PDUSessionResourceToBeSwitchedDLList": _sessions("pathSwitchRequestTransfer"),
    "PDUSessionResourceToReleaseListRelCmd": _sessions("pDUSessionResourceReleaseCommandTransfer"),
    "PDUSessionType": Enumerated("ipv4 ipv6 ipv4v6 ethernet unstructured"),
    "PLMNSupportList": SequenceOf(_PLMN_SUPPORT, 1, 12),
    "PagingDRX": _DRX,
    "PathSwitchRequestAcknowledgeTransfer": Sequence(
        ("uL-NGU-UP-TNLInformation?", _TUNNEL), ("securityIndication?", _SECURITY_INDICATION)
    ),
    "PathSwitchRequestSetupFailedTransfer": _JUST_CAUSE,
    "PathSwitchRequestTransfer": Sequence(
        ("dL-NGU-UP-TNLInformation", _TUNNEL),
        ("dL-NGU-TNLInformationReused?", Enumerated("true")),
        (
            "userPlaneSecurityInformation?",
            Sequence(("securityResult", _SECURITY_RESULT), ("securityIndication", _SECURITY_INDICATION)),
        ),
        ("qosFlowAcceptedList", SequenceOf(Sequence(_FLOW_ID), 1, 64)),
    ),
    "PathSwitchRequestUnsuccessfulTransfer": _JUST_CAUSE,
    "QosFlowSetupRequestList": SequenceOf(_QOS_FLOW, 1, 64),
    "RAN-UE-NGAP-ID": _RAN_UE_ID,
    "RANNodeName": Printable(1, 150),
    "RRCEstablishmentCause": Enumerated(
        "emergency highPriorityAccess mt-Access mo-Signalling mo-Data mo-VoiceCall mo-VideoCall mo-SMS "
        "mps-PriorityAccess mcs-PriorityAccess",
        "notAvailable mo-ExceptionData",
    ),
    "RelativeAMFCapacity": Integer(0, 255),
    "ResetType": Choice(
        ("nG-Interface", Enumerated("reset-all")), ("partOfNG-Interface", SequenceOf(_CONNECTION, 1, 65536))
    ),
    "SecurityContext": Sequence(("nextHopChainingCount", Integer(0, 7)), ("nextHopNH", Bits(256))),
    "SecurityKey": Bits(256),
    "ServedGUAMIList": SequenceOf(Sequence(("gUAMI", _GUAMI), _BACKUP), 1, 256),
    "SupportedTAList": SequenceOf(_SUPPORTED_TA, 1, 256),
    "TAIListForPaging": SequenceOf(Sequence(("tAI", _TAI)), 1, 16),
    "TimeToWait": Enumerated("v1s v2s v5s v10s v20s v60s"),
    "UE-NGAP-IDs": Choice(
        ("uE-NGAP-ID-pair", Sequence(("aMF-UE-NGAP-ID", _AMF_UE_ID), ("rAN-UE-NGAP-ID", _RAN_UE_ID))),
        ("aMF-UE-NGAP-ID", _AMF_UE_ID),
    ),
    "UE-associatedLogicalNG-connectionList": SequenceOf(_CONNECTION, 1, 65536),
    "UEAggregateMaximumBitRate": _bit_rates("uEAggregateMaximumBitRate"),
    "UEContextRequest": Enumerated("requested"),
    "UEPagingIdentity": Choice(("fiveG-S-TMSI", _S_TMSI)),
    "UESecurityCapabilities": Sequence(
        ("nRencryptionAlgorithms", _ALGORITHMS),
        ("nRintegrityProtectionAlgorithms", _ALGORITHMS),
        ("eUTRAencryptionAlgorithms", _ALGORITHMS),
        ("eUTRAintegrityProtectionAlgorithms", _ALGORITHMS),
    ),
    "UL-NGU-UP-TNLModifyList": SequenceOf(
        Sequence(("uL-NGU-UP-TNLInformation", _TUNNEL), ("dL-NGU-UP-TNLInformation", _TUNNEL)), 1, 4
    ),
    "UPTransportLayerInformation": _TUNNEL,
    "UnavailableGUAMIList": SequenceOf(_UNAVAILABLE, 1, 256),
    "UserLocationInformation": _LOCATION,
}


def write(name: str, value: Any) -> bytes:
    """Encode a value of a type; ValueError where the type does not have it."""
    writer = Writer()
    try:
        TYPES[name].write(writer, value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return writer.finish()


def read(name: str, data: bytes) -> Any:
    """Decode a value of a type; NgapError for what it does not have, octets after its end too."""
    reader = Reader(data)
    try:
        value = TYPES[name].read(reader)
        reader.finish()
    except AperError as error:
        raise NgapError(TRANSFER_SYNTAX_ERROR, f"{name}: {error}") from error
    except NotComprehendedError as error:
        raise NgapError(ABSTRACT_SYNTAX_ERROR_REJECT, f"{name}: {error}") from error
    return value
