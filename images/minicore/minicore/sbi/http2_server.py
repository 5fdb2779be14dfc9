# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP/2 connection of a client (RFC 9113), by the h2 library."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import h2.events as events
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from .http2 import Http2Connection
from .message import Problem, Request, Response
from .outbox import Outbox

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_BODY = 1 << 20
MAX_GOOD_NAMES = 256

_MANDATORY = (":method", ":scheme", ":path")
_NAME = re.compile(r":?[!#$%&'*+\-.^_`|~0-9a-z]+")
_FORBIDDEN_NAMES = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"))
_good_names: set[str] = set()
"""Names that were checked before."""
_FORBIDDEN_OCTETS = re.compile(r"[\0\r\n]")


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """Path and query of a request target."""
    path, _, query = target.partition("?")
    return path, dict(parse_qsl(query, keep_blank_values=True)) if query else {}


def read_fields(fields: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    """The header fields of a request, or the Problem that answers a malformed one (RFC 9113 clauses 8.2 and 8.3)."""
    headers: dict[str, str] = {}
    try:
        for octets, value_octets in fields:
            name, value = octets.decode("ascii"), value_octets.decode()
            if name in headers:
                if name[:1] == ":":
                    raise Problem(400, "INVALID_MSG_FORMAT", f"two fields {name}")
                value = f"{headers[name]}, {value}"
            elif name not in _good_names:
                _check_name(name)
            headers[name] = value
    except UnicodeDecodeError as error:
        raise Problem(400, "INVALID_MSG_FORMAT", f"a header field is not UTF-8: {error}") from error
    for name in _MANDATORY:
        if not headers.get(name):
            raise Problem(400, "INVALID_MSG_FORMAT", f"no field {name}")
    if _FORBIDDEN_OCTETS.search("".join(headers.values())):
        raise Problem(400, "INVALID_MSG_FORMAT", "a control character in a header field")
    return headers


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name in _FORBIDDEN_NAMES:
        raise Problem(400, "INVALID_MSG_FORMAT", f"a field of the name {name!r}")
    if len(_good_names) < MAX_GOOD_NAMES:
        _good_names.add(name)


class _Stream:
    __slots__ = ("body", "headers")

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers
        self.body = b""


class Http2Session:
    """Turns the frames of one connection into requests, and their responses into frames."""

    def __init__(self, transport: asyncio.Transport, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self._transport = transport
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._h2 = Http2Connection(client_side=False)
        self._h2.begin()
        self._outbox = Outbox(self._h2)
        self._streams: dict[int, _Stream] = {}
        self._open: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_flush_due = False
        self._last_stream_id: int | None = None
        self._has_ended = False
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

    def drain(self) -> None:
        """Take no more requests, answer those that have come, then end the sending side (RFC 9113 clause 6.8).

        The client closes: if this end did while requests are under way, answers in the client's socket would be lost.
        """
        if self._last_stream_id is None:
            self._last_stream_id = self._h2.highest_inbound_stream_id
            self._h2.go_away(self._last_stream_id)
            self._flush()

    def _on_event(self, event: events.Event) -> None:
        if isinstance(event, events.RequestReceived):
            assert event.stream_id is not None and event.headers is not None
            self._on_head(event.stream_id, event.headers)
        elif isinstance(event, events.DataReceived):
            assert event.stream_id is not None and event.data is not None
            stream = self._streams.get(event.stream_id)
            if stream is not None:
                stream.body += event.data
                if len(stream.body) > MAX_BODY:
                    self._refuse(event.stream_id, Problem(413, "INVALID_MSG_FORMAT", f"over {MAX_BODY} octets"))
            self._h2.consume(event)
        elif isinstance(event, events.StreamEnded):
            assert event.stream_id is not None
            stream = self._streams.pop(event.stream_id, None)
            if stream is not None:
                task = self._loop.create_task(self._respond(event.stream_id, stream))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        elif isinstance(event, events.StreamReset):
            assert event.stream_id is not None
            self._streams.pop(event.stream_id, None)
            self._open.discard(event.stream_id)
            self._outbox.forget(event.stream_id)
        elif isinstance(event, events.ConnectionTerminated):
            # The client leaves; it may still wait for answers.
            self.drain()

    def _on_head(self, stream_id: int, fields: Iterable[tuple[Any, Any]]) -> None:
        if not self._h2.is_open(stream_id):
            return
        if self._last_stream_id is not None and stream_id > self._last_stream_id:
            self._h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        self._open.add(stream_id)
        try:
            self._streams[stream_id] = _Stream(read_fields(fields))
        except Problem as problem:
            self._refuse(stream_id, problem)

    def _refuse(self, stream_id: int, problem: Problem) -> None:
        """Answer before the request has ended; the rest of it is not looked at."""
        self._streams.pop(stream_id, None)
        if self._h2.is_open(stream_id):
            self._send(stream_id, problem.response())

    async def _respond(self, stream_id: int, stream: _Stream) -> None:
        if stream_id not in self._open:
            return  # reset or lost before it was begun, as when this NF was frozen: nobody waits for it
        headers = stream.headers
        path, query = split_target(headers[":path"])
        response = await self._answer(Request(headers[":method"], path, query, headers, stream.body))
        if stream_id in self._open:
            self._send(stream_id, response)
            self._flush_soon()

    def _send(self, stream_id: int, response: Response) -> None:
        fields = [(":status", str(response.status)), *response.headers.items()]
        if response.body:
            fields.append(("content-length", str(len(response.body))))
        self._h2.send_headers(stream_id, fields, end_stream=not response.body)
        if response.body:
            self._outbox.add(stream_id, response.body)
        self._open.discard(stream_id)

    def _flush_soon(self) -> None:
        """Responses that are ready in one turn of the loop leave by one write."""
        if not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        data = self._h2.data_to_send()
        if self._has_ended or self._transport.is_closing():
            return
        if data:
            self._transport.write(data)
        if self._last_stream_id is not None and not self._open and self._outbox.is_empty:
            self._has_ended = True
            try:
                self._transport.write_eof()
            except OSError:
                # The client has left, which the loop has not seen yet, and what was written was answered by a reset.
                self._transport.abort()
