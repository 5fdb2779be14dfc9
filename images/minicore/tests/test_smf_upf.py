# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SMF and UPF over real UDP, the SMF's resources over real HTTP/2."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any

import pytest
from minicore import gtpu, ip
from minicore.nas.qos import PduSessionType
from minicore.pfcp import ies
from minicore.pfcp.codec import Ie, IeType, Message, MessageType
from minicore.pfcp.ies import ApplyAction, Teid
from minicore.sbi.client import Connection
from minicore.sbi.message import Response
from minicore.smf.api import CONTEXTS
from minicore.smf.contexts import AddressPool, PoolExhausted, PrefixPool
from minicore.smf.idempotency import idempotency_key
from minicore.smf.n4 import N4Client

Until = Callable[..., Awaitable[None]]
CREATE = {"supi": "imsi-001010000000001", "pduSessionId": 1, "dnn": "internet", "sNssai": {"sst": 1}}


def tunnel(teid: int, kind: str = "PATH_SWITCH_REQ") -> dict[str, Any]:
    info = {"ipv4Addr": "127.0.0.1", "gtpTeid": f"{teid:08x}"}
    return {"n2SmInfoType": kind, "n2SmInfo": {"dlNguUpTnlInformation": info}}


class Amf:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def post(self, path: str, value: Any, key: str | None = None) -> Response:
        headers = {"3gpp-sbi-request-info": f"retrans=false; idempotency-key={key}"} if key else None
        return await self.connection.call("POST", path, json.dumps(value).encode(), headers)

    async def create(self, **changes: Any) -> str:
        response = await self.post(CONTEXTS, {**CREATE, **changes})
        assert response.status == 201
        return response.headers["location"].rsplit("/", 1)[1]


@contextlib.asynccontextmanager
async def amf_of(port: int) -> AsyncIterator[Amf]:
    connection = await Connection.open("127.0.0.1", port)
    yield Amf(connection)
    connection.close()


def test_life_of_a_session(core_on_loopback: Any) -> None:
    async def scenario() -> None:
        async with core_on_loopback() as core, amf_of(core.sbi_port) as amf:
            created = await amf.post(CONTEXTS, CREATE)
            ref = created.headers["location"].rsplit("/", 1)[1]
            info = created.json()["n2SmInfo"]["ulNguUpTnlInformation"]
            (session,) = core.upf.rules.sessions.values()
            assert info == {"ipv4Addr": "127.0.0.1", "gtpTeid": f"{session.pdrs[1].teid.teid:08x}"}
            assert session.pdrs[2].ue_address == created.json()["n1SmMsg"]["pduAddress"] == "10.45.0.2"
            assert session.fars[2].action is ApplyAction.BUFFER

            modified = await amf.post(f"{CONTEXTS}/{ref}/modify", tunnel(0x77, "PDU_RES_SETUP_RSP"))
            assert (modified.status, modified.json()["upCnxState"]) == (200, "ACTIVATED")
            assert session.fars[2].outer == Teid(0x77, "127.0.0.1")
            assert session.fars[2].action is ApplyAction.FORWARD
            switched = await amf.post(f"{CONTEXTS}/{ref}/modify", tunnel(0x78))
            assert switched.json()["n2SmInfoType"] == "PATH_SWITCH_REQ_ACK"
            assert switched.headers["minicore-updates"] == "2"
            assert session.fars[2].outer == Teid(0x78, "127.0.0.1")
            idle = await amf.post(f"{CONTEXTS}/{ref}/modify", {"upCnxState": "DEACTIVATED"})
            assert idle.json()["upCnxState"] == "DEACTIVATED"
            assert session.fars[2].action is ApplyAction.BUFFER
            woken = await amf.post(f"{CONTEXTS}/{ref}/modify", {"upCnxState": "ACTIVATING"})
            assert woken.json()["n2SmInfo"]["ulNguUpTnlInformation"] == info

            state = core.smf.state()
            assert state["sessions"] == state["pfcp"][0]["sessions"] == 1
            assert state["pfcp"][0]["recovery_time_stamp"] == 1000
            assert (await amf.post(f"{CONTEXTS}/{ref}/release", {})).status == 204
            assert core.upf.rules.sessions == core.upf.rules.uplink == core.upf.rules.downlink == {}
            assert core.smf.state()["sessions"] == 0
            gone = await amf.post(f"{CONTEXTS}/{ref}/modify", tunnel(1))
            assert (gone.status, gone.json()["cause"]) == (404, "CONTEXT_NOT_FOUND")

    asyncio.run(scenario())


def test_digest_follows_the_sessions(core_on_loopback: Any) -> None:
    async def scenario() -> None:
        async with core_on_loopback() as core, amf_of(core.sbi_port) as amf:
            ref = await amf.create()
            before = core.smf.state()["digest"], core.upf.rules.digest()
            assert (core.smf.state()["digest"], core.upf.rules.digest()) == before
            await amf.post(f"{CONTEXTS}/{ref}/modify", tunnel(0x78))
            after = core.smf.state()["digest"], core.upf.rules.digest()
            assert after[0] != before[0] and after[1] != before[1]

    asyncio.run(scenario())


def test_a_session_set_up_again_replaces_the_older_one(core_on_loopback: Any) -> None:
    async def scenario() -> None:
        async with core_on_loopback() as core, amf_of(core.sbi_port) as amf:
            first = await amf.create()
            other = await amf.create(pduSessionId=2)
            second = await amf.create()
            assert len({first, other, second}) == 3
            assert core.smf.state()["sessions"] == len(core.upf.rules.sessions) == 2
            assert (await amf.post(f"{CONTEXTS}/{first}/release", {})).status == 404

    asyncio.run(scenario())


def test_a_repeated_request_is_done_once_and_counted(core_on_loopback: Any) -> None:
    async def scenario() -> None:
        async with core_on_loopback() as core, amf_of(core.sbi_port) as amf:
            # At the same time: the second has to wait for the answer to the first.
            first, again = await asyncio.gather(*(amf.post(CONTEXTS, CREATE, "key-1") for _ in range(2)))
            later = await amf.post(CONTEXTS, CREATE, "key-1")
            assert first.headers["location"] == again.headers["location"] == later.headers["location"]
            assert [one.headers["minicore-seen"] for one in (first, again, later)] == ["1", "2", "3"]
            ref = first.headers["location"].rsplit("/", 1)[1]
            for _ in range(2):
                modified = await amf.post(f"{CONTEXTS}/{ref}/modify", tunnel(5), "key-2")
                assert modified.headers["minicore-updates"] == "1"
            assert core.smf.state()["sessions"] == 1
            assert core.smf.state()["requests"] == {"received": 5, "repeated": 3}

    asyncio.run(scenario())


def test_idempotency_key() -> None:
    headers = {"3gpp-sbi-request-info": "retrans=true; idempotency-key= a-1 "}
    assert idempotency_key(headers) == "a-1"
    assert idempotency_key({"3gpp-sbi-request-info": "retrans=true"}) is None
    assert idempotency_key({}) is None


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"supi": None}, "MANDATORY_IE_MISSING"),
        ({"pduSessionId": "1"}, "MANDATORY_IE_INCORRECT"),
        ({"sNssai": 1}, "MANDATORY_IE_INCORRECT"),
    ],
)
def test_wrong_requests_are_refused(core_on_loopback: Any, change: dict[str, Any], cause: str) -> None:
    async def scenario() -> None:
        async with core_on_loopback() as core, amf_of(core.sbi_port) as amf:
            response = await amf.post(CONTEXTS, {**CREATE, **change})
            assert (response.status, response.json()["cause"]) == (400, cause)
            ref = await amf.create()
            for body in ({}, {"n2SmInfoType": "PATH_SWITCH_REQ", "n2SmInfo": {}}):
                assert (await amf.post(f"{CONTEXTS}/{ref}/modify", body)).status == 400
            assert core.smf.state()["sessions"] == 1

    asyncio.run(scenario())


def test_a_restarted_upf_is_noticed(core_on_loopback: Any, upf_type: Any, until: Until) -> None:
    async def scenario() -> None:
        async with core_on_loopback(heartbeat_s=0.05) as core, amf_of(core.sbi_port) as amf:
            await amf.create()
            old = core.upf
            old.stop()
            await asyncio.sleep(0)  # the loop closes the socket in its next turn
            core.upf = upf_type(recovery_time_stamp=2000)
            await core.upf.start(old.n4_address[1])
            await until(lambda: core.smf.state()["pfcp"][0]["recovery_time_stamp"] == 2000)
            assert core.smf.state()["sessions"] == 0
            await amf.create()
            assert len(core.upf.rules.sessions) == 1

    asyncio.run(scenario())


def test_a_restarted_smf_is_noticed(core_on_loopback: Any, until: Until) -> None:
    async def scenario() -> None:
        async with core_on_loopback() as core, amf_of(core.sbi_port) as amf:
            await amf.create()
            (association,) = core.upf.n4.associations.values()
            now = Ie(IeType.RECOVERY_TIME_STAMP, (association.recovery_time_stamp + 1).to_bytes(4, "big"))
            core.upf.n4.handle(association.peer, Message(MessageType.HEARTBEAT_REQUEST, 1, None, [now]))
            assert not association.up and core.upf.rules.sessions == {}
            # What the SMF sends now is refused: for the UPF there is no association.
            refused = await amf.post(CONTEXTS, {**CREATE, "pduSessionId": 3})
            assert (refused.status, refused.json()["cause"]) == (504, "NETWORK_FAILURE")
            # The SMF takes it as lost, and associates again.
            assert core.smf.state()["sessions"] == 0
            await until(lambda: core.smf.state()["pfcp"][0]["up"])
            await amf.create()

    asyncio.run(scenario())


def test_without_upf_there_is_no_session(core_on_loopback: Any, until: Until) -> None:
    async def scenario() -> None:
        async with core_on_loopback() as core, amf_of(core.sbi_port) as amf:
            for association in core.smf.n4.associations.values():
                association.up = False
            response = await amf.post(CONTEXTS, CREATE)
            assert (response.status, response.json()["cause"]) == (504, "UPF_NOT_RESPONDING")

    asyncio.run(scenario())


def test_the_upf_names_what_is_missing(upf_type: Any) -> None:
    async def scenario() -> None:
        upf = upf_type()
        await upf.start()
        peer = ("127.0.0.1", 1)
        node = ies.node_id("127.0.0.1")
        stamp = ies.number(IeType.RECOVERY_TIME_STAMP, 1)

        def cause(kind: MessageType, *elements: Ie, seid: int | None = None) -> int:
            answer = upf.n4.handle(peer, Message(kind, 1, seid, list(elements)))
            return ies.read_number(answer.need(IeType.CAUSE))

        f_seid = ies.f_seid(ies.Seid(1, "127.0.0.1"))
        establish = MessageType.SESSION_ESTABLISHMENT_REQUEST
        assert cause(establish, node, f_seid, seid=0) == ies.Cause.NO_ESTABLISHED_ASSOCIATION
        assert cause(MessageType.ASSOCIATION_SETUP_REQUEST, node) == ies.Cause.MANDATORY_IE_MISSING
        assert cause(MessageType.ASSOCIATION_SETUP_REQUEST, node, stamp) == ies.Cause.ACCEPTED
        assert cause(establish, node, seid=0) == ies.Cause.MANDATORY_IE_MISSING
        assert cause(establish, node, f_seid, seid=0) == ies.Cause.RULE_FAILURE
        short = Ie(IeType.F_SEID, b"\x02")
        assert cause(establish, node, short, seid=0) == ies.Cause.INVALID_LENGTH
        unknown = MessageType.SESSION_MODIFICATION_REQUEST
        assert cause(unknown, seid=99) == ies.Cause.SESSION_CONTEXT_NOT_FOUND
        assert cause(MessageType.SESSION_DELETION_REQUEST, seid=99) == ies.Cause.SESSION_CONTEXT_NOT_FOUND
        assert cause(MessageType.ASSOCIATION_RELEASE_REQUEST, node) == ies.Cause.ACCEPTED
        assert cause(MessageType.ASSOCIATION_RELEASE_REQUEST, node) == ies.Cause.NO_ESTABLISHED_ASSOCIATION
        upf.stop()

    asyncio.run(scenario())


def test_packets_obey_the_rules(core_on_loopback: Any, udp_port: int) -> None:
    async def scenario() -> None:
        async with core_on_loopback(gnb_port=udp_port) as core, amf_of(core.sbi_port) as amf:
            loop = asyncio.get_running_loop()
            received: asyncio.Queue[bytes] = asyncio.Queue()

            class Gnb(asyncio.DatagramProtocol):
                def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                    received.put_nowait(data)

            transport, _ = await loop.create_datagram_endpoint(Gnb, ("127.0.0.1", udp_port))
            n3 = ("127.0.0.1", core.upf.n3_port)
            ref = await amf.create()
            (session,) = core.upf.rules.sessions.values()
            teid = session.pdrs[1].teid.teid
            ping = ip.echo_request("10.45.0.2", "10.45.0.1", 1, 1, b"12345678")

            async def send(data: bytes) -> gtpu.GtpMessage:
                transport.sendto(data, n3)
                return gtpu.decode(await asyncio.wait_for(received.get(), 2))

            assert (await send(gtpu.echo_request(9))).type == gtpu.ECHO_RESPONSE
            await amf.post(f"{CONTEXTS}/{ref}/modify", tunnel(0x78))
            answer = await send(gtpu.g_pdu(teid, ping, uplink=True))
            echo = ip.read_echo(answer.payload)
            assert (answer.teid, echo and echo.destination) == (0x78, "10.45.0.2")
            assert (await send(gtpu.g_pdu(teid + 1, ping, uplink=True))).type == gtpu.ERROR_INDICATION
            # Another UE's address, and a downlink that is buffered: nothing comes; the echo afterwards does.
            other = ip.echo_request("10.45.0.3", "10.45.0.1", 1, 1, b"12345678")
            transport.sendto(gtpu.g_pdu(teid, other, uplink=True), n3)
            await amf.post(f"{CONTEXTS}/{ref}/modify", {"upCnxState": "DEACTIVATED"})
            transport.sendto(gtpu.g_pdu(teid, ping, uplink=True), n3)
            assert (await send(gtpu.echo_request(10))).type == gtpu.ECHO_RESPONSE
            assert [seen.source for seen in core.upf.n6.seen] == ["10.45.0.2", "10.45.0.2"]
            transport.close()

    asyncio.run(scenario())


def test_address_pool(settings: Any) -> None:
    pool = AddressPool(IPv4Interface("10.0.0.1/29"))
    assert [pool.allocate() for _ in range(5)] == [f"10.0.0.{n}" for n in (2, 3, 4, 5, 6)]
    with pytest.raises(PoolExhausted):
        pool.allocate()
    pool.release("10.0.0.4")
    assert pool.allocate() == "10.0.0.4"


@pytest.mark.parametrize(
    ("network", "addresses", "prefix", "prefixes"), [("10.0.0.1/29", 5, "::/63", 1), ("10.0.0.1/30", 1, "::/61", 7)]
)
def test_a_session_that_gets_no_address_keeps_none(
    core_on_loopback: Any, network: str, addresses: int, prefix: str, prefixes: int
) -> None:
    """One pool is used up before the other."""

    async def scenario() -> None:
        async with core_on_loopback() as core:
            sessions = core.smf._sessions
            sessions._pool, sessions._prefixes = (
                AddressPool(IPv4Interface(network)),
                PrefixPool(IPv6Interface(prefix)),
            )
            sessions.give_back(sessions.allocate(PduSessionType.IPV4V6))
            first = sessions.allocate(PduSessionType.IPV4V6)
            for _ in range(20):
                with pytest.raises(PoolExhausted):
                    sessions.allocate(PduSessionType.IPV4V6)
            sessions.give_back(first)
            for kind, count in ((PduSessionType.IPV4, addresses), (PduSessionType.IPV6, prefixes)):
                assert len({sessions.allocate(kind) for _ in range(count)}) == count

    asyncio.run(scenario())


class Watched:
    """SessionEvents of an SMF with or without sessions."""

    def __init__(self, sessions: bool) -> None:
        self.sessions = sessions
        self.absent: list[tuple[str, int]] = []

    def upf_lost(self, upf: tuple[str, int]) -> None:
        return

    def upf_associated(self, upf: tuple[str, int]) -> None:
        return

    def upf_absent(self, upf: tuple[str, int]) -> None:
        self.absent.append(upf)

    def has_sessions(self, upf: tuple[str, int]) -> bool:
        return self.sessions

    def upf_releasing(self, upf: tuple[str, int]) -> None:
        return

    def reported(self, cp_seid: int, report: Any) -> int | None:
        return None


@pytest.mark.parametrize(("is_found", "has_sessions"), [(False, False), (True, False), (False, True)])
def test_a_upf_that_was_removed_is_forgotten(upf_type: Any, until: Until, is_found: bool, has_sessions: bool) -> None:
    """Without a session there, once the NRF does not know it any more."""

    async def scenario() -> None:
        upf = upf_type()
        await upf.start()
        found, events = [upf.n4_address], Watched(has_sessions)

        async def find() -> list[tuple[str, int]]:
            return list(found)

        client = N4Client("127.0.0.1", 1, 0.02, find, events, t1_s=0.02, n1=1)
        await client.endpoint.start("127.0.0.1", 0)
        client.start()
        await until(lambda: client.is_usable(upf.n4_address))
        if not is_found:
            found.clear()
        upf.stop()
        if is_found or has_sessions:
            await until(lambda: events.absent)
            assert list(client.associations) == [upf.n4_address]
        else:
            await until(lambda: not client.associations)
            assert not events.absent
        await client.stop()

    asyncio.run(scenario())
