# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PDU sessions with real N1 and N2: what UE, AMF and gNB ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from minicore import gtpu, ip
from minicore.nas import SmCause, decode
from minicore.nas.gsm import (
    PduSessionEstablishmentAccept,
    PduSessionEstablishmentReject,
    PduSessionEstablishmentRequest,
    PduSessionReleaseCommand,
    PduSessionReleaseComplete,
    PduSessionReleaseRequest,
    SmStatus,
)
from minicore.nas.qos import PduSessionType, SessionAmbr
from minicore.ngap.transfers import (
    PathSwitchAcknowledgeTransfer,
    PathSwitchRequestTransfer,
    ReleaseCommandTransfer,
    SetupRequestTransfer,
    SetupResponseTransfer,
)
from minicore.ngap.values import Tunnel
from minicore.pfcp.ies import ApplyAction, Teid
from minicore.pfcp.qos_ies import BitRates

Until = Callable[..., Awaitable[None]]
SUPI = "imsi-001010000000001"
SETUP_RESPONSE = SetupResponseTransfer(Tunnel("127.0.0.1", 0x70), (1,)).encode()


def request_of(session: int = 1, pti: int = 5, **fields: Any) -> bytes:
    return PduSessionEstablishmentRequest(pdu_session_id=session, pti=pti, **fields).encode()


def down(number: int) -> bytes:
    return ip.echo_request("10.45.0.1", "10.45.0.2", 1, number, bytes(8))


def test_life_of_a_session(world: Any, until: Until) -> None:
    async def scenario() -> None:
        async with world() as here:
            amf, state = here.amf, here.smf.state
            created = await amf.create(request_of(pti=9))
            assert (created.status, created.json()["upCnxState"]) == (201, "ACTIVATING")
            uri = created.headers["location"]
            data, n1, n2 = await amf.next()
            accept = decode(n1)
            assert isinstance(accept, PduSessionEstablishmentAccept)
            assert (accept.pti, accept.pdu_session_id, accept.session_type, accept.cause) == (9, 1, 1, None)
            assert accept.address and accept.address.ipv4 == "10.45.0.2" and accept.dnn == "internet"
            assert accept.ambr == SessionAmbr(60_000_000, 50_000_000), "the PCF's, not the subscription's"
            assert accept.qos_flows and accept.qos_flows[0].five_qi == 7
            info = data["n2InfoContainer"]["smInfo"]
            assert info["n2InfoContent"]["ngapIeType"] == "PDU_RES_SETUP_REQ" and info["pduSessionId"] == 1
            setup = SetupRequestTransfer.decode(n2)
            (session,) = here.upf.rules.sessions.values()
            assert setup.uplink == Tunnel("127.0.0.1", session.pdrs[1].teid.teid)
            assert (setup.flows[0].five_qi, setup.flows[0].arp_priority, setup.flows[0].may_preempt) == (7, 3, True)
            assert session.rules.qers[1].rates == BitRates(50_000, 60_000)
            assert here.udm.registered[f"{SUPI}/1"]["smfInstanceId"] == here.smf.settings.instance_id
            assert here.pcf.policies["1"]["ipv4Address"] == "10.45.0.2"

            response = SETUP_RESPONSE
            assert (await amf.modify(uri, n2=response, kind="PDU_RES_SETUP_RSP")).json()["upCnxState"] == "ACTIVATED"
            assert session.fars[2].outer == Teid(0x70, "127.0.0.1")
            assert (state()["sessions"], state()["sessions_by_type"], state()["active"]) == (1, {"IPV4": 1}, 1)

            switch = PathSwitchRequestTransfer(Tunnel("127.0.0.1", 0x71), (1,)).encode()
            _, parts = (await amf.modify(uri, n2=switch, kind="PATH_SWITCH_REQ")).parts()
            assert PathSwitchAcknowledgeTransfer.decode(parts["n2"]).uplink == setup.uplink
            marker = await here.packet()
            assert (marker.type, marker.teid) == (gtpu.END_MARKER, 0x70)

            release = PduSessionReleaseRequest(pdu_session_id=1, pti=6).encode()
            answer, parts = (await amf.modify(uri, n1=release)).parts()
            command = decode(parts["n1"])
            assert isinstance(command, PduSessionReleaseCommand) and command.pti == 6
            assert answer["n2SmInfoType"] == "PDU_RES_REL_CMD" and ReleaseCommandTransfer.decode(parts["n2"])
            assert here.upf.rules.sessions == {} and amf.released == []
            done = await amf.modify(uri, n1=PduSessionReleaseComplete(pdu_session_id=1, pti=6).encode())
            assert done.status == 204
            await until(lambda: amf.released == ["1"])
            assert here.udm.registered == here.pcf.policies == {}
            assert state()["sessions"] == 0
            assert (await amf.modify(uri, {"upCnxState": "ACTIVATING"})).status == 404

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("kind", "expected", "address"),
    [
        (PduSessionType.IPV6, PduSessionType.IPV6, (None, True)),
        (PduSessionType.IPV4V6, PduSessionType.IPV4V6, ("10.45.0.2", True)),
        (PduSessionType.ETHERNET, PduSessionType.ETHERNET, None),
        (None, PduSessionType.IPV4, ("10.45.0.2", False)),
    ],
)
def test_session_types(world: Any, kind: int | None, expected: PduSessionType, address: Any) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False, tap=True) as here:
            assert (await here.amf.create(request_of(session_type=kind))).status == 201
            _, n1, n2 = await here.amf.next()
            accept = decode(n1)
            assert isinstance(accept, PduSessionEstablishmentAccept)
            assert accept.session_type == expected
            assert SetupRequestTransfer.decode(n2).session_type == expected.name.lower()
            if address is None:
                assert accept.address is None
            else:
                assert accept.address and (accept.address.ipv4, bool(accept.address.interface_id)) == address
            (session,) = here.upf.rules.sessions.values()
            assert session.pdrs[2].ethernet == (kind == PduSessionType.ETHERNET)
            assert session.pdrs[2].ue_prefix == (bytes.fromhex("fd45000000000001") if address and address[1] else b"")
            assert here.smf.state()["sessions_by_type"] == {expected.name: 1}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("n1", "changes", "status", "problem", "cause"),
    [
        (request_of(), {"dnn": None}, 403, "DNN_DENIED", SmCause.MISSING_OR_UNKNOWN_DNN),
        (request_of(), {"dnn": "corporate"}, 403, "DNN_DENIED", SmCause.MISSING_OR_UNKNOWN_DNN),
        (request_of(session_type=4), {}, 403, "SUBSCRIPTION_DENIED", SmCause.UNKNOWN_SESSION_TYPE),
        (request_of(ssc_mode=3), {}, 403, "SUBSCRIPTION_DENIED", SmCause.SSC_MODE_NOT_SUPPORTED),
        (request_of(), {"sNssai": {"sst": 9}}, 403, "SUBSCRIPTION_DENIED", SmCause.SERVICE_OPTION_NOT_SUBSCRIBED),
        (request_of(session=2), {}, 403, "N1_SM_ERROR", SmCause.INVALID_SESSION_IDENTITY),
        (b"\x2e\x01\x05\xc1", {}, 403, "N1_SM_ERROR", SmCause.INVALID_MANDATORY_INFORMATION),
        (b"\x2e\x01\x05\xee", {}, 403, "N1_SM_ERROR", SmCause.MESSAGE_TYPE_NON_EXISTENT),
        (b"\x7e\x00\x05", {}, 403, "N1_SM_ERROR", None),
    ],
)
def test_rejects(world: Any, n1: bytes, changes: Any, status: int, problem: str, cause: int | None) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            response = await here.amf.create(n1, **changes)
            data, parts = response.parts()
            reject = decode(parts["n1"])
            assert (response.status, data["error"]["cause"]) == (status, problem)
            assert isinstance(reject, PduSessionEstablishmentReject) and reject.pti == 5
            assert cause is None or reject.cause == cause
            assert here.smf.state()["sessions"] == 0 and here.upf.rules.sessions == {}

    asyncio.run(scenario())


def test_a_session_that_follows_its_former_one_stays_registered(world: Any, until: Until) -> None:
    async def scenario() -> None:
        async with world() as here:
            uri = await here.amf.session()
            await here.amf.modify(uri, n1=PduSessionReleaseRequest(pdu_session_id=1, pti=6).encode())
            here.udm.may_delete.clear()
            await here.amf.modify(uri, n1=PduSessionReleaseComplete(pdu_session_id=1, pti=6).encode())
            await until(lambda: here.smf._sessions._deregistering)
            assert (await here.amf.create(request_of())).status == 201
            # The policy is asked for at the same time as the registration.
            await until(lambda: "2" in here.pcf.policies)
            here.udm.may_delete.set()
            await here.amf.next()
            assert f"{SUPI}/1" in here.udm.registered

    asyncio.run(scenario())


def test_the_last_address_is_given_away(world: Any) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False, n6="10.45.0.1/30") as here:
            uri = await here.amf.session()
            response = await here.amf.create(request_of(2), 2)
            data, parts = response.parts()
            reject = decode(parts["n1"])
            assert (response.status, data["error"]["cause"]) == (500, "INSUFFICIENT_RESOURCES")
            assert isinstance(reject, PduSessionEstablishmentReject)
            assert reject.cause == SmCause.INSUFFICIENT_RESOURCES
            await here.amf.producers.request_at(uri, "POST", "/release", {})
            assert (await here.amf.create(request_of(2), 2)).status == 201

    asyncio.run(scenario())


def test_slices_and_dnns_are_registered(world: Any) -> None:
    async def scenario() -> None:
        variables = {"MINICORE_SLICES": "1, 2-00000a", "MINICORE_DNNS": "internet,corporate"}
        async with world(has_pcf=False, variables=variables) as here:
            found = await here.amf.producers.discover("nsmf-pdusession", dnn="corporate", snssais=[{"sst": 1}])
            (first, second) = found[0].profile["smfInfo"]["sNssaiSmfInfoList"]
            assert second == {"sNssai": {"sst": 2, "sd": "00000a"}, "dnnSmfInfoList": first["dnnSmfInfoList"]}

    asyncio.run(scenario())


def test_a_session_that_is_created_again_replaces_the_older_one(world: Any, until: Until) -> None:
    async def scenario() -> None:
        async with world() as here:
            first = await here.amf.session()
            second = await here.amf.session()
            assert first != second
            await until(lambda: len(here.upf.rules.sessions) == 1 and list(here.pcf.policies) == ["2"])
            assert here.smf.state()["sessions"] == 1 and f"{SUPI}/1" in here.udm.registered
            assert (await here.amf.producers.request_at(second, "POST", "/release", {})).status == 204
            assert here.udm.registered == here.pcf.policies == here.upf.rules.sessions == {}

    asyncio.run(scenario())


def test_a_gnb_that_cannot_set_up_the_resources(world: Any) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            uri = await here.amf.session()
            (session,) = here.upf.rules.sessions.values()
            answer = await here.amf.modify(uri, n2=b"\0\0", kind="PDU_RES_SETUP_FAIL")
            assert answer.json()["upCnxState"] == "DEACTIVATED"
            assert ApplyAction.BUFFER in session.fars[2].action
            for kind in ("PDU_RES_SETUP_RSP", "PATH_SWITCH_REQ"):
                wrong = await here.amf.modify(uri, n2=b"\xff" * 9, kind=kind)
                assert (wrong.status, wrong.json()["cause"]) == (403, "N2_SM_ERROR")
            assert (await here.amf.modify(uri, n2=b"\0", kind="HANDOVER")).status == 400
            assert (await here.amf.modify(uri, {})).status == 400
            _, parts = (await here.amf.modify(uri, n1=b"\x2e\x01\x09\xee")).parts()
            status = decode(parts["n1"])
            assert isinstance(status, SmStatus) and status.cause == SmCause.MESSAGE_TYPE_NON_EXISTENT

    asyncio.run(scenario())
