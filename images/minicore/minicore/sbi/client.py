# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client of the SBI: one HTTP/2 connection with many requests at a time, by the h2 library."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Self
from urllib.parse import urlsplit

import h2.events as events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from .message import Response, SbiError
from .outbox import Outbox

__all__ = ["Connection", "SbiClient", "SbiError"]


class _Call:
    __slots__ = ("answer", "body", "headers", "response")

    def __init__(self, headers: list[tuple[str, str]], body: bytes, answer: asyncio.Future[Response]) -> None:
        self.headers = headers
        self.body = body
        self.answer = answer
        self.response = Response(0)


class Connection(asyncio.Protocol):
    """One connection; never reconnects. A call is sent at once, or as soon as the server allows one more stream."""

    def __init__(self, authority: str, user_agent: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._authority = authority
        self._user_agent = user_agent
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._h2.local_settings = Settings(client=True, initial_values={SettingCodes.ENABLE_PUSH: 0})
        self._outbox = Outbox(self._h2)
        self._calls: dict[int, _Call] = {}
        self._queue: deque[_Call] = deque()
        self._transport: asyncio.Transport | None = None
        self.lost = False
        self.on_lost: Callable[[], None] | None = None

    @classmethod
    async def open(
        cls, host: str, port: int, user_agent: str = "minicore", local_address: str | None = None, timeout_s: float = 5
    ) -> Self:
        """Connect to `host`, or raise SbiError."""
        loop = asyncio.get_running_loop()
        local = (local_address, 0) if local_address else None
        try:
            async with asyncio.timeout(timeout_s):
                _, connection = await loop.create_connection(
                    lambda: cls(f"{host}:{port}", user_agent), host, port, local_addr=local
                )
        except OSError as error:
            raise SbiError(f"{host}:{port}: {error or 'no connection within the time-out'}") from error
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._h2.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        waiting = [*self._calls.values(), *self._queue]
        self._calls.clear()
        self._queue.clear()
        error = SbiError(f"connection to {self._authority} lost: {exc or 'closed by the peer'}")
        for call in waiting:
            if not call.answer.done():
                call.answer.set_exception(error)
        if self.on_lost is not None:
            self.on_lost()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> asyncio.Future[Response]:
        """Send a request; the future has the response, or SbiError."""
        answer: asyncio.Future[Response] = self._loop.create_future()
        if self.lost:
            answer.set_exception(SbiError(f"connection to {self._authority} was lost before"))
            return answer
        fields = [
            (":method", method),
            (":scheme", "http"),
            (":authority", self._authority),
            (":path", path),
            ("user-agent", self._user_agent),
            *(headers or {}).items(),
        ]
        if body:
            fields.append(("content-length", str(len(body))))
        self._queue.append(_Call(fields, body, answer))
        self._send_queued()
        self._flush()
        return answer

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._h2.receive_data(data):
                self._on_event(event)
        except ProtocolError:
            self._flush()
            self.close()
            return
        self._outbox.push()
        self._send_queued()
        self._flush()

    def _on_event(self, event: events.Event) -> None:
        if isinstance(event, events.ResponseReceived):
            assert event.stream_id is not None and event.headers is not None
            response = self._calls[event.stream_id].response
            response.headers = {str(name): str(value) for name, value in event.headers}
            response.status = int(response.headers.pop(":status"))
        elif isinstance(event, events.DataReceived):
            assert event.stream_id is not None and event.data is not None
            self._calls[event.stream_id].response.body += event.data
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        elif isinstance(event, events.StreamEnded):
            assert event.stream_id is not None
            call = self._calls.pop(event.stream_id)
            if not call.answer.done():
                call.answer.set_result(call.response)
        elif isinstance(event, events.StreamReset):
            assert event.stream_id is not None
            self._outbox.forget(event.stream_id)
            call = self._calls.pop(event.stream_id)
            if not call.answer.done():
                call.answer.set_exception(SbiError(f"stream reset by {self._authority}: {event.error_code}"))
        elif isinstance(event, events.ConnectionTerminated):
            self.close()

    def _send_queued(self) -> None:
        while self._queue and self._h2.open_outbound_streams < self._h2.remote_settings.max_concurrent_streams:
            call = self._queue.popleft()
            stream_id = self._h2.get_next_available_stream_id()
            self._calls[stream_id] = call
            self._h2.send_headers(stream_id, call.headers, end_stream=not call.body)
            if call.body:
                self._outbox.add(stream_id, call.body)

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)


class SbiClient:
    """Requests to one server over one kept connection, that is opened again when it was lost."""

    def __init__(self, root: str, user_agent: str, timeout_s: float = 3) -> None:
        url = urlsplit(root)
        self._host = url.hostname or ""
        self._port = url.port or 80
        self._user_agent = user_agent
        self._timeout_s = timeout_s
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        """One request and its response, within the time-out, or SbiError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = self._connection
                if connection is None or connection.lost:
                    connection = await self._connect()
                return await connection.call(method, path, body, headers)
        except TimeoutError as error:
            raise SbiError(f"{method} {path}: no answer from {self._host} within {self._timeout_s} s") from error

    async def _connect(self) -> Connection:
        async with self._connecting:
            if self._connection is None or self._connection.lost:
                self._connection = await Connection.open(self._host, self._port, self._user_agent)
            return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
