# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""N2 and N1 at the AMF: NG setup, and what is done with messages that are wrong."""

from __future__ import annotations

import random

import pytest
from minicore import ngap
from minicore.nas import MmCause, gmm
from minicore.nas.security import HeaderType
from minicore.ngap.errors import INCONSISTENT_UE_ID, UNKNOWN_UE_ID, WRONG_STATE, Cause
from minicore.ngap.messages import (
    DownlinkNasTransport,
    ErrorIndication,
    NgSetupFailure,
    NgSetupResponse,
    UplinkNasTransport,
)
from minicore.ngap.values import GlobalGnbId, PlmnSupport, Snssai, SupportedTa

from images.minicore.tests.amf_lab import AmfLab, run
from images.minicore.tests.amf_peers import LOCATION, ScriptedGnb, ScriptedUe


def test_ng_setup_tells_what_the_amf_serves() -> None:
    async def scenario(lab: AmfLab) -> None:
        gnb = ScriptedGnb(2)
        response = await gnb.set_up(lab.amf.n2_port)
        guami = response.guamis[0].guami
        assert (guami.plmn, guami.region, guami.set_id, guami.pointer) == ("00101", 7, 5, 3)
        assert response.plmns == (PlmnSupport("00101", (Snssai(1), Snssai(2, "00000a"))),)
        assert lab.amf.state()["gnbs"] == 2
        await gnb.close()
        await lab.until(lambda: lab.amf.state()["gnbs"] == 1)

    run(scenario, AMF_REGION="7", AMF_SET="5", AMF_POINTER="3", SLICES="1,2-00000A")


@pytest.mark.parametrize(
    ("areas", "cause"),
    [
        ((SupportedTa(1, (PlmnSupport("99999", (Snssai(1),)),)),), Cause("misc", "unknown-PLMN-or-SNPN")),
        ((SupportedTa(2, (PlmnSupport("00101", (Snssai(1),)),)),), Cause("misc", "unknown-PLMN-or-SNPN")),
        ((SupportedTa(1, (PlmnSupport("00101", (Snssai(9),)),)),), Cause("radioNetwork", "slice-not-supported")),
    ],
    ids=["plmn", "tac", "slice"],
)
def test_ng_setup_that_does_not_fit_fails(areas: tuple[SupportedTa, ...], cause: Cause) -> None:
    async def scenario(lab: AmfLab) -> None:
        gnb = ScriptedGnb(2)
        await gnb.connect(lab.amf.n2_port)
        request = gnb.setup_request()
        request.areas = areas
        gnb.send(request)
        assert (await gnb.expect(NgSetupFailure)).cause == cause
        assert lab.amf.state()["gnbs"] == 1
        gnb.send(gnb.setup_request())
        await gnb.expect(NgSetupResponse)
        await gnb.close()

    run(scenario)


def test_nothing_passes_before_ng_setup() -> None:
    async def scenario(lab: AmfLab) -> None:
        gnb = ScriptedGnb(2)
        await gnb.connect(lab.amf.n2_port)
        ScriptedUe(gnb).start(b"\x7e\x00\x41")
        assert (await gnb.expect(ErrorIndication)).cause == WRONG_STATE
        await gnb.close()

    run(scenario)


def test_a_second_ng_setup_forgets_the_connections() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        lab.gnb.send(lab.gnb.setup_request())
        await lab.gnb.expect(NgSetupResponse)
        assert lab.amf.state()["ues"] == {"registered": 1, "connected": 0, "idle": 1}
        ue.start_protected(ue.service_request())
        await ue.downlink(gmm.ServiceAccept)

    run(scenario)


def test_a_gnb_that_comes_back_replaces_its_former_association() -> None:
    async def scenario(lab: AmfLab) -> None:
        await lab.registered()
        again = ScriptedGnb(lab.gnb.gnb_id)
        await again.set_up(lab.amf.n2_port)
        state = lab.amf.state()
        assert (state["gnbs"], state["ues"]["idle"]) == (1, 1)
        await again.close()

    run(scenario)


def test_wrong_ue_ids_are_indicated_and_hurt_nobody() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue, victim = await lab.registered(1), await lab.registered(2)
        other = await lab.another_gnb(2)
        cases = [
            (lab.gnb, 4711, ue.ran_id, UNKNOWN_UE_ID),
            (lab.gnb, ue.amf_id, victim.ran_id, INCONSISTENT_UE_ID),
            (other, victim.amf_id, victim.ran_id, UNKNOWN_UE_ID),
        ]
        for gnb, amf_id, ran_id, cause in cases:
            gnb.send(UplinkNasTransport(amf_id, ran_id, b"\x7e\x00\x41", LOCATION), 1)
            indication = await gnb.expect(ErrorIndication)
            assert (indication.cause, indication.amf_ue_ngap_id) == (cause, amf_id)
        await lab.session(ue)
        await lab.session(victim)
        await other.close()

    run(scenario)


def test_a_malformed_pdu_gets_an_error_indication() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        lab.gnb.send_raw(b"\xff\x00")
        indication = await lab.gnb.expect(ErrorIndication)
        assert indication.cause is not None and indication.cause.group == "protocol"
        request = ngap.encode(lab.gnb.setup_request())
        lab.gnb.send_raw(request[:-9])
        await lab.gnb.expect(object, lambda message: isinstance(message, (NgSetupFailure, ErrorIndication)))
        assert lab.ue(ue).is_connected

    run(scenario)


def test_any_bytes_of_a_gnb_cost_nothing_else() -> None:
    """Messages with one octet changed, and noise: no fault, and another UE registers meanwhile."""

    async def scenario(lab: AmfLab) -> None:
        good = await lab.another_gnb(2)
        ue = ScriptedUe(lab.gnb)
        noise = random.Random(15)
        ue.ran_id = 9
        samples = [
            ngap.encode(UplinkNasTransport(1, 1, ue.registration_request().encode(), LOCATION)),
            ngap.encode(lab.gnb.setup_request()),
            ngap.encode(ErrorIndication(WRONG_STATE, 1, 1)),
        ]
        for _ in range(300):
            data = bytearray(noise.choice(samples))
            data[noise.randrange(len(data))] = noise.randrange(256)
            lab.gnb.send_raw(bytes(data))
            lab.gnb.send_raw(noise.randbytes(noise.randrange(1, 40)))
        for number in range(3):
            await ScriptedUe(good, 10 + number).register()
        await lab.until(lambda: lab.counters.registrations_total == 3)
        assert lab.counters.procedure_faults_total == 0
        await good.close()

    run(scenario)


def test_any_bytes_of_a_ue_cost_nothing_else() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        noise = random.Random(24501)
        registration = ue.registration_request().encode()
        for _ in range(200):
            data = bytearray(registration)
            for _ in range(noise.randrange(1, 4)):
                data[noise.randrange(2, len(data))] = noise.randrange(256)
            ScriptedUe(lab.gnb).start(bytes(data))
            ue.uplink_raw(noise.randbytes(noise.randrange(1, 30)))
        other = ScriptedUe(lab.gnb, 3)
        await other.register()
        await lab.until(lambda: lab.counters.registrations_total >= 2)
        await lab.session(ue)
        assert lab.counters.procedure_faults_total == 0

    run(scenario)


def test_messages_without_the_protection_they_need_are_ignored() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        before = lab.ue(ue).describe()
        transport = gmm.UlNasTransport(payload=b"1", pdu_session_id=1, request_type=gmm.RequestType.INITIAL)
        assert ue.guti is not None and ue.security is not None
        for message in (
            transport,
            gmm.DeregistrationRequest(ngksi=0, switch_off=True, access=1, identity=ue.guti),
            gmm.SecurityModeComplete(),
            gmm.AuthenticationResponse(res_star=bytes(16)),
        ):
            ue.uplink(message, HeaderType.PLAIN)
        ue.uplink(gmm.MmStatus(cause=111))
        await lab.until(lambda: lab.counters.nas_ignored_total == 5)
        ue.uplink_raw(ue.sent)
        await lab.until(lambda: lab.counters.nas_integrity_failures_total == 1)
        after = lab.ue(ue).describe()
        assert after.pop("ul_count") == before.pop("ul_count") + 1
        assert after == before and not lab.core.created
        assert not lab.amf.state()["nas_counts_ok"]

    run(scenario)


def test_a_message_of_a_type_that_does_not_fit_gets_a_status() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        ue.uplink(gmm.AuthenticationReject())
        assert (await ue.downlink(gmm.MmStatus)).cause == MmCause.MESSAGE_TYPE_NOT_COMPATIBLE
        ue.uplink(gmm.MmStatus(cause=111))
        await lab.session(ue)
        assert not lab.gnb.waiting(DownlinkNasTransport)

    run(scenario)


def test_an_ignored_gnb_message_does_not_lose_the_ue() -> None:
    """An error indication that names a UE which the gNB does not know makes that UE idle, and no other."""

    async def scenario(lab: AmfLab) -> None:
        first, second = await lab.registered(1), await lab.registered(2)
        lab.gnb.send(ErrorIndication(Cause("misc", "unspecified"), first.amf_id, first.ran_id))
        lab.gnb.send(ErrorIndication(UNKNOWN_UE_ID, second.amf_id, second.ran_id))
        await lab.until(lambda: not lab.ue(second).is_connected)
        assert lab.ue(first).is_connected

    run(scenario)


def test_the_gnb_id_tells_gnbs_apart_by_plmn_too() -> None:
    async def scenario(lab: AmfLab) -> None:
        other = ScriptedGnb(1)
        await other.connect(lab.amf.n2_port)
        request = other.setup_request()
        request.gnb = GlobalGnbId("00102", 1)
        other.send(request)
        await other.expect(NgSetupResponse)
        assert lab.amf.state()["gnbs"] == 2
        await other.close()

    run(scenario)
