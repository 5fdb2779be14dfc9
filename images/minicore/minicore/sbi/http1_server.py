# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP/1.1 connection of a client (RFC 9112), by the h11 library."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import h11

from .http2_server import MAX_BODY, split_target
from .message import Problem, Request, Response


class Http1Session:
    """Answers the requests of one connection one after the other."""

    def __init__(self, transport: asyncio.Transport, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self._transport = transport
        self._answer = answer
        self._h11 = h11.Connection(h11.SERVER)
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._is_draining = False

    def receive(self, data: bytes) -> None:
        self._h11.receive_data(data)
        self._advance()

    def lost(self) -> None:
        # What was begun is finished: a request may have changed the state already.
        self._head = None

    def drain(self) -> None:
        """Close after the answer to the request that has come."""
        self._is_draining = True
        if self._task is None or self._task.done():
            self._transport.close()

    def _advance(self) -> None:
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                self._send(Problem(error.error_status_hint, "INVALID_MSG_FORMAT", str(error)).response())
                self._transport.close()
                return
            if isinstance(event, h11.Request):
                self._head, self._body = event, bytearray()
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > MAX_BODY:
                    self._send(Problem(413, "INVALID_MSG_FORMAT", f"over {MAX_BODY} octets").response())
                    self._transport.close()
                    return
            elif isinstance(event, h11.EndOfMessage) and self._head is not None:
                self._task = asyncio.get_running_loop().create_task(self._respond(self._head))
            elif isinstance(event, h11.ConnectionClosed):
                self._transport.close()
                return
            else:
                return

    async def _respond(self, head: h11.Request) -> None:
        path, query = split_target(head.target.decode("latin-1"))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        response = await self._answer(Request(head.method.decode(), path, query, headers, bytes(self._body)))
        if self._transport.is_closing():
            return
        self._send(response)
        if self._is_draining or self._h11.our_state is h11.MUST_CLOSE:
            self._transport.close()
        else:
            self._h11.start_next_cycle()
            self._advance()

    def _send(self, response: Response) -> None:
        headers = [*response.headers.items()]
        if response.status != 204:
            headers.append(("content-length", str(len(response.body))))
        for event in (
            h11.Response(status_code=response.status, headers=headers),
            h11.Data(data=response.body),
            h11.EndOfMessage(),
        ):
            self._transport.write(self._h11.send(event) or b"")
