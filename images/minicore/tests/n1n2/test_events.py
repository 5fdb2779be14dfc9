# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PDU sessions with real N1 and N2: what begins in the network, and what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from minicore import gtpu, ip
from minicore.nas import SmCause, decode
from minicore.nas.gsm import (
    PduSessionEstablishmentReject,
    PduSessionEstablishmentRequest,
    PduSessionReleaseCommand,
    PduSessionReleaseRequest,
)
from minicore.ngap.transfers import (
    ReleaseCommandTransfer,
    SetupRequestTransfer,
    SetupResponseTransfer,
)
from minicore.ngap.values import Tunnel
from minicore.pfcp.ies import ApplyAction
from minicore.pfcp.qos_ies import BitRates
from minicore.sbi.message import Problem, json_response

Until = Callable[..., Awaitable[None]]
SUPI = "imsi-001010000000001"
SETUP_RESPONSE = SetupResponseTransfer(Tunnel("127.0.0.1", 0x70), (1,)).encode()


def request_of(session: int = 1, pti: int = 5, **fields: Any) -> bytes:
    return PduSessionEstablishmentRequest(pdu_session_id=session, pti=pti, **fields).encode()


def down(number: int) -> bytes:
    return ip.echo_request("10.45.0.1", "10.45.0.2", 1, number, bytes(8))


def test_downlink_data_wakes_an_idle_ue(world: Any, until: Until) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            amf = here.amf
            uri = await amf.session()
            assert (await amf.modify(uri, {"upCnxState": "DEACTIVATED"})).json()["upCnxState"] == "DEACTIVATED"
            (session,) = here.upf.rules.sessions.values()
            assert session.fars[2].action == ApplyAction.BUFFER | ApplyAction.NOTIFY_CP
            amf.answer = json_response({"cause": "ATTEMPTING_TO_REACH_UE"}, 202)
            for number in range(3):
                here.upf.n6._kernel.send(down(number))
            data, n1, n2 = await amf.next()
            assert n1 == b"" and SetupRequestTransfer.decode(n2).session_type == "ipv4"
            failure_uri = data["n1n2FailureTxfNotifURI"]
            # The UE does not answer the paging: what waits is dropped, and the next packet is reported again.
            await amf.producers.request_at(failure_uri, "POST", body={"cause": "UE_NOT_RESPONDING"})
            await until(lambda: here.upf.rules.buffered == 0)
            here.upf.n6._kernel.send(down(7))
            here.upf.n6._kernel.send(down(8))
            await amf.next()
            _, parts = (await amf.modify(uri, {"upCnxState": "ACTIVATING"})).parts()
            assert SetupRequestTransfer.decode(parts["n2"]).uplink.teid == session.pdrs[1].teid.teid
            await amf.modify(uri, n2=SETUP_RESPONSE, kind="PDU_RES_SETUP_RSP")
            assert [(await here.packet()).payload for _ in range(2)] == [down(7), down(8)]
            assert here.smf.state()["downlink_data_reports"] == 2
            # Without an answer of the AMF nothing is kept either.
            await amf.modify(uri, {"upCnxState": "DEACTIVATED"})
            amf.answer = Problem(404, "CONTEXT_NOT_FOUND").response()
            here.upf.n6._kernel.send(down(9))
            await amf.next()
            await until(lambda: here.upf.rules.buffered == 0 and not session.notified)

    asyncio.run(scenario())


def test_what_fails_after_the_201_is_rejected_and_forgotten(world: Any, until: Until) -> None:
    async def scenario() -> None:
        async with world() as here:
            # The UPF has no TAP: it refuses the session.
            created = await here.amf.create(request_of(session_type=5))
            assert created.status == 201
            data, n1, n2 = await here.amf.next()
            reject = decode(n1)
            assert isinstance(reject, PduSessionEstablishmentReject) and reject.cause == SmCause.NETWORK_FAILURE
            assert n2 == b"" and "n2InfoContainer" not in data
            await until(lambda: here.amf.released == ["1"])
            assert here.udm.registered == here.pcf.policies == {} and here.smf.state()["sessions"] == 0

    asyncio.run(scenario())


def test_what_nobody_foresaw_is_rejected_and_forgotten_too(
    world: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks, the UE is told, and neither context nor registration nor policy stays behind."""

    async def broken(*_arguments: Any) -> None:
        raise LookupError("strange")

    async def scenario() -> None:
        async with world() as here:
            monkeypatch.setattr(here.smf.n4, "establish", broken)
            assert (await here.amf.create(request_of())).status == 201
            _, n1, _ = await here.amf.next()
            assert isinstance(decode(n1), PduSessionEstablishmentReject)
            await until(lambda: here.amf.released == ["1"])
            await until(lambda: here.udm.registered == here.pcf.policies == {})
            assert here.smf.state()["sessions"] == 0

    asyncio.run(scenario())


def test_the_pcf_changes_and_ends_a_session(world: Any, until: Until) -> None:
    async def scenario() -> None:
        async with world() as here:
            await here.amf.session()
            callback = here.pcf.policies["1"]["notificationUri"]
            ambr = {"uplink": "1 Mbps", "downlink": "2 Mbps"}
            decision = {"smPolicyDecision": {"sessRules": {"a": {"authSessAmbr": ambr}}}}
            assert (await here.pcf.producers.request_at(callback, "POST", "/update", decision)).status == 204
            (session,) = here.upf.rules.sessions.values()
            assert session.rules.qers[1].rates == BitRates(1000, 2000)
            bad = {"smPolicyDecision": {"sessRules": {"a": {"authSessAmbr": {"uplink": "much"}}}}}
            assert (await here.pcf.producers.request_at(callback, "POST", "/update", bad)).status == 400
            assert (await here.pcf.producers.request_at(callback, "POST", "/terminate", {})).status == 204
            data, n1, n2 = await here.amf.next()
            command = decode(n1)
            assert isinstance(command, PduSessionReleaseCommand) and command.pti == 0
            assert data["n2InfoContainer"]["smInfo"]["n2InfoContent"]["ngapIeType"] == "PDU_RES_REL_CMD"
            assert ReleaseCommandTransfer.decode(n2) and here.upf.rules.sessions == {}

    asyncio.run(scenario())


def test_a_release_command_without_an_answer_ends_the_session(
    world: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minicore.smf.modification.T3592_S", 0.01)

    async def scenario() -> None:
        async with world() as here:
            uri = await here.amf.session()
            await here.amf.modify(uri, n1=PduSessionReleaseRequest(pdu_session_id=1, pti=6).encode())
            await until(lambda: here.amf.released == ["1"] and here.smf.state()["sessions"] == 0)
            assert here.udm.registered == {}

    asyncio.run(scenario())


def test_sessions_are_restored_on_a_upf_that_was_restarted(
    world: Any, upf_type: Any, until: Until, udp_port: int
) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            await here.amf.session(1)
            idle = await here.amf.session(2)
            await here.amf.modify(idle, {"upCnxState": "DEACTIVATED"})
            before = {pdr.teid.teid for session in here.upf.rules.sessions.values() for pdr in [session.pdrs[1]]}
            port = here.upf.n4_address[1]
            here.upf.stop()
            await asyncio.sleep(0)  # the loop closes the socket in its next turn
            here.upf = upf_type(gnb_port=udp_port, recovery_time_stamp=2000)
            await here.upf.start(port)
            await until(lambda: here.smf.state()["restored"] == 2)
            assert set(here.upf.rules.uplink) == before
            assert here.smf.state()["sessions"] == 2
            here.upf.n6._kernel.send(down(1))
            message = await here.packet()
            assert (message.teid, message.payload) == (0x70, down(1))
            # The idle one is still woken.
            here.upf.n6._kernel.send(ip.echo_request("10.45.0.1", "10.45.0.3", 1, 1, b""))
            data, _, _ = await here.amf.next()
            assert data["n2InfoContainer"]["smInfo"]["pduSessionId"] == 2
            assert here.amf.messages.empty()

    asyncio.run(scenario())


def test_a_upf_that_has_lost_the_association_gets_its_sessions_again(world: Any, until: Until) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            uri = await here.amf.session()
            # As if the SMF had not answered for long: the UPF drops what it has of it.
            (association,) = here.upf.n4.associations.values()
            here.upf.n4._on_lost(association, "no answer")
            association.up = False
            assert here.upf.rules.sessions == {}
            assert (await here.amf.create(request_of(2), 2)).status == 201
            reject = decode((await here.amf.next())[1])
            assert isinstance(reject, PduSessionEstablishmentReject)
            await until(lambda: here.smf.state()["restored"] == 1)
            assert (await here.amf.modify(uri, {"upCnxState": "DEACTIVATED"})).status == 200
            (session,) = here.upf.rules.sessions.values()
            assert session.fars[2].action == ApplyAction.BUFFER | ApplyAction.NOTIFY_CP

    asyncio.run(scenario())


def test_a_tunnel_that_the_gnb_has_lost_is_set_up_again(world: Any) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            await here.amf.session()
            error = gtpu.error_indication(0x70, "127.0.0.1")
            here.upf.user_plane.datagram_received(error, ("127.0.0.1", 2152))
            _, n1, n2 = await here.amf.next()
            assert SetupRequestTransfer.decode(n2) and n1 == b""
            assert here.smf.state()["active"] == 0

    asyncio.run(scenario())


def test_usage_is_summed_up_and_quotas_are_granted_again(world: Any, until: Until) -> None:
    async def scenario() -> None:
        variables = {"MINICORE_USAGE_THRESHOLD_BYTES": "1000", "MINICORE_USAGE_QUOTA_BYTES": "100"}
        async with world(has_pcf=False, variables=variables) as here:
            uri = await here.amf.session()
            (session,) = here.upf.rules.sessions.values()
            urr = session.rules.urrs[1]
            for number in range(4):
                here.upf.n6._kernel.send(down(number))
                await here.packet()
                if number % 3 == 2:  # 108 octets: used up
                    await until(lambda: session.rules.urrs[1] is not urr)
            await here.amf.producers.request_at(uri, "POST", "/release", {})
            assert here.smf.state()["usage"] == {"uplink_bytes": 0, "downlink_bytes": 4 * 36, "reports": 2}

    asyncio.run(scenario())
