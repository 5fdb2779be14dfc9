# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front's TCP connection to one AMF: kept, and made again when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import Protocol

from ...ngap.values import Guami
from ..framing import Decoder, Frame, FrameType, FramingError, hello, read_hello

log = logging.getLogger(__name__)

RETRY_S = 0.2
LONGEST_RETRY_S = 2.0
CONNECT_S = 3.0
UNSENT_BYTES = 16 << 20
"""An AMF that leaves so much unread is taken for lost."""
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6}
"""An AMF whose host vanished is seen within 40 s; one that is frozen for its migration is not taken for lost."""


class AmfEvents(Protocol):
    def amf_up(self, amf: AmfLink) -> None:
        """The AMF's HELLO is there; it knows of no association yet."""

    def amf_down(self, amf: AmfLink) -> None: ...

    def from_amf(self, amf: AmfLink, frame: Frame) -> None: ...


class AmfLink(asyncio.Protocol):
    """One AMF at a fixed address; `start` keeps trying until `stop`."""

    def __init__(self, address: str, port: int, events: AmfEvents, name: str) -> None:
        self.address = address
        self.port = port
        self.name = ""
        """What the AMF calls itself; empty until it was reached once."""
        self.guamis: frozenset[Guami] = frozenset()
        """Of its latest NG SETUP RESPONSE."""
        self.capacity = 0
        """Relative AMF capacity of the same message."""
        self.is_up = False
        self.connections = 0
        self._events = events
        self._own_name = name
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep_connected())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._transport is not None:
            self._transport.close()

    def send(self, frame: Frame) -> None:
        """Nothing while the AMF is not up: `amf_down` said so."""
        if self._transport is None or not self.is_up:
            return
        self._transport.write(frame.encode())
        if self._transport.get_write_buffer_size() > UNSENT_BYTES:
            log.warning("AMF %s does not read: disconnected", self.address)
            self._transport.abort()

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        wait_s = RETRY_S
        while True:
            self._lost.clear()
            try:
                async with asyncio.timeout(CONNECT_S):
                    await loop.create_connection(lambda: self, self.address, self.port)
                connections = self.connections
                await self._lost.wait()
                if self.connections > connections:
                    wait_s = RETRY_S
            except (OSError, TimeoutError) as error:
                log.debug("AMF %s: %s", self.address, error)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_RETRY_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._decoder = Decoder()
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE.items():
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        transport.write(hello(self._own_name))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost.set()
        if self.is_up:
            self.is_up = False
            log.warning("AMF %s (%s) is away: %s", self.name, self.address, exc or "it closed the connection")
            self._events.amf_down(self)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._on_frame(frame)
        except FramingError as error:
            log.warning("AMF %s: %s", self.address, error)
            if self._transport is not None:
                self._transport.abort()

    def _on_frame(self, frame: Frame) -> None:
        if self.is_up:
            if frame.type in (FrameType.NGAP, FrameType.DOWN):
                self._events.from_amf(self, frame)
            return
        self.name = read_hello(frame)
        self.is_up = True
        self.connections += 1
        log.info("AMF %s (%s) is connected", self.name, self.address)
        self._events.amf_up(self)

    def __str__(self) -> str:
        return self.name or self.address
