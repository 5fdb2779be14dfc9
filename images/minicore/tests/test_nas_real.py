# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that other implementations sent, as the tests of public projects hold them.

Sources: test_TS24501 of pycrate (messages of a real UE and core), tests of an OpenAirInterface-like NAS library and of
gnbsim (UERANSIM and gnbsim with Open5GS and free5GC).
"""

from __future__ import annotations

from typing import Any

import pytest
from minicore import nas
from minicore.nas import gmm, gsm, security
from minicore.nas.capability import Algorithms, SecurityCapability
from minicore.nas.identity import Guti5g, Pei, STmsi, Suci
from minicore.nas.qos import PduAddress, QosFlow, QosRule, SessionAmbr
from minicore.nas.security import HeaderType
from minicore.nas.slice import SNssai
from minicore.nas.values import Tai

h = bytes.fromhex

SAME = {
    "7e004179000d0100f1100000000022222222222e02e0e0": gmm.RegistrationRequest(
        follow_on=True,
        registration_type=1,
        identity=Suci("00101", "2222222222", "0000"),
        security_capability=SecurityCapability(h("e0e0")),
    ),
    "7e004179000d0109f1070000000000000000101001002e04f0f0f0f02f020101530100": gmm.RegistrationRequest(
        follow_on=True,
        registration_type=1,
        identity=Suci("90170", "0000000001", "0000"),
        mm_capability=b"\0",
        security_capability=SecurityCapability(h("f0f0f0f0")),
        requested_slices=(SNssai(1),),
        update_type=b"\0",
    ),
    "7e0056000200002198a600000000000098a600000000000020105c717acfe29180001fb3117a0f18c3ab": gmm.AuthenticationRequest(
        ngksi=0, rand=h("98a600000000000098a6000000000000"), autn=h("5c717acfe29180001fb3117a0f18c3ab")
    ),
    "7e00572d1034f95b9d3826fc095c9d9232f4d182c5": gmm.AuthenticationResponse(
        res_star=h("34f95b9d3826fc095c9d9232f4d182c5")
    ),
    "7e005d010002e0e0": gmm.SecurityModeCommand(
        algorithms=Algorithms(0, 1), ngksi=0, security_capability=SecurityCapability(h("e0e0"))
    ),
    "7e005d000602f0f0e1360102": gmm.SecurityModeCommand(
        algorithms=Algorithms(0, 0),
        ngksi=6,
        security_capability=SecurityCapability(h("f0f0")),
        imeisv_request=1,
        additional=2,
    ),
    "7e005e": gmm.SecurityModeComplete(),
    "7e005e7700094573806121856151f17100237e004179000d0109f1070000000000000000101001002e04f0f0f0f02f020101530100": (
        gmm.SecurityModeComplete(
            imeisv=Pei("4370816125816151"),
            nas_container=h("7e004179000d0109f1070000000000000000101001002e04f0f0f0f02f020101530100"),
        )
    ),
    "7e004407": gmm.RegistrationReject(cause=7),
    "7e004561000bf2030246010041c0e00010": gmm.DeregistrationRequest(
        ngksi=6, identity=Guti5g("302640", 1, 1, 1, 0xC0E00010)
    ),
    "7e004529000bf264f00001004151100001": gmm.DeregistrationRequest(
        ngksi=2, switch_off=True, identity=Guti5g("46000", 1, 1, 1, 0x51100001)
    ),
    "7e0046": gmm.DeregistrationAccept(),
    "7e0043": gmm.RegistrationComplete(),
    "7e004c000007f40040c00003535002b67e": gmm.ServiceRequest(
        service_type=0,
        ngksi=0,
        s_tmsi=STmsi(1, 0, 0xC0000353),
        sessions=frozenset({1, 2, 4, 5, 7, 9, 10, 11, 12, 13, 14}),
    ),
    "7e0042010177000bf209f10701004021d2254f54070009f107000001150201015e0106": gmm.RegistrationAccept(
        guti=Guti5g("90170", 1, 1, 0, 0x21D2254F),
        tais=(Tai("90170", 1),),
        allowed_slices=(SNssai(1),),
        t3512_s=3600,
    ),
    "7e00670100072e0602c1000091120681220401000001250706766973696f6e": gmm.UlNasTransport(
        payload=h("2e0602c1000091"), pdu_session_id=6, request_type=1, slice=SNssai(1, "000001"), dnn="vision"
    ),
    "7e00670500020002": gmm.UlNasTransport(payload_type=5, payload=h("0002")),
    "7e006801002d2e0602c2110009ff000631310101ff050603f42403f4242905010b000033220401000001250706766973696f6e1206": (
        gmm.DlNasTransport(
            payload=h("2e0602c2110009ff000631310101ff050603f42403f4242905010b000033220401000001250706766973696f6e"),
            pdu_session_id=6,
        )
    ),
    "2e0501c1ffff91a1": gsm.PduSessionEstablishmentRequest(pdu_session_id=5, pti=1, session_type=1, ssc_mode=1),
    "2e0101c1ffff91a12801007b000780000a00000d00": gsm.PduSessionEstablishmentRequest(
        pdu_session_id=1,
        pti=1,
        session_type=1,
        ssc_mode=1,
        sm_capability=b"\0",
        protocol_options=h("80000a00000d00"),
    ),
    "2e0101c211000901000631310101ff010603f42403f4242905010a2d00022201017900060120410101097b000f"
    "80000d0408080808000d0408080404250908696e7465726e6574": gsm.PduSessionEstablishmentAccept(
        pdu_session_id=1,
        pti=1,
        session_type=1,
        qos_rules=(QosRule(1, 1),),
        ambr=SessionAmbr(1_000_000_000, 1_000_000_000),
        address=PduAddress("10.45.0.2"),
        slice=SNssai(1),
        qos_flows=(QosFlow(1, 9),),
        protocol_options=h("80000d0408080808000d0408080404"),
        dnn="internet",
    ),
    "2e02f6d15924": gsm.PduSessionReleaseRequest(pdu_session_id=2, pti=0xF6, cause=36),
    "2e02f6d324": gsm.PduSessionReleaseCommand(pdu_session_id=2, pti=0xF6, cause=36),
}
"""Messages that we encode in the same way."""

OTHERWISE = {
    "7e0042010177000bf2030246010041c0e000105407200302460000641505040aabcdef2101005e016516012c": gmm.RegistrationAccept(
        guti=Guti5g("302640", 1, 1, 1, 0xC0E00010),
        tais=(Tai("302640", 100),),
        allowed_slices=(SNssai(10, "abcdef"),),
        network_features=b"\0",
        t3512_s=10,
        t3502_s=720,
    ),
    "7e0042010177000bf299f907020040c000072754074099f90700000115020101210201005e0192": gmm.RegistrationAccept(
        guti=Guti5g("99970", 2, 1, 0, 0xC0000727),
        tais=(Tai("99970", 1),),
        allowed_slices=(SNssai(1),),
        network_features=b"\1\0",
        t3512_s=540,
    ),
    "7e0042010177000b0202f839cafe000000000154070002f839000001150a040101020304011122335e010616012c": (
        gmm.RegistrationAccept(
            guti=Guti5g("20893", 0xCA, 0x3F8, 0, 1),
            tais=(Tai("20893", 1),),
            allowed_slices=(SNssai(1, "010203"), SNssai(1, "112233")),
            t3512_s=3600,
            t3502_s=720,
        )
    ),
    "7e0054d0430989cef73a1d2696db6f450989cef73a1d2696db6f46694791501391446069490101": gmm.ConfigurationUpdateCommand(
        indication=0
    ),
    "7e004169000d010302460fff000000000000f11001072e02f0f02f05040aabcdef": gmm.RegistrationRequest(
        ngksi=6,
        follow_on=True,
        registration_type=1,
        identity=Suci("302640", "000000001", "0"),
        mm_capability=b"\7",
        security_capability=SecurityCapability(h("f0f0")),
        requested_slices=(SNssai(10, "abcdef"),),
    ),
    "2e0501c211000901000631310101ff0506060001060001290501ac115f012506056461746131": gsm.PduSessionEstablishmentAccept(
        pdu_session_id=5,
        pti=1,
        session_type=1,
        qos_rules=(QosRule(1, 5),),
        ambr=SessionAmbr(1_000_000, 1_000_000),
        address=PduAddress("172.17.95.1"),
        dnn="data1",
    ),
}
"""Messages that we would encode in another way: another kind of TAI list, unit of a rate, filler, or names left out."""


@pytest.mark.parametrize("data", SAME)
def test_messages_of_others_are_read_and_written(data: str) -> None:
    assert nas.decode(h(data)) == SAME[data]
    assert SAME[data].encode().hex() == data


@pytest.mark.parametrize("data", OTHERWISE)
def test_messages_of_others_are_read(data: str) -> None:
    assert nas.decode(h(data)) == OTHERWISE[data]


@pytest.mark.parametrize(
    ("data", "header_type", "sequence", "plain"),
    [
        ("7e038f2b564d007e005d010002e0e0", HeaderType.INTEGRITY_NEW_CONTEXT, 0, "7e005d010002e0e0"),
        ("7e04fd5a6e42007e005e", HeaderType.CIPHERED_NEW_CONTEXT, 0, "7e005e"),
        ("7e02469d6a8b017e0043", HeaderType.CIPHERED, 1, "7e0043"),
    ],
)
def test_security_headers(data: str, header_type: HeaderType, sequence: int, plain: str) -> None:
    assert security.header_type(h(data)) == header_type
    parts: Any = security.split(h(data))
    assert parts == (header_type, h(data[4:12]), sequence, h(plain))
