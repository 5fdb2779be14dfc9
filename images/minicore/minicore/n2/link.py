# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AMF's end of N2: fronts connect here by TCP and bring the associations of their gNBs."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Protocol

from . import N2_PORT
from .framing import Decoder, Frame, FrameType, FramingError, hello, read_hello

log = logging.getLogger(__name__)


class Association(Protocol):
    """One gNB. `id` is unique in this process; `peer` is the gNB's address and port at the front."""

    @property
    def id(self) -> int: ...

    @property
    def peer(self) -> str: ...

    def send(self, pdu: bytes, stream: int) -> None:
        """Send a PDU; nothing where the association is gone (`association_down` said so)."""

    def close(self, reason: str) -> None:
        """Have the front end the association; `association_down` follows."""


class N2Handler(Protocol):
    """What the AMF does. The methods must not raise: what they raise ends the front's connection."""

    def association_up(self, association: Association) -> None: ...

    def association_down(self, association: Association) -> None: ...

    def received(self, association: Association, stream: int, pdu: bytes) -> None: ...


class _Association:
    __slots__ = ("_front", "_number", "id", "peer")

    def __init__(self, front: _Front, number: int, identity: int, peer: str) -> None:
        self._front = front
        self._number = number
        self.id = identity
        self.peer = peer

    def send(self, pdu: bytes, stream: int) -> None:
        self._front.write(Frame(FrameType.NGAP, self._number, stream, pdu))

    def close(self, reason: str) -> None:
        self._front.write(Frame(FrameType.DOWN, self._number, payload=reason.encode()))


class _Front(asyncio.Protocol):
    def __init__(self, server: N2Server) -> None:
        self._server = server
        self._decoder = Decoder()
        self._associations: dict[int, _Association] = {}
        self._transport: asyncio.Transport | None = None
        self._is_greeted = False
        self.name = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.fronts.add(self)
        transport.write(hello(self._server.name))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server.fronts.discard(self)
        log.info("front %s is gone: %s", self.name, exc or "closed")
        for number in list(self._associations):
            self._down(number)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._on_frame(frame)
        except FramingError as error:
            log.warning("front %s: %s", self.name, error)
            self.close()

    def write(self, frame: Frame) -> None:
        if self._transport is not None:
            self._transport.write(frame.encode())

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _on_frame(self, frame: Frame) -> None:
        if not self._is_greeted:
            self.name = read_hello(frame)
            self._is_greeted = True
            log.info("front %s is connected", self.name)
        elif frame.type is FrameType.NGAP:
            association = self._associations.get(frame.association)
            if association is None:
                raise FramingError(f"association {frame.association} was not reported")
            self._server.handler.received(association, frame.stream, frame.payload)
        elif frame.type is FrameType.UP:
            self._down(frame.association)
            peer = frame.payload.decode(errors="replace")
            association = _Association(self, frame.association, next(self._server.numbers), peer)
            self._associations[frame.association] = association
            self._server.handler.association_up(association)
        elif frame.type is FrameType.DOWN:
            self._down(frame.association)

    def _down(self, number: int) -> None:
        association = self._associations.pop(number, None)
        if association is not None:
            self._server.handler.association_down(association)


class N2Server:
    """Accepts fronts; gives their associations and PDUs to the handler, in the order of their arrival."""

    def __init__(self, handler: N2Handler, name: str = "amf") -> None:
        self.handler = handler
        self.name = name
        self.fronts: set[_Front] = set()
        self.numbers = itertools.count(1)
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int = N2_PORT) -> int:
        """Listen on TCP; return the port (the one that was chosen where `port` is 0)."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Front(self), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and end the connections; their associations are reported as down."""
        if self._server is None:
            return
        self._server.close()
        for front in list(self.fronts):
            front.close()
        await self._server.wait_closed()
        self._server = None
