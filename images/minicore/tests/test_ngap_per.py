# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our aligned PER of the transfers against pycrate's."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from minicore.ngap import NgapError, asn1, per
from minicore.ngap.transfer_types import TRANSFERS
from minicore.ngap.transfers import SetupRequestTransfer, SetupResponseTransfer
from minicore.ngap.values import BitRate, QosFlow, Tunnel

TUNNEL = ("gTPTunnel", {"transportLayerAddress": (0x0A000023, 32), "gTP-TEID": b"\1\2\3\4"})
TUNNEL_6 = ("gTPTunnel", {"transportLayerAddress": (1 << 127 | 5, 128), "gTP-TEID": b"\xff\0\xff\0"})
ARP = {
    "priorityLevelARP": 15,
    "pre-emptionCapability": "may-trigger-pre-emption",
    "pre-emptionVulnerability": "not-pre-emptable",
}
FLOWS: list[dict[str, Any]] = [
    {
        "qosFlowIdentifier": 63,
        "qosFlowLevelQosParameters": {
            "qosCharacteristics": (
                "nonDynamic5QI",
                {"fiveQI": 255, "priorityLevelQos": 127, "averagingWindow": 4095, "maximumDataBurstVolume": 1},
            ),
            "allocationAndRetentionPriority": ARP,
            "gBR-QosInformation": {
                "maximumFlowBitRateDL": 0,
                "maximumFlowBitRateUL": 255,
                "guaranteedFlowBitRateDL": 4_000_000_000_000,
                "guaranteedFlowBitRateUL": 65536,
                "notificationControl": "notification-requested",
                "maximumPacketLossRateDL": 1000,
            },
            "reflectiveQosAttribute": "subject-to",
            "additionalQosFlowInformation": "more-likely",
        },
        "e-RAB-ID": 15,
    },
    {
        "qosFlowIdentifier": 0,
        "qosFlowLevelQosParameters": {
            "qosCharacteristics": (
                "dynamic5QI",
                {
                    "priorityLevelQos": 1,
                    "packetDelayBudget": 1023,
                    "packetErrorRate": {"pERScalar": 9, "pERExponent": 0},
                    "fiveQI": 0,
                    "delayCritical": "non-delay-critical",
                },
            ),
            "allocationAndRetentionPriority": ARP,
        },
    },
]


def field(number: int, name: str, value: Any) -> dict[str, Any]:
    return {"id": number, "criticality": "reject", "value": (name, value)}


RATES = {"pDUSessionAggregateMaximumBitRateDL": 10**9, "pDUSessionAggregateMaximumBitRateUL": 1}
RESULT = {"integrityProtectionResult": "performed", "confidentialityProtectionResult": "not-performed"}
INDICATION = {
    "integrityProtectionIndication": "required",
    "confidentialityProtectionIndication": "not-needed",
    "maximumIntegrityProtectedDataRate-UL": "maximum-UE-rate",
}
FLOW_TUNNEL = {
    "uPTransportLayerInformation": TUNNEL,
    "associatedQosFlowList": [
        {"qosFlowIdentifier": 5, "qosFlowMappingIndication": "dl"},
        {"qosFlowIdentifier": 9},
    ],
}
VALUES: list[tuple[str, Any]] = [
    (
        "PDUSessionResourceSetupRequestTransfer",
        {
            "protocolIEs": [
                field(130, "PDUSessionAggregateMaximumBitRate", RATES),
                field(139, "UPTransportLayerInformation", TUNNEL_6),
                field(134, "PDUSessionType", "unstructured"),
                field(136, "QosFlowSetupRequestList", FLOWS * 20),
            ]
        },
    ),
    ("PDUSessionResourceSetupResponseTransfer", {"dLQosFlowPerTNLInformation": FLOW_TUNNEL}),
    (
        "PDUSessionResourceSetupResponseTransfer",
        {
            "dLQosFlowPerTNLInformation": FLOW_TUNNEL,
            "additionalDLQosFlowPerTNLInformation": [{"qosFlowPerTNLInformation": FLOW_TUNNEL}] * 3,
            "securityResult": RESULT,
            "qosFlowFailedToSetupList": [
                {"qosFlowIdentifier": 1, "cause": ("radioNetwork", "release-due-to-cn-detected-mobility")}
            ],
        },
    ),
    (
        "PathSwitchRequestTransfer",
        {
            "dL-NGU-UP-TNLInformation": TUNNEL,
            "dL-NGU-TNLInformationReused": "true",
            "userPlaneSecurityInformation": {"securityResult": RESULT, "securityIndication": INDICATION},
            "qosFlowAcceptedList": [{"qosFlowIdentifier": 1}],
        },
    ),
    ("PathSwitchRequestAcknowledgeTransfer", {}),
    (
        "PathSwitchRequestAcknowledgeTransfer",
        {"uL-NGU-UP-TNLInformation": TUNNEL, "securityIndication": INDICATION},
    ),
    (
        "PDUSessionResourceSetupUnsuccessfulTransfer",
        {
            "cause": ("protocol", "semantic-error"),
            "criticalityDiagnostics": {
                "procedureCode": 255,
                "triggeringMessage": "unsuccessful-outcome",
                "procedureCriticality": "notify",
                "iEsCriticalityDiagnostics": [{"iECriticality": "ignore", "iE-ID": 65535, "typeOfError": "missing"}],
            },
        },
    ),
    ("PDUSessionResourceReleaseCommandTransfer", {"cause": ("nas", "normal-release")}),
    ("PDUSessionResourceReleaseCommandTransfer", {"cause": ("radioNetwork", "npn-access-denied")}),
    ("PDUSessionResourceReleaseResponseTransfer", {}),
    ("PathSwitchRequestSetupFailedTransfer", {"cause": ("transport", "unspecified")}),
    ("PathSwitchRequestUnsuccessfulTransfer", {"cause": ("misc", "om-intervention")}),
]


def test_the_types_are_all_that_the_transfers_use() -> None:
    assert {name for name, _ in VALUES} == set(TRANSFERS)


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_octets_are_those_of_the_oracle(name: str, value: Any) -> None:
    data = asn1.write(asn1.transfer(name), value)
    assert per.encode(TRANSFERS[name], value) == data
    assert per.decode(TRANSFERS[name], data) == value == asn1.read(asn1.transfer(name), data)


@pytest.mark.parametrize("group", ["radioNetwork", "transport", "nas", "protocol", "misc"])
def test_all_causes(group: str) -> None:
    name = "PDUSessionResourceReleaseCommandTransfer"
    names = asn1.transfer("Cause")._cont[group]
    for cause in [*names._root, *names._ext]:
        value = {"cause": (group, cause)}
        data = asn1.write(asn1.transfer(name), value)
        assert per.encode(TRANSFERS[name], value) == data
        assert per.decode(TRANSFERS[name], data) == value


def test_extensions_of_later_releases_are_skipped() -> None:
    """iE-Extensions, and a component after the extension marker, which pycrate writes as it is told to."""
    response = VALUES[1][1]
    extended = {
        **response,
        "iE-Extensions": [{"id": 154, "criticality": "ignore", "extensionValue": ("_unk_004", b"\1\2\3")}],
    }
    name = "PDUSessionResourceSetupResponseTransfer"
    data = asn1.write(asn1.transfer(name), extended)
    found = per.decode(TRANSFERS[name], data)
    assert found.pop("iE-Extensions") == [{"id": 154, "criticality": "ignore", "value": ("", b"\1\2\3")}]
    assert found == response
    # An unknown IE of a setup request, and a sequence of a later release with two additions.
    out = per.Writer()
    out.bits(1, 1)
    out.bits(0, 1)  # no iE-Extensions
    out.bits(1, 7)  # two additions (clause 11.6), of which the second is there
    out.bits(0b01, 2)
    out.content(b"later")
    assert per.decode(TRANSFERS["PDUSessionResourceReleaseResponseTransfer"], out.finish()) == {}


@pytest.mark.parametrize("seed", range(4))
def test_damaged_octets_are_refused_or_read_as_the_oracle_reads_them(seed: int) -> None:
    random_ = random.Random(seed)
    agreed = 0
    for name, value in VALUES:
        good = per.encode(TRANSFERS[name], value)
        for _ in range(60):
            data = bytearray(good)
            for _ in range(random_.randint(1, 3)):
                data[random_.randrange(len(data))] = random_.randrange(256)
            damaged = bytes(data[: random_.randint(1, len(data))]) if random_.random() < 0.3 else bytes(data)
            try:
                ours: Any = per.decode(TRANSFERS[name], damaged)
            except per.PerError:
                continue
            try:
                theirs = asn1.read(asn1.transfer(name), damaged)
            except NgapError:
                continue
            if not {"iE-Extensions", "choice-Extensions"} & set(_names(ours)):
                assert ours == theirs or "" in _names(ours)
                agreed += 1
    assert agreed > 100


def _names(value: Any) -> list[str]:
    """The names in a value, in any depth; an unknown IE has the name ''."""
    if isinstance(value, dict):
        return [name for key, item in value.items() for name in (key, *_names(item))]
    if isinstance(value, (list, tuple)):
        first = [value[0]] if isinstance(value, tuple) and value and isinstance(value[0], str) else []
        return [*first, *(name for item in value for name in _names(item))]
    return []


def test_what_cannot_be_written() -> None:
    flow = QosFlow(1, 9)
    for wrong in (
        SetupRequestTransfer(Tunnel("10.0.0.1", 1), (QosFlow(64, 9),)),
        SetupRequestTransfer(Tunnel("10.0.0.1", 1), ()),
        SetupRequestTransfer(Tunnel("10.0.0.1", 1), (flow,), "token-ring"),
        SetupRequestTransfer(Tunnel("10.0.0.1", 1), (flow,), ambr=BitRate(5 * 10**12, 1)),
        SetupResponseTransfer(Tunnel("nowhere", 1), (1,)),
    ):
        with pytest.raises(ValueError):
            wrong.encode()


def test_the_smf_does_without_pycrate() -> None:
    code = "import sys, minicore.smf.app; sys.exit(any(name.startswith('pycrate') for name in sys.modules))"
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], cwd=root, env={"PYTHONPATH": str(root)}, check=True)
