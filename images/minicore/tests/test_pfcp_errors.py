# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed PFCP and GTP-U: the specification's cause, and nothing else happens (TS 29.244 clause 7.6, TS 29.281)."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from minicore import gtpu, ip
from minicore.pfcp import ies
from minicore.pfcp.codec import Ie, IeType, Message, MessageType, decode
from minicore.pfcp.ies import Cause, UeAddress
from minicore.pfcp.qos_ies import BitRates
from minicore.smf.n4_rules import SessionPlan, UsagePlan, downlink_update, establishment
from scapy.contrib import gtp as oracle

PLAN = SessionPlan(UeAddress("10.45.0.2", bytes(8)), rates=BitRates(1000, 2000), qfi=5, usage=UsagePlan(1000, 10, 5000))
HEAD = [ies.node_id("127.0.0.1"), ies.f_seid(ies.Seid(9, "127.0.0.1"))]
ESTABLISH = Message(MessageType.SESSION_ESTABLISHMENT_REQUEST, 5, 0, [*HEAD, *establishment(PLAN)])
SETUP = Message(
    MessageType.ASSOCIATION_SETUP_REQUEST,
    4,
    None,
    [ies.node_id("127.0.0.1"), ies.number(IeType.RECOVERY_TIME_STAMP, 1)],
)


class Peer(asyncio.DatagramProtocol):
    """Sends octets to the UPF's N4 and takes the answers."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[Message] = asyncio.Queue()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.answers.put_nowait(decode(data))

    async def ask(self, data: bytes) -> Message:
        self.transport.sendto(data)
        return await asyncio.wait_for(self.answers.get(), 2)


def with_upf(upf_type: Any, scenario: Any) -> None:
    async def run() -> None:
        upf = upf_type()
        await upf.start()
        loop = asyncio.get_running_loop()
        transport, peer = await loop.create_datagram_endpoint(Peer, remote_addr=upf.n4_address)
        await scenario(upf, peer)
        transport.close()
        upf.stop()

    asyncio.run(run())


def cause_of(message: Message) -> tuple[int, int | None]:
    offending = message.find(IeType.OFFENDING_IE)
    return ies.read_number(message.need(IeType.CAUSE)), None if offending is None else ies.read_number(offending)


def test_causes(upf_type: Any) -> None:
    async def scenario(upf: Any, peer: Peer) -> None:
        assert cause_of(await peer.ask(SETUP.encode())) == (Cause.ACCEPTED, None)
        # The length of the header is larger than the datagram, an element's is larger than the message.
        long = bytearray(ESTABLISH.encode())
        long[2:4] = b"\xff\xff"
        answer = await peer.ask(bytes(long))
        assert cause_of(answer) == (Cause.INVALID_LENGTH, None)
        assert (answer.type, answer.sequence, answer.seid) == (MessageType.SESSION_ESTABLISHMENT_RESPONSE, 5, 0)
        assert ies.read_node_id(answer.need(IeType.NODE_ID)) == "127.0.0.1"
        cut = Message(MessageType.SESSION_DELETION_REQUEST, 6, 1, [Ie(IeType.CREATE_FAR)]).encode()[:-1] + b"\x09"
        assert cause_of(await peer.ask(cut)) == (Cause.INVALID_LENGTH, IeType.CREATE_FAR)
        # An element that is too short, one with a wrong value, one that is missing in a group.
        for number, element, expected in (
            (7, Ie(IeType.F_SEID, b"\x02\0"), (Cause.INVALID_LENGTH, IeType.F_SEID)),
            (8, Ie(IeType.F_SEID, b"\x01" + bytes(24)), (Cause.MANDATORY_IE_INCORRECT, IeType.F_SEID)),
        ):
            wrong = Message(ESTABLISH.type, number, 0, [HEAD[0], element, *ESTABLISH.ies[2:]])
            assert cause_of(await peer.ask(wrong.encode())) == expected
        pdr = next(ie for ie in ESTABLISH.ies if ie.type == IeType.CREATE_PDR)
        bare = Ie(IeType.CREATE_PDR, children=[ie for ie in pdr.children if ie.type != IeType.PDI])
        answer = await peer.ask(Message(ESTABLISH.type, 9, 0, [*HEAD, bare]).encode())
        assert cause_of(answer) == (Cause.MANDATORY_IE_MISSING, IeType.PDI)
        dangling = [ie for ie in ESTABLISH.ies if ie.type != IeType.CREATE_QER]
        answer = await peer.ask(Message(ESTABLISH.type, 10, 0, dangling).encode())
        assert cause_of(answer)[0] == Cause.RULE_FAILURE
        assert answer.need(IeType.FAILED_RULE_ID).value == b"\2\0\0\0\1"
        assert upf.rules.sessions == {}
        # What is not known is ignored (clause 7.6.9), and the session is made.
        unknown = Message(ESTABLISH.type, 11, 0, [Ie(32000, b"later"), *ESTABLISH.ies])
        answer = await peer.ask(unknown.encode())
        assert cause_of(answer) == (Cause.ACCEPTED, None)
        assert answer.seid == 9

    with_upf(upf_type, scenario)


def test_what_is_not_answered(upf_type: Any) -> None:
    async def scenario(upf: Any, peer: Peer) -> None:
        peer.transport.sendto(b"\x20\x05")
        peer.transport.sendto(Message(MessageType.SESSION_DELETION_RESPONSE, 1, 1).encode())
        peer.transport.sendto(Message(200, 1, 1).encode())
        peer.transport.sendto(b"\x40" + Message(MessageType.VERSION_NOT_SUPPORTED_RESPONSE, 1).encode()[1:])
        answer = await peer.ask(b"\x40" + SETUP.encode()[1:])
        assert (answer.type, answer.sequence) == (MessageType.VERSION_NOT_SUPPORTED_RESPONSE, 4)
        assert peer.answers.empty()

    with_upf(upf_type, scenario)


def mutated(data: bytes, random_: random.Random) -> bytes:
    octets = bytearray(data)
    for _ in range(random_.randint(1, 6)):
        match random_.randrange(4):
            case 0:
                octets[random_.randrange(len(octets))] = random_.randrange(256)
            case 1:
                del octets[random_.randrange(len(octets)) :]
            case 2:
                at = random_.randrange(len(octets))
                octets[at:at] = random_.randbytes(random_.randint(1, 8))
            case _:
                at = random_.randrange(len(octets))
                del octets[at : at + random_.randint(1, 8)]
        if len(octets) < 8:
            octets += bytes(8)
    return bytes(octets)


@pytest.mark.parametrize("seed", range(8))
def test_fuzzed_requests_are_answered_or_ignored(upf_type: Any, seed: int) -> None:
    """Through the endpoint as it gets datagrams: no exception, and a session of before stays usable."""
    random_ = random.Random(seed)

    async def scenario(upf: Any, peer: Peer) -> None:
        await peer.ask(SETUP.encode())
        made = await peer.ask(ESTABLISH.encode())
        seid = ies.read_f_seid(made.need(IeType.F_SEID)).seid
        update = downlink_update(ies.Teid(1, "127.0.0.1"), True, ies.SEND_END_MARKERS)
        modify = Message(MessageType.SESSION_MODIFICATION_REQUEST, 6, seid, update)
        bases = [ESTABLISH.encode(), modify.encode(), SETUP.encode()]
        for number in range(400):
            data = mutated(bases[number % 3], random_)
            upf.n4.endpoint.datagram_received(data, ("127.0.0.2", 1000 + number))
        modify.sequence = 100_000
        assert cause_of(await peer.ask(modify.encode())) == (Cause.ACCEPTED, None)

    with_upf(upf_type, scenario)


@pytest.mark.parametrize("seed", range(4))
def test_fuzzed_packets_are_dropped_or_passed(rig_type: Any, seed: int) -> None:
    random_ = random.Random(seed)

    async def scenario() -> None:
        async with rig_type(tap=True).running() as rig:
            _, uplink = await rig.session(SessionPlan(UeAddress("10.45.0.2", b"\xfd" + bytes(7))))
            _, frames = await rig.session(SessionPlan(UeAddress(), ethernet=True), 2)
            ping = ip.echo_request("10.45.0.2", "10.45.0.1", 1, 1, bytes(8))
            bases = [
                gtpu.g_pdu(uplink.teid, ping, True),
                gtpu.g_pdu(frames.teid, bytes(6) + b"\2" + bytes(30), True),
                gtpu.error_indication(0x70, "127.0.0.1"),
                gtpu.echo_request(1),
            ]
            for number in range(400):
                rig.upf.user_plane.datagram_received(mutated(bases[number % 4], random_), ("127.0.0.2", 2152))
                rig.n6.send(mutated(ping, random_))
                rig.upf.user_plane._from_n6()
            rig.upf.user_plane.datagram_received(bases[0], ("127.0.0.2", 2152))
            assert rig.n6.written[-1] == ping

    asyncio.run(scenario())


def test_an_extension_header_that_must_be_understood_is_named(rig_type: Any) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            _, uplink = await rig.session(SessionPlan(UeAddress("10.45.0.2")))
            ping = ip.echo_request("10.45.0.2", "10.45.0.1", 1, 1, b"")
            good = gtpu.g_pdu(uplink.teid, ping, True)
            for kind, passes in ((0x82, False), (0x20, True)):
                rig.send_raw(good[:11] + bytes((kind,)) + good[12:])
                if not passes:
                    assert (await rig.next()).type == gtpu.SUPPORTED_EXTENSION_HEADERS
            await rig.barrier()
            assert rig.n6.written == [ping]

    asyncio.run(scenario())
    notification = oracle.GTPHeader(gtpu.supported_extension_headers(3))
    assert (notification.gtp_type, notification.seq) == (31, 3)
    marker = oracle.GTPHeader(gtpu.end_marker(0x77))
    assert (marker.gtp_type, marker.teid, marker.length) == (254, 0x77, 0)
