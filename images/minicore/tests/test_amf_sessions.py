# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PDU sessions at the AMF: N1 and N2 parts, idle and service request, deregistration."""

from __future__ import annotations

from minicore.nas import MmCause, gmm
from minicore.nas.security import HeaderType
from minicore.nas.slice import SNssai
from minicore.ngap.messages import (
    DownlinkNasTransport,
)
from minicore.ngap.session_messages import (
    PduSessionResourceReleaseCommand,
    PduSessionResourceReleaseResponse,
)
from minicore.ngap.values import SessionItem
from minicore.security import keys
from minicore.security.algorithms import UPLINK

from images.minicore.tests.amf_core import RELEASE_TRANSFER, SETUP_TRANSFER
from images.minicore.tests.amf_lab import AmfLab, run
from images.minicore.tests.amf_peers import ScriptedUe


def test_a_session_is_set_up_by_both_parts() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        created = lab.core.created[0]
        assert (created["supi"], created["pduSessionId"], created["dnn"]) == (ue.supi, 1, "internet")
        assert created["guami"] == {"plmnId": {"mcc": "001", "mnc": "01"}, "amfId": "010040"}
        await lab.until(lambda: lab.core.updates)
        _, data, parts = lab.core.updates[0]
        assert data["n2SmInfoType"] == "PDU_RES_SETUP_RSP"
        assert parts[data["n2SmInfo"]["contentId"]] == b"tunnel"
        assert lab.amf.state()["sessions"] == 1

    run(scenario)


def test_the_smf_s_rejection_reaches_the_ue() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        lab.core.reject_session = b"reject"
        await ue.request_session()
        message = await ue.downlink(gmm.DlNasTransport)
        assert (message.payload, message.pdu_session_id, message.cause) == (b"reject", 1, None)
        assert not lab.ue(ue).sessions

    run(scenario)


def test_a_request_that_no_smf_can_have_comes_back() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        payload = b"\x2e\x01\x01\xc1"
        await ue.request_session(payload=payload, dnn="nowhere")
        message = await ue.downlink(gmm.DlNasTransport)
        assert (message.payload, message.cause) == (payload, MmCause.DNN_NOT_SUPPORTED_IN_SLICE)
        await ue.request_session(payload=payload, slice=SNssai(9))
        assert (await ue.downlink(gmm.DlNasTransport)).cause == MmCause.DNN_NOT_SUPPORTED_IN_SLICE
        ue.uplink(gmm.UlNasTransport(payload=payload, pdu_session_id=5))
        assert (await ue.downlink(gmm.DlNasTransport)).cause == MmCause.PAYLOAD_NOT_FORWARDED
        ue.uplink(gmm.UlNasTransport(payload=payload))
        assert (await ue.downlink(gmm.MmStatus)).cause == MmCause.CONDITIONAL_IE_ERROR
        lab.core.refusals["POST nsmf-pdusession sm-contexts"] = (503, "")
        await ue.request_session()
        assert (await ue.downlink(gmm.DlNasTransport)).cause == MmCause.PAYLOAD_NOT_FORWARDED
        assert not lab.ue(ue).sessions

    run(scenario)


def test_a_session_with_an_id_in_use_replaces_the_older() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        await ue.request_session()
        await lab.until(lambda: len(lab.core.created) == 2 and lab.ue(ue).sessions[1].uri.endswith("/2"))
        assert lab.core.released == ["1"]
        former, latter = (created["smContextStatusUri"] for created in lab.core.created)
        released = {"statusInfo": {"resourceStatus": "RELEASED"}}
        assert (await lab.post(former.removeprefix(lab.amf.root), released)).status == 204
        assert lab.amf.state()["sessions"] == 1, "the notification is of the former session"
        assert (await lab.post(latter.removeprefix(lab.amf.root), released)).status == 204
        assert lab.amf.state()["sessions"] == 0

    run(scenario)


def test_a_session_is_released() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        ue.uplink(gmm.UlNasTransport(payload=b"\x2e\x01\x02\xd1", pdu_session_id=1))
        await lab.until(lambda: any(b"\x2e\x01\x02\xd1" in parts.values() for _, _, parts in lab.core.updates))
        answer = await lab.transfer(ue, n1=b"release", n2=RELEASE_TRANSFER, kind="PDU_RES_REL_CMD")
        assert answer.json() == {"cause": "N1_N2_TRANSFER_INITIATED"}
        command = await lab.gnb.expect(PduSessionResourceReleaseCommand)
        assert ue.read(gmm.DlNasTransport, command.nas or b"").payload == b"release"
        lab.gnb.send(PduSessionResourceReleaseResponse(ue.amf_id, ue.ran_id, (SessionItem(1, b"released"),)), 1)
        await lab.until(lambda: lab.core.updates[-1][1].get("n2SmInfoType") == "PDU_RES_REL_RSP")
        path = f"/namf-callback/v1/{ue.supi}/sm-contexts/{lab.ue(ue).sessions[1].number}"
        answer = await lab.post(path, {"statusInfo": {"resourceStatus": "RELEASED"}})
        assert answer.status == 204
        assert lab.amf.state()["sessions"] == 0

    run(scenario)


def test_idle_deactivates_and_a_service_request_activates() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.idle_with_session()
        await lab.until(lambda: lab.core.updates[-1][1] == {"upCnxState": "DEACTIVATED"})
        assert lab.amf.state()["ues"] == {"registered": 1, "connected": 0, "idle": 1}
        ue.start_protected(ue.service_request(uplink_data=frozenset({1}), sessions=frozenset({1})))
        accept = await ue.downlink(gmm.ServiceAccept)
        assert (accept.sessions, accept.reactivation_result) == (frozenset({1}), frozenset())
        setup = ue.contexts[-1].sessions
        assert [(item.session_id, item.transfer) for item in setup] == [(1, SETUP_TRANSFER)]
        ue.context_ready()
        await lab.until(lambda: lab.ue(ue).sessions[1].is_active)
        await lab.until(lambda: lab.core.updates[-1][1].get("n2SmInfoType") == "PDU_RES_SETUP_RSP")
        assert lab.counters.authentications_total == 1
        assert lab.counters.service_requests_total == 1

    run(scenario)


def test_the_gnb_s_key_is_of_the_message_that_connected_the_ue() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        assert ue.security is not None
        assert ue.contexts[0].security_key == keys.k_gnb(ue.security.k_amf, 0)
        await ue.become_idle()
        count = ue.security.ul_count
        ue.start_protected(ue.service_request())
        await ue.downlink(gmm.ServiceAccept)
        assert ue.contexts[1].security_key == keys.k_gnb(ue.security.k_amf, count)

    run(scenario)


def test_sessions_that_the_ue_has_lost_are_released() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.idle_with_session()
        ue.start_protected(ue.service_request(sessions=frozenset()))
        accept = await ue.downlink(gmm.ServiceAccept)
        assert accept.sessions == frozenset()
        await lab.until(lambda: lab.core.released == ["1"])

    run(scenario)


def test_a_session_that_cannot_be_activated_is_named() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.idle_with_session()
        lab.core.refusals["POST nsmf-pdusession modify"] = (404, "CONTEXT_NOT_FOUND")
        ue.start_protected(ue.service_request(uplink_data=frozenset({1}), sessions=frozenset({1})))
        accept = await ue.downlink(gmm.ServiceAccept)
        assert (accept.sessions, accept.reactivation_result) == (frozenset(), frozenset({1}))

    run(scenario)


def test_a_service_request_of_nobody_is_rejected() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.idle_with_session()
        assert ue.security is not None
        before = lab.ue(ue).describe()
        forged = bytearray(ue.security.protect_initial(ue.service_request()))
        forged[3] ^= 1
        for data in (bytes(forged), ue.service_request().encode()):
            stranger = ScriptedUe(lab.gnb)
            stranger.start(data)
            reject = await stranger.downlink(gmm.ServiceReject)
            assert reject.cause == MmCause.UE_IDENTITY_CANNOT_BE_DERIVED
            await stranger.released()
        assert lab.ue(ue).describe() == before
        assert not lab.amf.state()["nas_counts_ok"]
        ue.start_protected(ue.service_request())
        await ue.downlink(gmm.ServiceAccept)

    run(scenario)


def test_a_ue_deregisters_and_nothing_of_it_stays() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        assert ue.guti is not None
        request = gmm.DeregistrationRequest(ngksi=1, switch_off=False, access=1, identity=ue.guti)
        ue.uplink(request)
        await ue.downlink(gmm.DeregistrationAccept)
        await ue.released()
        await lab.until(lambda: lab.amf.ues.connection(ue.amf_id) is None)
        assert lab.core.released == ["1"]
        for name in ("PATCH nudm-uecm amf-3gpp-access", "DELETE npcf-am-policy-control 2"):
            assert name.split()[0:2] in [other.split()[0:2] for other in lab.core.requests], name
        assert lab.amf.state()["ues"]["registered"] == 0
        ue.start_protected(ue.service_request())
        assert (await ue.downlink(gmm.ServiceReject)).cause == MmCause.UE_IDENTITY_CANNOT_BE_DERIVED

    run(scenario)


def test_an_idle_ue_that_switches_off_deregisters_without_answer() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.idle_with_session()
        assert ue.guti is not None and ue.security is not None
        request = gmm.DeregistrationRequest(ngksi=1, switch_off=True, access=1, identity=ue.guti)
        stranger = ScriptedUe(lab.gnb)
        stranger.start(request.encode())
        await stranger.released()
        assert lab.ue(ue).is_registered, "a request without protection deregisters nobody"
        ue.start(ue.security.protect(request.encode(), HeaderType.INTEGRITY, UPLINK))
        await ue.released()
        assert lab.amf.state()["ues"]["registered"] == 0
        assert not lab.gnb.waiting(DownlinkNasTransport)

    run(scenario)


def test_an_idle_ue_that_never_returns_is_deregistered() -> None:
    async def scenario(lab: AmfLab) -> None:
        await lab.idle_with_session()
        await lab.until(lambda: lab.amf.state()["ues"]["registered"] == 0)
        await lab.until(lambda: lab.core.released == ["1"])

    run(scenario, IMPLICIT_DEREGISTRATION_S="0.1")
