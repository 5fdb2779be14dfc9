# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client of the SBI: one HTTP/2 connection with many requests at a time, by the h2 library."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import h2.events as events
from h2.errors import ErrorCodes
from h2.exceptions import NoAvailableStreamIDError, ProtocolError

from .http2 import Http2Connection
from .message import ConnectionLost, NotProcessed, Response, SbiError, TimedOut
from .outbox import Outbox

__all__ = ["Connection", "SbiClient", "SbiError"]


class _Call:
    __slots__ = ("answer", "body", "fields", "response", "stream_id")

    def __init__(self, fields: list[tuple[str, str]], body: bytes, answer: asyncio.Future[Response]) -> None:
        self.fields = fields
        self.body = body
        self.answer = answer
        self.response = Response(0)
        self.stream_id = 0

    def fail(self, error: SbiError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Connection(asyncio.Protocol):
    """One connection; never reconnects. A call is sent at once, or as soon as the server allows one more stream.

    No timer runs: an idle connection stays open until one of the two ends closes it.
    """

    def __init__(self, authority: str, user_agent: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._authority = authority
        self._common = [(":scheme", "http"), (":authority", authority)]
        if user_agent:
            self._common.append(("user-agent", user_agent))
        self._h2 = Http2Connection(client_side=True)
        self._outbox = Outbox(self._h2)
        self._calls: dict[int, _Call] = {}
        self._queue: deque[_Call] = deque()
        self._transport: asyncio.Transport | None = None
        self._is_flush_due = False
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self.lost = False
        self.draining = False
        """The server takes no new requests on this connection; those that it accepted are still answered."""
        self.on_lost: Callable[[], None] | None = None

    @classmethod
    async def open(
        cls, host: str, port: int, user_agent: str = "minicore", local_address: str | None = None, timeout_s: float = 5
    ) -> Self:
        """Connect to `host`, or raise NotProcessed.

        Waits for the server's SETTINGS: a connection that ends before them never had a request.
        """
        loop = asyncio.get_running_loop()
        local = (local_address, 0) if local_address else None
        try:
            async with asyncio.timeout(timeout_s):
                _, connection = await loop.create_connection(
                    lambda: cls(f"{host}:{port}", user_agent), host, port, local_addr=local
                )
                try:
                    await connection._ready
                except BaseException:
                    connection.close()
                    raise
        except OSError as error:
            raise NotProcessed(f"{host}:{port}: {error or 'no connection within the time-out'}") from error
        return connection

    @property
    def is_usable(self) -> bool:
        """Whether a new call has a chance."""
        return not (self.lost or self.draining)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._h2.begin()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        reason = f"connection to {self._authority} lost: {exc or 'closed by the peer'}"
        waiting, queue = list(self._calls.values()), list(self._queue)
        self._calls.clear()
        self._queue.clear()
        for call in waiting:
            call.fail(ConnectionLost(reason))
        for call in queue:
            call.fail(NotProcessed(reason))
        if not self._ready.done():
            self._ready.set_exception(NotProcessed(reason))
            self._ready.exception()  # who opened it may have given up already
        if self.on_lost is not None:
            self.on_lost()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> asyncio.Future[Response]:
        """Send a request; the future has the response, or SbiError."""
        return self._begin(method, path, body, headers).answer

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request and wait for its response; the server learns when nobody waits any more."""
        call = self._begin(method, path, body, headers)
        try:
            return await call.answer
        except asyncio.CancelledError:
            self._abandon(call)
            raise

    def _begin(self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None) -> _Call:
        fields = [(":method", method), (":path", path), *self._common]
        if headers:
            fields.extend(headers.items())
        if body:
            fields.append(("content-length", str(len(body))))
        call = _Call(fields, body, self._loop.create_future())
        if self.lost:
            call.fail(NotProcessed(f"connection to {self._authority} was lost before"))
        elif self.draining:
            call.fail(NotProcessed(f"{self._authority} takes no more requests"))
        else:
            self._queue.append(call)
            self._send_queued()
            self._flush_soon()
        return call

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
        if self.draining and not self._calls:
            self.close()

    def _on_event(self, event: events.Event) -> None:
        if isinstance(event, events.DataReceived):
            assert event.stream_id is not None and event.data is not None
            call = self._calls.get(event.stream_id)
            if call is not None:
                call.response.body += event.data
            self._h2.consume(event)
        elif isinstance(event, events.ResponseReceived):
            assert event.stream_id is not None and event.headers is not None
            call = self._calls.get(event.stream_id)
            if call is not None:
                self._read_head(call, event.headers)
        elif isinstance(event, events.StreamEnded):
            assert event.stream_id is not None
            call = self._calls.pop(event.stream_id, None)
            if call is not None and not call.answer.done():
                call.answer.set_result(call.response)
        elif isinstance(event, events.StreamReset):
            assert event.stream_id is not None
            self._outbox.forget(event.stream_id)
            call = self._calls.pop(event.stream_id, None)
            if call is not None:
                # RFC 9113 clause 8.7: a refused stream had no processing.
                kind = NotProcessed if event.error_code == ErrorCodes.REFUSED_STREAM else SbiError
                call.fail(kind(f"stream reset by {self._authority}: {event.error_code!r}"))
        elif isinstance(event, events.ConnectionTerminated):
            self._on_goaway(event.last_stream_id or 0)
        elif isinstance(event, events.RemoteSettingsChanged) and not self._ready.done():
            self._ready.set_result(None)

    def _read_head(self, call: _Call, fields: Iterable[tuple[Any, Any]]) -> None:
        try:
            headers = {name.decode(): value.decode() for name, value in fields}
            call.response.status = int(headers.pop(":status"))
            call.response.headers = headers
        except (KeyError, ValueError) as error:
            call.fail(SbiError(f"{self._authority}: malformed response: {error!r}"))
            self._abandon(call)

    def _on_goaway(self, last_stream_id: int) -> None:
        """RFC 9113 clause 6.8: streams above the last one were not processed, the others are still answered."""
        self.draining = True
        refused = [self._calls.pop(stream_id) for stream_id in list(self._calls) if stream_id > last_stream_id]
        for call in (*refused, *self._queue):
            self._outbox.forget(call.stream_id)
            call.fail(NotProcessed(f"{self._authority} takes no more requests"))
        self._queue.clear()

    def _send_queued(self) -> None:
        while self._queue and len(self._calls) < self._h2.remote_settings.max_concurrent_streams:
            call = self._queue.popleft()
            try:
                call.stream_id = self._h2.get_next_available_stream_id()
            except NoAvailableStreamIDError:
                self.draining = True
                call.fail(NotProcessed(f"all streams of the connection to {self._authority} are used up"))
                continue
            self._calls[call.stream_id] = call
            self._h2.send_headers(call.stream_id, call.fields, end_stream=not call.body)
            if call.body:
                self._outbox.add(call.stream_id, call.body)

    def _abandon(self, call: _Call) -> None:
        """Nobody waits for this call any more."""
        if self._calls.pop(call.stream_id, None) is not None:
            self._outbox.forget(call.stream_id)
            self._h2.reset_stream(call.stream_id, ErrorCodes.CANCEL)
            self._flush_soon()
        elif call in self._queue:
            self._queue.remove(call)

    def _flush_soon(self) -> None:
        """Requests that are made in one turn of the loop leave by one write."""
        if not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        data = self._h2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)


IDEMPOTENT = frozenset(("GET", "HEAD", "PUT", "DELETE"))
"""RFC 9110 clause 9.2.2: sent again once where the connection was lost before the answer."""
MAX_REFUSALS = 4
"""So often is a request sent again that the server did not process."""
CONNECT_S = 8
"""Longest time until a new connection is ready: a server that is frozen begins no HTTP/2, but will."""


class SbiClient:
    """Requests to one server over one kept connection, that is opened again when it was lost or is draining."""

    def __init__(self, root: str, user_agent: str, timeout_s: float = 3) -> None:
        url = urlsplit(root)
        self._host = url.hostname or ""
        self._port = url.port or 80
        self._user_agent = user_agent
        self._timeout_s = timeout_s
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None
        self._is_closed = False

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        connect_s: float = CONNECT_S,
    ) -> Response:
        """One request and its response, within the time-out, or SbiError.

        What the server did not process is sent again; what it may have processed only if the method is idempotent.
        Where no connection is ready within `connect_s`, that is NotProcessed.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._request(method, path, body, headers, min(connect_s, self._timeout_s))
        except TimeoutError as error:
            raise TimedOut(f"{method} {path}: no answer from {self._host} within {self._timeout_s} s") from error

    async def _request(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None, connect_s: float
    ) -> Response:
        refusals = 0
        is_repeatable = method in IDEMPOTENT
        while True:
            connection = self._connection
            if connection is None or not connection.is_usable:
                connection = await self._connect(connect_s)
            try:
                return await connection.request(method, path, body, headers)
            except NotProcessed:
                refusals += 1
                if refusals > MAX_REFUSALS:
                    raise
            except ConnectionLost:
                if not is_repeatable:
                    raise
                is_repeatable = False

    async def _connect(self, timeout_s: float) -> Connection:
        """One attempt for all that wait: in turn, each would wait for those before it, and longer than it may."""
        if self._connecting is None:
            opening = Connection.open(self._host, self._port, self._user_agent, timeout_s=timeout_s)
            self._connecting = asyncio.get_running_loop().create_task(opening)
            self._connecting.add_done_callback(self._connected)
        try:
            async with asyncio.timeout(timeout_s):  # the attempt may be that of a request with more patience
                return await asyncio.shield(self._connecting)
        except TimeoutError as error:
            raise NotProcessed(f"{self._host}:{self._port}: no connection within {timeout_s} s") from error

    def _connected(self, attempt: asyncio.Task[Connection]) -> None:
        self._connecting = None
        if attempt.cancelled() or attempt.exception() is not None:
            return
        self._connection = attempt.result()
        if self._is_closed:
            self._connection.close()

    def close(self) -> None:
        self._is_closed = True
        if self._connection is not None:
            self._connection.close()
