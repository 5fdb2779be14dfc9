# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP/2 connection of a client (RFC 9113), by the h2 library."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

import h2.events as events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from .message import Problem, Request, Response
from .outbox import Outbox

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_BODY = 1 << 20
# A server that is stopped for seconds must not make its clients run out of streams or window.
MAX_STREAMS = 4096
CONNECTION_WINDOW = 1 << 24


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """Path and query of a request target."""
    path, _, query = target.partition("?")
    return path, dict(parse_qsl(query, keep_blank_values=True)) if query else {}


class _Stream:
    __slots__ = ("body", "headers")

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers
        self.body = bytearray()


class Http2Session:
    """Turns the frames of one connection into requests, and their responses into frames."""

    def __init__(self, transport: asyncio.Transport, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self._transport = transport
        self._answer = answer
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._h2.local_settings = Settings(
            client=False, initial_values={SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS, SettingCodes.ENABLE_PUSH: 0}
        )
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(CONNECTION_WINDOW)
        self._outbox = Outbox(self._h2)
        self._streams: dict[int, _Stream] = {}
        self._open: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flush()

    def receive(self, data: bytes) -> None:
        try:
            for event in self._h2.receive_data(data):
                self._on_event(event)
        except ProtocolError:
            self._flush()
            self._transport.close()
            return
        self._outbox.push()
        self._flush()

    def lost(self) -> None:
        # What was begun is finished: a request may have changed the state already.
        self._open.clear()
        self._streams.clear()

    def _on_event(self, event: events.Event) -> None:
        if isinstance(event, events.RequestReceived):
            assert event.stream_id is not None and event.headers is not None
            self._streams[event.stream_id] = _Stream({str(name): str(value) for name, value in event.headers})
            self._open.add(event.stream_id)
        elif isinstance(event, events.DataReceived):
            assert event.stream_id is not None and event.data is not None
            stream = self._streams.get(event.stream_id)
            if stream is not None:
                stream.body += event.data
                if len(stream.body) > MAX_BODY:
                    del self._streams[event.stream_id]
                    self._send(
                        event.stream_id, Problem(413, "INVALID_MSG_FORMAT", f"over {MAX_BODY} octets").response()
                    )
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        elif isinstance(event, events.StreamEnded):
            assert event.stream_id is not None
            stream = self._streams.pop(event.stream_id, None)
            if stream is not None:
                task = asyncio.get_running_loop().create_task(self._respond(event.stream_id, stream))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        elif isinstance(event, events.StreamReset):
            assert event.stream_id is not None
            self._streams.pop(event.stream_id, None)
            self._open.discard(event.stream_id)
            self._outbox.forget(event.stream_id)
        elif isinstance(event, events.ConnectionTerminated):
            self._transport.close()

    async def _respond(self, stream_id: int, stream: _Stream) -> None:
        headers = stream.headers
        path, query = split_target(headers.get(":path", "/"))
        response = await self._answer(Request(headers.get(":method", ""), path, query, headers, bytes(stream.body)))
        if stream_id in self._open:
            self._send(stream_id, response)
            self._flush()

    def _send(self, stream_id: int, response: Response) -> None:
        headers = [(":status", str(response.status)), *response.headers.items()]
        if response.body:
            headers.append(("content-length", str(len(response.body))))
        self._h2.send_headers(stream_id, headers, end_stream=not response.body)
        if response.body:
            self._outbox.add(stream_id, response.body)
        self._open.discard(stream_id)

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data:
            self._transport.write(data)
