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
from .message import MESSAGE_PRIORITY, Problem, Request, Response, current_priority

log = logging.getLogger(__name__)

DRAIN_S = 1.0
"""A client that does not close its connection until then loses it; an NF has two seconds to leave."""

Application = Callable[[Request], Awaitable[Response]]


class Session(Protocol):
    """One connection after its protocol is known."""

    def receive(self, data: bytes) -> None: ...

    def lost(self) -> None: ...

    def drain(self) -> None: ...


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

    def drain(self) -> None:
        """Let the client go after what it asked is answered."""
        if self._session is not None:
            self._session.drain()
        elif self.transport is not None:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        if self._session is not None:
            self._session.lost()


class SbiServer:
    """Listens on one address and gives every request to the application. No timer closes an idle connection."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._listener: asyncio.Server | None = None
        self._all_gone: asyncio.Future[None] | None = None
        self.connections: set[_Connection] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port (the one that was chosen where `port` is 0)."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: _Connection(self), host, port, backlog=128)
        return int(self._listener.sockets[0].getsockname()[1])

    async def drain(self, limit_s: float = DRAIN_S) -> None:
        """Stop to listen, answer the requests that have come, let the clients close; after the limit stop."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            connection.drain()
        if self.connections:
            self._all_gone = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._all_gone], timeout=limit_s)
        self.stop()

    def forget(self, connection: _Connection) -> None:
        """A connection is closed."""
        self.connections.discard(connection)
        if not self.connections and self._all_gone is not None and not self._all_gone.done():
            self._all_gone.set_result(None)

    def stop(self) -> None:
        """Stop to listen and close the connections at once."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.close()

    async def answer(self, request: Request) -> Response:
        """The application's answer; a fault of its own is a 500. Each request has a context of its own."""
        priority = request.headers.get(MESSAGE_PRIORITY)
        if priority is not None:
            current_priority.set(priority)
        try:
            return await self._application(request)
        except Exception as error:
            log.exception("%s %s", request.method, request.path)
            return Problem(500, "SYSTEM_FAILURE", repr(error)).response()
