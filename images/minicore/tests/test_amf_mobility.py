# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UEs that change their gNB, and gNBs that go or forget: path switch, reset, loss of an association."""

from __future__ import annotations

from minicore.nas import gmm
from minicore.ngap.messages import (
    ErrorIndication,
    InitialContextSetupFailure,
    NgReset,
    NgResetAcknowledge,
)
from minicore.ngap.session_messages import (
    PathSwitchRequest,
    PathSwitchRequestAcknowledge,
    PathSwitchRequestFailure,
)
from minicore.ngap.transfers import SetupUnsuccessfulTransfer
from minicore.ngap.values import SecurityCapabilities, SessionItem, UeIds
from minicore.security import keys

from images.minicore.tests.amf_core import SWITCH_TRANSFER
from images.minicore.tests.amf_lab import AmfLab, run
from images.minicore.tests.amf_peers import CAPABILITY, LOCATION, ScriptedUe


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


def test_a_path_switch_of_a_ue_that_is_lost_meanwhile_fails() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        session = lab.ue(ue).sessions[1]
        target = await lab.another_gnb(2)
        moved = ScriptedUe(target)
        moved.ran_id = 77
        async with session.lock:
            target.send(path_switch(ue, moved), 1)
            await lab.until(lambda: session.lock._waiters)
            await lab.gnb.close()
            await lab.until(lambda: lab.amf.state()["ues"]["idle"] == 1)
        assert [item.session_id for item in (await target.expect(PathSwitchRequestFailure)).released] == [1]
        await lab.until(lambda: not session.is_active)
        assert lab.core.updates[-1][1] == {"upCnxState": "DEACTIVATED"}
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
        ue = await lab.idle_with_session()
        ue.start_protected(ue.service_request(uplink_data=frozenset({1})))
        await ue.downlink(gmm.ServiceAccept)
        cause = SetupUnsuccessfulTransfer().encode()
        lab.gnb.send(InitialContextSetupFailure(ue.amf_id, ue.ran_id, failed=(SessionItem(1, cause),)), 1)
        await ue.released()
        await lab.until(lambda: lab.amf.state()["ues"]["idle"] == 1)
        assert any(data.get("n2SmInfoType") == "PDU_RES_SETUP_FAIL" for _, data, _ in lab.core.updates)

    run(scenario)
