# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PFCP entity on UDP: requests with retransmission, responses that are the same for a repeated request.

TS 29.244 clause 6.4: the sender repeats a request each T1 until it was sent N1 times; the receiver knows a repeated
request by its sender and sequence number.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections import OrderedDict
from collections.abc import Callable

from .codec import REQUESTS, BodyError, CodecError, Ie, Message, MessageType, VersionError, decode
from .refusal import refusal_of

log = logging.getLogger(__name__)

T1_S = 2.5
N1 = 4

Address = tuple[str, int]
Handler = Callable[[Address, Message], Message | None]


class PfcpTimeout(Exception):
    """No response after N1 transmissions."""


class _Pending:
    __slots__ = ("answer", "data", "sent", "timer")

    def __init__(self, data: bytes, answer: asyncio.Future[Message]) -> None:
        self.data = data
        self.answer = answer
        self.sent = 0
        self.timer: asyncio.TimerHandle | None = None


class PfcpEndpoint(asyncio.DatagramProtocol):
    """Sends requests, and gives each request of a peer once to `handler`."""

    def __init__(self, handler: Handler, t1_s: float = T1_S, n1: int = N1) -> None:
        self._handler = handler
        self._t1_s = t1_s
        self._n1 = n1
        self._loop = asyncio.get_running_loop()
        # Not from 1: after a restart the peer would take our first requests for repeated ones.
        self._sequence = itertools.count(int.from_bytes(os.urandom(3), "big"))
        self._pending: dict[tuple[Address, int], _Pending] = {}
        self._answered: OrderedDict[tuple[Address, int, int], tuple[float, bytes]] = OrderedDict()
        self._transport: asyncio.DatagramTransport | None = None
        self._host = ""
        self.retransmissions = 0
        self.repeated_requests = 0

    async def start(self, host: str, port: int) -> int:
        """Bind; return the port (the one that was chosen where `port` is 0)."""
        transport, _ = await self._loop.create_datagram_endpoint(lambda: self, (host, port))
        self._transport, self._host = transport, host
        return int(transport.get_extra_info("sockname")[1])

    def stop(self) -> None:
        for pending in self._pending.values():
            if pending.timer is not None:
                pending.timer.cancel()
            pending.answer.cancel()
        self._pending.clear()
        if self._transport is not None:
            self._transport.close()

    async def request(self, peer: Address, kind: MessageType, ies: list[Ie], seid: int | None = None) -> Message:
        """Send a request; return the response, or raise PfcpTimeout."""
        sequence = next(self._sequence) & 0xFFFFFF
        pending = _Pending(Message(kind, sequence, seid, ies).encode(), self._loop.create_future())
        self._pending[peer, sequence] = pending
        self._transmit(peer, sequence)
        try:
            return await pending.answer
        finally:
            self._pending.pop((peer, sequence), None)
            if pending.timer is not None:
                pending.timer.cancel()

    def _transmit(self, peer: Address, sequence: int) -> None:
        pending = self._pending[peer, sequence]
        if pending.answer.done():
            # After a stop of this process the answer and T1 come in the same turn of the loop.
            return
        if pending.sent == self._n1:
            pending.answer.set_exception(PfcpTimeout(f"{peer[0]} did not answer {self._n1} transmissions"))
            return
        self.retransmissions += pending.sent > 0
        pending.sent += 1
        if self._transport is not None:
            self._transport.sendto(pending.data, peer)
        pending.timer = self._loop.call_later(self._t1_s, self._transmit, peer, sequence)

    def error_received(self, exc: Exception) -> None:
        # The peer's host is there but not its socket: T1 goes on, the peer may come back.
        log.debug("%s", exc)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        try:
            message = decode(data)
        except VersionError:
            # Clause 7.6.2. Its own kind is not answered: two entities would go on without end.
            if data[1] != MessageType.VERSION_NOT_SUPPORTED_RESPONSE:
                sequence = int.from_bytes(data[4:7], "big")
                self._send(addr, Message(MessageType.VERSION_NOT_SUPPORTED_RESPONSE, sequence).encode())
            return
        except BodyError as error:
            log.warning("from %s: %s", addr[0], error)
            if error.message.type in REQUESTS:
                self._send(addr, refusal_of(error.message, self._host, error).encode())
            return
        except CodecError as error:
            # Clause 7.6.3: too short for its header, silently discarded.
            log.debug("from %s: %s", addr[0], error)
            return
        if message.type in REQUESTS:
            self._on_request(addr, message)
            return
        pending = self._pending.get((addr, message.sequence))
        if pending is not None and not pending.answer.done():
            pending.answer.set_result(message)

    def _on_request(self, addr: Address, message: Message) -> None:
        now = self._loop.time()
        while self._answered:
            (oldest, (answered_at, _)) = next(iter(self._answered.items()))
            if now - answered_at < self._t1_s * self._n1:
                break
            del self._answered[oldest]
        key = addr, message.sequence, message.type
        known = self._answered.get(key)
        if known is not None:
            self.repeated_requests += 1
            self._send(addr, known[1])
            return
        try:
            response = self._handler(addr, message)
        except CodecError as error:
            log.warning("from %s: %s", addr[0], error)
            response = refusal_of(message, self._host, error)
        if response is not None:
            data = response.encode()
            self._answered[key] = (now, data)
            self._send(addr, data)

    def _send(self, addr: Address, data: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(data, addr)
