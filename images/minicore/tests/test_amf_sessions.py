# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PDU sessions at the AMF: N1 and N2 parts, idle and service request, paging, deregistration, path switch."""

from __future__ import annotations

from minicore.nas import MmCause, gmm
from minicore.nas.security import HeaderType
from minicore.nas.slice import SNssai
from minicore.ngap.messages import (
    DownlinkNasTransport,
    ErrorIndication,
    InitialContextSetupFailure,
    NgReset,
    NgResetAcknowledge,
    Paging,
)
from minicore.ngap.session_messages import (
    PathSwitchRequest,
    PathSwitchRequestAcknowledge,
    PathSwitchRequestFailure,
    PduSessionResourceReleaseCommand,
    PduSessionResourceReleaseResponse,
)
from minicore.ngap.transfers import SetupUnsuccessfulTransfer
from minicore.ngap.values import SecurityCapabilities, SessionItem, UeIds
from minicore.security import keys
from minicore.security.algorithms import UPLINK

from images.minicore.tests.amf_core import RELEASE_TRANSFER, SETUP_TRANSFER, SWITCH_TRANSFER
from images.minicore.tests.amf_lab import AmfLab, run
from images.minicore.tests.amf_peers import CAPABILITY, LOCATION, ScriptedUe


async def idle_with_session(lab: AmfLab) -> ScriptedUe:
    ue = await lab.registered()
    await lab.session(ue)
    await ue.become_idle()
    await lab.until(lambda: not lab.ue(ue).is_connected)
    return ue


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
        ue = await idle_with_session(lab)
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
        ue = await idle_with_session(lab)
        ue.start_protected(ue.service_request(sessions=frozenset()))
        accept = await ue.downlink(gmm.ServiceAccept)
        assert accept.sessions == frozenset()
        await lab.until(lambda: lab.core.released == ["1"])

    run(scenario)


def test_a_session_that_cannot_be_activated_is_named() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await idle_with_session(lab)
        lab.core.refusals["POST nsmf-pdusession modify"] = (404, "CONTEXT_NOT_FOUND")
        ue.start_protected(ue.service_request(uplink_data=frozenset({1}), sessions=frozenset({1})))
        accept = await ue.downlink(gmm.ServiceAccept)
        assert (accept.sessions, accept.reactivation_result) == (frozenset(), frozenset({1}))

    run(scenario)


def test_data_for_an_idle_ue_pages_it() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await idle_with_session(lab)
        answer = await lab.transfer(ue, n2=SETUP_TRANSFER, kind="PDU_RES_SETUP_REQ")
        assert (answer.status, answer.json()) == (202, {"cause": "ATTEMPTING_TO_REACH_UE"})
        assert answer.headers["location"].startswith(f"{lab.amf.root}/namf-comm/v1/ue-contexts/{ue.supi}/")
        for _ in range(2):
            paging = await lab.gnb.expect(Paging)
            assert ue.guti is not None and paging.tmsi.tmsi == ue.guti.tmsi
        updates = len(lab.core.updates)
        ue.start_protected(ue.service_request(uplink_data=frozenset({1})))
        await ue.downlink(gmm.ServiceAccept)
        assert [item.transfer for item in ue.contexts[-1].sessions] == [SETUP_TRANSFER]
        assert len(lab.core.updates) == updates, "the SMF has given its part before"
        ue.context_ready()
        await lab.until(lambda: lab.ue(ue).sessions[1].is_active)
        assert (lab.counters.pagings_total, lab.counters.pagings_failed_total) == (1, 0)
        assert lab.ue(ue).paging is None and not lab.core.failures

    run(scenario, T3513_S="0.1")


def test_signalling_for_an_idle_ue_follows_the_service_accept() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await idle_with_session(lab)
        assert (await lab.transfer(ue, n1=b"modify")).status == 202
        await lab.gnb.expect(Paging)
        ue.start_protected(ue.service_request())
        await ue.downlink(gmm.ServiceAccept)
        assert (await ue.downlink(gmm.DlNasTransport)).payload == b"modify"

    run(scenario)


def test_paging_without_an_answer_is_reported() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await idle_with_session(lab)
        answer = await lab.transfer(ue, n2=SETUP_TRANSFER, kind="PDU_RES_SETUP_REQ")
        await lab.until(lambda: lab.core.failures)
        assert lab.core.failures == [{"cause": "UE_NOT_RESPONDING", "n1n2MsgDataUri": answer.headers["location"]}]
        assert len(lab.gnb.waiting(Paging)) == 5
        assert lab.ue(ue).is_registered and not lab.ue(ue).pending

    run(scenario, T3513_S="0.02")


def test_a_resource_release_for_an_idle_ue_needs_no_paging() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await idle_with_session(lab)
        answer = await lab.transfer(ue, n2=RELEASE_TRANSFER, kind="PDU_RES_REL_CMD")
        assert answer.status == 200 and lab.counters.pagings_total == 0

    run(scenario)


def test_a_service_request_of_nobody_is_rejected() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await idle_with_session(lab)
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
        ue = await idle_with_session(lab)
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
        await idle_with_session(lab)
        await lab.until(lambda: lab.amf.state()["ues"]["registered"] == 0)
        await lab.until(lambda: lab.core.released == ["1"])

    run(scenario, IMPLICIT_DEREGISTRATION_S="0.1")


def path_switch(ue: ScriptedUe, target: ScriptedUe, psi: int = 1) -> PathSwitchRequest:
    return PathSwitchRequest(
        target.ran_id,
        ue.amf_id,
        (SessionItem(psi, b"new tunnel"),),
        location=LOCATION,
        capabilities=SecurityCapabilities(*CAPABILITY.ngap_bits()),
    )


def test_a_path_switch_moves_the_connection() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        target = await lab.another_gnb(2)
        moved = ScriptedUe(target)
        moved.ran_id = 77
        target.send(path_switch(ue, moved), 1)
        answer = await target.expect(PathSwitchRequestAcknowledge)
        assert [(item.session_id, item.transfer) for item in answer.sessions] == [(1, SWITCH_TRANSFER)]
        assert answer.ran_ue_ngap_id == 77 and answer.capabilities is None
        assert ue.security is not None
        first = keys.nh(ue.security.k_amf, ue.contexts[0].security_key)
        assert answer.security_context.next_hop == keys.nh(ue.security.k_amf, first)
        assert answer.security_context.next_hop_chaining_count == 2
        _, data, parts = lab.core.updates[-1]
        assert data["n2SmInfoType"] == "PATH_SWITCH_REQ" and list(parts.values()) == [b"new tunnel"]
        # What comes on the source gNB's association is not this UE's any more; on the target's it is.
        ue.uplink(gmm.MmStatus(cause=111))
        assert (await lab.gnb.expect(ErrorIndication)).amf_ue_ngap_id == ue.amf_id
        ue.gnb, ue.ran_id = target, 77
        await lab.session(ue, 2)
        await target.close()
        await lab.until(lambda: lab.amf.state()["ues"]["idle"] == 1)

    run(scenario)


def test_a_path_switch_of_nobody_fails() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        target = await lab.another_gnb(2)
        moved = ScriptedUe(target)
        moved.ran_id = 77
        ue.amf_id += 1000
        target.send(path_switch(ue, moved), 1)
        failure = await target.expect(PathSwitchRequestFailure)
        assert [item.session_id for item in failure.released] == [1]
        ue.amf_id -= 1000
        target.send(path_switch(ue, moved, 9), 1)
        await target.expect(PathSwitchRequestFailure)
        await lab.session(ue, 2)
        await target.close()

    run(scenario)


def test_a_reset_makes_ues_idle() -> None:
    async def scenario(lab: AmfLab) -> None:
        first, second = await lab.registered(1), await lab.registered(2)
        lab.gnb.send(NgReset((UeIds(first.amf_id, first.ran_id),)))
        assert (await lab.gnb.expect(NgResetAcknowledge)).connections == (UeIds(first.amf_id, first.ran_id),)
        assert lab.amf.state()["ues"] == {"registered": 2, "connected": 1, "idle": 1}
        lab.gnb.send(NgReset(None))
        assert (await lab.gnb.expect(NgResetAcknowledge)).connections == ()
        assert lab.amf.state()["ues"]["idle"] == 2
        second.start_protected(second.service_request())
        await second.downlink(gmm.ServiceAccept)

    run(scenario)


def test_the_loss_of_a_gnb_makes_its_ues_idle_and_no_others() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        other = await lab.another_gnb(2)
        neighbour = ScriptedUe(other, 2)
        await neighbour.register()
        await lab.until(lambda: lab.amf.state()["ues"]["registered"] == 2)
        digest = lab.amf.state()["digest"]
        await lab.gnb.close()
        await lab.until(lambda: lab.amf.state()["ues"]["idle"] == 1)
        await lab.until(lambda: lab.core.updates[-1][1] == {"upCnxState": "DEACTIVATED"})
        assert lab.ue(neighbour).is_connected and lab.amf.state()["gnbs"] == 1
        assert lab.amf.state()["digest"] == digest
        ue.gnb = other
        ue.start_protected(ue.service_request(uplink_data=frozenset({1})))
        await ue.downlink(gmm.ServiceAccept)
        await other.close()

    run(scenario)


def test_a_ue_that_comes_by_another_gnb_leaves_the_first() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        former_ran_id, former_amf_id = ue.ran_id, ue.amf_id
        other = await lab.another_gnb(2)
        ue.gnb = other
        ue.start_protected(ue.service_request(uplink_data=frozenset({1})))
        await ue.downlink(gmm.ServiceAccept)
        ue.context_ready()
        former = ScriptedUe(lab.gnb)
        former.ran_id = former_ran_id
        assert (await former.released()).ids.amf_ue_ngap_id == former_amf_id
        await lab.until(lambda: len(lab.core.updates) == 4)
        assert [data.get("upCnxState") for _, data, _ in lab.core.updates] == [
            None,
            "DEACTIVATED",
            "ACTIVATING",
            None,
        ]
        assert lab.ue(ue).is_connected
        await other.close()

    run(scenario)


def test_a_failed_context_setup_makes_idle() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await idle_with_session(lab)
        ue.start_protected(ue.service_request(uplink_data=frozenset({1})))
        await ue.downlink(gmm.ServiceAccept)
        cause = SetupUnsuccessfulTransfer().encode()
        lab.gnb.send(InitialContextSetupFailure(ue.amf_id, ue.ran_id, failed=(SessionItem(1, cause),)), 1)
        await ue.released()
        await lab.until(lambda: lab.amf.state()["ues"]["idle"] == 1)
        assert any(data.get("n2SmInfoType") == "PDU_RES_SETUP_FAIL" for _, data, _ in lab.core.updates)

    run(scenario)
