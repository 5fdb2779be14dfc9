# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ASN.1 of the transfers (TS 38.413 clause 9.4.5, release 18) for the encoding of `per`.

The SMF reads and writes these only: without pycrate's modules it has 22 MB less memory to move.
"""

from __future__ import annotations

from .per import BitString, Choice, Enumerated, Fields, Integer, ListOf, Octets, Record, SingleField, Type

_EXTENSIONS = ("iE-Extensions?", Fields({}, 1))
_OTHER = ("choice-Extensions", SingleField())
_RATE = Integer(0, 4_000_000_000_000, extensible=True)

_TUNNEL = Choice(
    (
        "gTPTunnel",
        Record(("transportLayerAddress", BitString(1, 160)), ("gTP-TEID", Octets(4)), _EXTENSIONS),
    ),
    _OTHER,
)
_QFI = ("qosFlowIdentifier", Integer(0, 63, extensible=True))
_FIVE_QI = Integer(0, 255, extensible=True)
_PRIORITY = Integer(1, 127, extensible=True)
_WINDOW = ("averagingWindow?", Integer(0, 4095, extensible=True))
_BURST = ("maximumDataBurstVolume?", Integer(0, 4095, extensible=True))
_ERROR_DIGIT = Integer(0, 9, extensible=True)
_LOSS = Integer(0, 1000, extensible=True)

_CHARACTERISTICS = Choice(
    (
        "nonDynamic5QI",
        Record(("fiveQI", _FIVE_QI), ("priorityLevelQos?", _PRIORITY), _WINDOW, _BURST, _EXTENSIONS),
    ),
    (
        "dynamic5QI",
        Record(
            ("priorityLevelQos", _PRIORITY),
            ("packetDelayBudget", Integer(0, 1023, extensible=True)),
            ("packetErrorRate", Record(("pERScalar", _ERROR_DIGIT), ("pERExponent", _ERROR_DIGIT), _EXTENSIONS)),
            ("fiveQI?", _FIVE_QI),
            ("delayCritical?", Enumerated(("delay-critical", "non-delay-critical"))),
            _WINDOW,
            _BURST,
            _EXTENSIONS,
        ),
    ),
    _OTHER,
)
_RETENTION = Record(
    ("priorityLevelARP", Integer(1, 15)),
    ("pre-emptionCapability", Enumerated(("shall-not-trigger-pre-emption", "may-trigger-pre-emption"))),
    ("pre-emptionVulnerability", Enumerated(("not-pre-emptable", "pre-emptable"))),
    _EXTENSIONS,
)
_GUARANTEED = Record(
    ("maximumFlowBitRateDL", _RATE),
    ("maximumFlowBitRateUL", _RATE),
    ("guaranteedFlowBitRateDL", _RATE),
    ("guaranteedFlowBitRateUL", _RATE),
    ("notificationControl?", Enumerated(("notification-requested",))),
    ("maximumPacketLossRateDL?", _LOSS),
    ("maximumPacketLossRateUL?", _LOSS),
    _EXTENSIONS,
)
_FLOWS = ListOf(
    Record(
        _QFI,
        (
            "qosFlowLevelQosParameters",
            Record(
                ("qosCharacteristics", _CHARACTERISTICS),
                ("allocationAndRetentionPriority", _RETENTION),
                ("gBR-QosInformation?", _GUARANTEED),
                ("reflectiveQosAttribute?", Enumerated(("subject-to",))),
                ("additionalQosFlowInformation?", Enumerated(("more-likely",))),
                _EXTENSIONS,
            ),
        ),
        ("e-RAB-ID?", Integer(0, 15, extensible=True)),
        _EXTENSIONS,
    ),
    1,
    64,
)

_RADIO_NETWORK = Enumerated(
    (
        "unspecified",
        "txnrelocoverall-expiry",
        "successful-handover",
        "release-due-to-ngran-generated-reason",
        "release-due-to-5gc-generated-reason",
        "handover-cancelled",
        "partial-handover",
        "ho-failure-in-target-5GC-ngran-node-or-target-system",
        "ho-target-not-allowed",
        "tngrelocoverall-expiry",
        "tngrelocprep-expiry",
        "cell-not-available",
        "unknown-targetID",
        "no-radio-resources-available-in-target-cell",
        "unknown-local-UE-NGAP-ID",
        "inconsistent-remote-UE-NGAP-ID",
        "handover-desirable-for-radio-reason",
        "time-critical-handover",
        "resource-optimisation-handover",
        "reduce-load-in-serving-cell",
        "user-inactivity",
        "radio-connection-with-ue-lost",
        "radio-resources-not-available",
        "invalid-qos-combination",
        "failure-in-radio-interface-procedure",
        "interaction-with-other-procedure",
        "unknown-PDU-session-ID",
        "unkown-qos-flow-ID",
        "multiple-PDU-session-ID-instances",
        "multiple-qos-flow-ID-instances",
        "encryption-and-or-integrity-protection-algorithms-not-supported",
        "ng-intra-system-handover-triggered",
        "ng-inter-system-handover-triggered",
        "xn-handover-triggered",
        "not-supported-5QI-value",
        "ue-context-transfer",
        "ims-voice-eps-fallback-or-rat-fallback-triggered",
        "up-integrity-protection-not-possible",
        "up-confidentiality-protection-not-possible",
        "slice-not-supported",
        "ue-in-rrc-inactive-state-not-reachable",
        "redirection",
        "resources-not-available-for-the-slice",
        "ue-max-integrity-protected-data-rate-reason",
        "release-due-to-cn-detected-mobility",
    ),
    (
        "n26-interface-not-available",
        "release-due-to-pre-emption",
        "multiple-location-reporting-reference-ID-instances",
        "rsn-not-available-for-the-up",
        "npn-access-denied",
        "cag-only-access-denied",
        "insufficient-ue-capabilities",
        "redcap-ue-not-supported",
        "unknown-MBS-Session-ID",
        "indicated-MBS-session-area-information-not-served-by-the-gNB",
        "inconsistent-slice-info-for-the-session",
        "misaligned-association-for-multicast-unicast",
        "eredcap-ue-not-supported",
        "two-rx-xr-ue-not-supported",
    ),
)
_CAUSE = Choice(
    ("radioNetwork", _RADIO_NETWORK),
    ("transport", Enumerated(("transport-resource-unavailable", "unspecified"))),
    (
        "nas",
        Enumerated(
            ("normal-release", "authentication-failure", "deregister", "unspecified"),
            ("uE-not-in-PLMN-serving-area", "mobile-IAB-not-authorized", "iAB-not-authorized"),
        ),
    ),
    (
        "protocol",
        Enumerated(
            (
                "transfer-syntax-error",
                "abstract-syntax-error-reject",
                "abstract-syntax-error-ignore-and-notify",
                "message-not-compatible-with-receiver-state",
                "semantic-error",
                "abstract-syntax-error-falsely-constructed-message",
                "unspecified",
            )
        ),
    ),
    (
        "misc",
        Enumerated(
            (
                "control-processing-overload",
                "not-enough-user-plane-processing-resources",
                "hardware-failure",
                "om-intervention",
                "unknown-PLMN-or-SNPN",
                "unspecified",
            )
        ),
    ),
    _OTHER,
)

_FLOW_TUNNEL = Record(
    ("uPTransportLayerInformation", _TUNNEL),
    (
        "associatedQosFlowList",
        ListOf(Record(_QFI, ("qosFlowMappingIndication?", Enumerated(("ul", "dl"))), _EXTENSIONS), 1, 64),
    ),
    _EXTENSIONS,
)
_PROTECTION = Enumerated(("performed", "not-performed"))
_WANTED = Enumerated(("required", "preferred", "not-needed"))
_SECURITY_RESULT = Record(
    ("integrityProtectionResult", _PROTECTION), ("confidentialityProtectionResult", _PROTECTION), _EXTENSIONS
)
_SECURITY_INDICATION = Record(
    ("integrityProtectionIndication", _WANTED),
    ("confidentialityProtectionIndication", _WANTED),
    ("maximumIntegrityProtectedDataRate-UL?", Enumerated(("bitrate64kbs", "maximum-UE-rate"))),
    _EXTENSIONS,
)
_CRITICALITY = Enumerated(("reject", "ignore", "notify"), None)
_DIAGNOSTICS = Record(
    ("procedureCode?", Integer(0, 255)),
    ("triggeringMessage?", Enumerated(("initiating-message", "successful-outcome", "unsuccessful-outcome"), None)),
    ("procedureCriticality?", _CRITICALITY),
    (
        "iEsCriticalityDiagnostics?",
        ListOf(
            Record(
                ("iECriticality", _CRITICALITY),
                ("iE-ID", Integer(0, 65535)),
                ("typeOfError", Enumerated(("not-understood", "missing"))),
                _EXTENSIONS,
            ),
            1,
            256,
        ),
    ),
    _EXTENSIONS,
)
_CAUSE_ALONE = Record(("cause", _CAUSE), _EXTENSIONS)

TRANSFERS: dict[str, Type] = {
    "PDUSessionResourceSetupRequestTransfer": Record(
        (
            "protocolIEs",
            Fields(
                {
                    130: (
                        "PDUSessionAggregateMaximumBitRate",
                        Record(
                            ("pDUSessionAggregateMaximumBitRateDL", _RATE),
                            ("pDUSessionAggregateMaximumBitRateUL", _RATE),
                            _EXTENSIONS,
                        ),
                    ),
                    134: ("PDUSessionType", Enumerated(("ipv4", "ipv6", "ipv4v6", "ethernet", "unstructured"))),
                    136: ("QosFlowSetupRequestList", _FLOWS),
                    139: ("UPTransportLayerInformation", _TUNNEL),
                },
                0,
            ),
        )
    ),
    "PDUSessionResourceSetupResponseTransfer": Record(
        ("dLQosFlowPerTNLInformation", _FLOW_TUNNEL),
        (
            "additionalDLQosFlowPerTNLInformation?",
            ListOf(Record(("qosFlowPerTNLInformation", _FLOW_TUNNEL), _EXTENSIONS), 1, 3),
        ),
        ("securityResult?", _SECURITY_RESULT),
        ("qosFlowFailedToSetupList?", ListOf(Record(_QFI, ("cause", _CAUSE), _EXTENSIONS), 1, 64)),
        _EXTENSIONS,
    ),
    "PathSwitchRequestTransfer": Record(
        ("dL-NGU-UP-TNLInformation", _TUNNEL),
        ("dL-NGU-TNLInformationReused?", Enumerated(("true",))),
        (
            "userPlaneSecurityInformation?",
            Record(("securityResult", _SECURITY_RESULT), ("securityIndication", _SECURITY_INDICATION), _EXTENSIONS),
        ),
        ("qosFlowAcceptedList", ListOf(Record(_QFI, _EXTENSIONS), 1, 64)),
        _EXTENSIONS,
    ),
    "PathSwitchRequestAcknowledgeTransfer": Record(
        ("uL-NGU-UP-TNLInformation?", _TUNNEL), ("securityIndication?", _SECURITY_INDICATION), _EXTENSIONS
    ),
    "PDUSessionResourceSetupUnsuccessfulTransfer": Record(
        ("cause", _CAUSE), ("criticalityDiagnostics?", _DIAGNOSTICS), _EXTENSIONS
    ),
    "PDUSessionResourceReleaseCommandTransfer": _CAUSE_ALONE,
    "PDUSessionResourceReleaseResponseTransfer": Record(_EXTENSIONS),
    "PathSwitchRequestSetupFailedTransfer": _CAUSE_ALONE,
    "PathSwitchRequestUnsuccessfulTransfer": _CAUSE_ALONE,
}
"""By the name of the ASN.1."""
