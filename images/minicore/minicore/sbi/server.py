# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server of the SBI: HTTP/2 by prior knowledge, and HTTP/1.1 for people with curl, on one port."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from .http2_server import PREFACE, Http2Session
from .message import Problem, Request, Response

log = logging.getLogger(__name__)

Application = Callable[[Request], Awaitable[Response]]


class Session(Protocol):
    """One connection after its protocol is known."""

    def receive(self, data: bytes) -> None: ...

    def lost(self) -> None: ...


class _Connection(asyncio.Protocol):
    """Finds out by the first octets which protocol the client speaks (RFC 9113 clause 3.3)."""

    def __init__(self, server: SbiServer) -> None:
        self._server = server
        self._head = b""
        self._session: Session | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._session is None:
            self._head += data
            session = self._recognise()
            if session is None:
                return
            self._session, data, self._head = session, self._head, b""
        self._session.receive(data)

    def _recognise(self) -> Session | None:
        assert self.transport is not None
        if self._head.startswith(PREFACE):
            return Http2Session(self.transport, self._server.answer)
        if PREFACE.startswith(self._head):
            return None
        # Only now: an NF that nobody asks by HTTP/1.1 does not carry the library.
        from .http1_server import Http1Session

        return Http1Session(self.transport, self._server.answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        if self._session is not None:
            self._session.lost()


class SbiServer:
    """Listens on one address and gives every request to the application."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._listener: asyncio.Server | None = None
        self.connections: set[_Connection] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port (the one that was chosen where `port` is 0)."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: _Connection(self), host, port, backlog=128)
        return int(self._listener.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Stop to listen and close the connections."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.close()

    async def answer(self, request: Request) -> Response:
        """The application's answer; a fault of its own is a 500."""
        try:
            return await self._application(request)
        except Exception as error:
            log.exception("%s %s", request.method, request.path)
            return Problem(500, "SYSTEM_FAILURE", repr(error)).response()
