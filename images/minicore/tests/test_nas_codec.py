# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAS messages: round trips, and pycrate as an independent reader and writer of them."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from minicore import nas
from minicore.nas import NasMessage, gmm, gsm
from minicore.nas.capability import SecurityCapability
from minicore.nas.identity import Suci
from minicore.nas.qos import PduAddress, PduSessionType, QosFlow, QosRule, SessionAmbr
from minicore.nas.slice import SNssai
from minicore.nas.values import Tai
from pycrate_mobile.NAS5G import parse_NAS5G
from pycrate_mobile.TS24501_FGMM import FGMMRegistrationRequest

from images.minicore.tests.nas_samples import ALL, GUTI, SESSION


@pytest.fixture(autouse=True)
def _without_the_oracles_log() -> None:
    logging.getLogger("pycrate_mobile").setLevel(logging.ERROR)


@pytest.mark.parametrize("message", ALL, ids=lambda message: type(message).__name__)
def test_a_message_is_the_same_after_a_round_trip(message: NasMessage) -> None:
    assert nas.decode(message.encode()) == message


@pytest.mark.parametrize("message", ALL, ids=lambda message: type(message).__name__)
def test_pycrate_reads_what_is_written_and_writes_the_same(message: NasMessage) -> None:
    encoded = message.encode()
    theirs, error = parse_NAS5G(encoded, inner=False)
    assert error == 0
    elements = {element._name: element for element in theirs if not element.get_trans()}
    unknown = [name for name in elements if name.startswith("_T_")]
    assert unknown == []
    nested = {name: element for name, element in elements.items() if getattr(element, "_IE_stat", None) is not None}
    undecoded = [name for name, element in nested.items() if element[-1]._name == "V"]
    assert undecoded == []
    theirs.reautomate()
    assert theirs.to_bytes() == encoded


def _values(message: NasMessage) -> dict[str, Any]:
    """Element names and values as pycrate reads them."""
    theirs, _error = parse_NAS5G(message.encode(), inner=False)
    return {
        element._name: element[-1] for element in theirs if not element.get_trans() and hasattr(element, "_IE_stat")
    }


def test_pycrate_reads_the_values_of_a_registration_accept() -> None:
    accept = gmm.RegistrationAccept(
        result=9,
        guti=GUTI,
        tais=(Tai("00101", 1), Tai("310410", 7)),
        allowed_slices=(SNssai(1), SNssai(2, "0a0b0c")),
        sessions=frozenset({1, 15}),
        t3512_s=3240,
        t3502_s=720,
    )
    values = _values(accept)
    assert (values["5GSRegResult"]["Value"].get_val(), values["5GSRegResult"]["SMSAllowed"].get_val()) == (1, 1)
    guti = values["GUTI"]
    assert guti["PLMN"].decode() == "310410"
    assert [guti[name].get_val() for name in ("AMFRegionID", "AMFSetID", "AMFPtr", "5GTMSI")] == [
        *(GUTI.amf_region, GUTI.amf_set, GUTI.amf_pointer, GUTI.tmsi)
    ]
    assert values["5GSTAIList"].get_tai() == {("00101", 1), ("310410", 7)}
    assert [slice_.get_val_d()["SNSSAI"]["SST"] for slice_ in values["AllowedNSSAI"]] == [1, 2]
    assert values["AllowedNSSAI"][1]["SNSSAI"]["SD"].get_val() == 0x0A0B0C
    sessions = values["PDUSessStat"]
    assert [name for name in range(16) if sessions[f"PSI_{name}"].get_val()] == [1, 15]
    assert values["T3512"].get_val_d() == {"Unit": 0, "Value": 6}
    assert values["T3502"].get_val_d() == {"Unit": 1, "Value": 12}


def test_pycrate_reads_the_values_of_an_establishment_accept() -> None:
    values = _values(
        gsm.PduSessionEstablishmentAccept(
            **SESSION,
            session_type=PduSessionType.IPV4,
            qos_rules=(QosRule(1, 9),),
            ambr=SessionAmbr(1_000_000_000, 20_000_000),
            address=PduAddress("10.45.0.2"),
            qos_flows=(QosFlow(9, 8),),
            dnn="internet",
        )
    )
    rule = values["QoSRules"][0].get_val_d()
    assert (rule["ID"], rule["OpCode"], rule["DQR"], rule["Precedence"]) == (1, 1, 1, 255)
    assert (rule["Flow"]["QFI"], rule["NumPktFilters"]) == (9, 1)
    assert values["QoSRules"][0]["PktFilterList"][0].get_val_d()["PktFilter"] == [{"Type": 1, "Value": b""}]
    ambr = values["SessAMBR"].get_val_d()
    assert (ambr["DLUnit"], ambr["DL"], ambr["ULUnit"], ambr["UL"]) == (3, 62500, 1, 20000)
    assert values["PDUAddress"]["Addr"].get_val() == bytes((10, 45, 0, 2))
    flow = values["QoSFlowDesc"][0]
    assert (flow["QFI"].get_val(), flow["OpCode"].get_val(), flow["E"].get_val()) == (9, 1, 1)
    assert [parameter["Content"].get_val() for parameter in flow["Params"]] == [8]
    assert values["DNN"].decode() == "internet"


def test_what_pycrate_writes_is_read() -> None:
    """Elements that this core does not use are skipped, those behind them are read."""
    request = FGMMRegistrationRequest(
        val={
            "NAS_KSI": 7,
            "5GSRegType": {"FOR": 1, "Value": 1},
            "5GSID": bytes.fromhex("0100f110f0ff000000000010"),
            "S1UENetCap": b"\xf0\xf0",
            "UEUsage": b"\x01",
            "UESecCap": b"\xe0\x60",
            "5GSUpdateType": b"\x02",
            "NID": bytes(6),
        }
    ).to_bytes()
    assert nas.decode(request) == gmm.RegistrationRequest(
        follow_on=True,
        registration_type=1,
        identity=Suci("00101", "00000001"),
        security_capability=SecurityCapability(b"\xe0\x60"),
        update_type=b"\x02",
    )
