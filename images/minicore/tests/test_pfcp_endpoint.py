# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retransmission and duplicate detection on real UDP."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest
from minicore.pfcp import ies
from minicore.pfcp.codec import IeType, Message, MessageType, decode
from minicore.pfcp.endpoint import Address, PfcpEndpoint, PfcpTimeout


class Peer(asyncio.DatagramProtocol):
    """Collects datagrams; answers from the `answer_from`th on."""

    def __init__(self, answer_from: int) -> None:
        self.received: list[tuple[float, bytes]] = []
        self._answer_from = answer_from
        self.transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: Address) -> None:
        assert self.transport is not None
        self.received.append((asyncio.get_running_loop().time(), data))
        if len(self.received) >= self._answer_from:
            request = decode(data)
            self.transport.sendto(Message(request.type + 1, request.sequence).encode(), addr)


async def open_peer(answer_from: int) -> tuple[Peer, Address]:
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(lambda: Peer(answer_from), ("127.0.0.1", 0))
    peer.transport = transport
    return peer, transport.get_extra_info("sockname")


def ignore(peer: Address, message: Message) -> Message | None:
    return None


def test_a_request_is_sent_n1_times_each_t1() -> None:
    async def scenario() -> None:
        peer, address = await open_peer(answer_from=100)
        endpoint = PfcpEndpoint(ignore, t1_s=0.03, n1=4)
        await endpoint.start("127.0.0.1", 0)
        with pytest.raises(PfcpTimeout):
            await endpoint.request(address, MessageType.HEARTBEAT_REQUEST, [])
        times = [time for time, _ in peer.received]
        assert len(times) == 4 and len({data for _, data in peer.received}) == 1
        assert all(later - earlier >= 0.025 for earlier, later in itertools.pairwise(times))
        assert endpoint.retransmissions == 3
        endpoint.stop()

    asyncio.run(scenario())


def test_the_answer_to_the_last_transmission_counts() -> None:
    async def scenario() -> None:
        peer, address = await open_peer(answer_from=3)
        endpoint = PfcpEndpoint(ignore, t1_s=0.02, n1=4)
        await endpoint.start("127.0.0.1", 0)
        response = await endpoint.request(address, MessageType.HEARTBEAT_REQUEST, [])
        assert response.type == MessageType.HEARTBEAT_RESPONSE
        assert (len(peer.received), endpoint.retransmissions) == (3, 2)
        endpoint.stop()

    asyncio.run(scenario())


def test_a_repeated_request_is_handled_once_and_answered_alike(until: Callable[..., Awaitable[None]]) -> None:
    async def scenario() -> None:
        handled: list[int] = []

        def handle(peer: Address, message: Message) -> Message:
            handled.append(message.sequence)
            cause = ies.number(IeType.CAUSE, len(handled))
            return Message(message.type + 1, message.sequence, None, [cause])

        endpoint = PfcpEndpoint(handle, t1_s=0.05, n1=2)
        port = await endpoint.start("127.0.0.1", 0)
        peer, _ = await open_peer(answer_from=100)
        assert peer.transport is not None
        first = Message(MessageType.HEARTBEAT_REQUEST, 5).encode()
        second = Message(MessageType.HEARTBEAT_REQUEST, 6).encode()
        for data in (first, first, second, first):
            peer.transport.sendto(data, ("127.0.0.1", port))
        await until(lambda: len(peer.received) == 4)
        answers = [data for _, data in peer.received]
        assert handled == [5, 6] and endpoint.repeated_requests == 2
        assert answers[0] == answers[1] == answers[3] != answers[2]
        # After N1 * T1 no repetition can come any more: the number is free.
        await asyncio.sleep(0.11)
        peer.transport.sendto(first, ("127.0.0.1", port))
        await until(lambda: handled == [5, 6, 5])
        endpoint.stop()

    asyncio.run(scenario())


def test_another_version_is_answered(until: Callable[..., Awaitable[None]]) -> None:
    async def scenario() -> None:
        endpoint = PfcpEndpoint(ignore)
        port = await endpoint.start("127.0.0.1", 0)
        peer, _ = await open_peer(answer_from=100)
        assert peer.transport is not None
        peer.transport.sendto(b"\x40\x01\x00\x04\x00\x00\x07\x00", ("127.0.0.1", port))
        await until(lambda: peer.received)
        answer = decode(peer.received[0][1])
        assert (answer.type, answer.sequence) == (MessageType.VERSION_NOT_SUPPORTED_RESPONSE, 7)
        endpoint.stop()

    asyncio.run(scenario())
