# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged and random octets to both ends of an HTTP/2 connection: nothing raises, and other connections go on."""

from __future__ import annotations

import asyncio
import random
import struct
from typing import Any

from minicore.sbi.client import Connection
from minicore.sbi.http2 import Http2Connection
from minicore.sbi.http2_server import Http2Session
from minicore.sbi.message import Problem, Request, Response, json_response
from minicore.sbi.router import Router
from minicore.sbi.server import SbiServer

ROUNDS = 500


class Sink(asyncio.Transport):
    """Takes what a protocol writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def write_eof(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


def requests(source: random.Random) -> bytes:
    """What a client sends: the preface and some requests with bodies, pings, resets."""
    client = Http2Connection(client_side=True)
    client.begin()
    for stream_id in range(1, 12, 2):
        body = source.randbytes(source.randrange(200))
        client.send_headers(
            stream_id,
            [
                (b":method", source.choice([b"GET", b"POST"])),
                (b":scheme", b"http"),
                (b":path", b"/x/" + source.randbytes(2).hex().encode()),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
        )
        client.send_data(stream_id, body, end_stream=True)
        if source.random() < 0.2:
            client.ping(source.randbytes(8))
        if source.random() < 0.2:
            client.reset_stream(stream_id)
    return client.data_to_send()


def damaged(octets: bytes, source: random.Random) -> bytes:
    """Some octets changed, left out, doubled, or a random frame between."""
    result = bytearray(octets)
    for _ in range(source.randrange(1, 4)):
        place = source.randrange(len(result))
        match source.randrange(4):
            case 0:
                result[place] = source.randrange(256)
            case 1:
                del result[place : place + source.randrange(1, 20)]
            case 2:
                result[place:place] = result[place : place + source.randrange(1, 40)]
            case _:
                body = source.randbytes(source.randrange(30))
                head = struct.pack(
                    ">HBBBL", 0, len(body), source.randrange(12), source.randrange(256), source.randrange(8)
                )
                result[place:place] = head + body
    return bytes(result)


async def answer(request: Request) -> Response:
    try:
        return json_response(request.json_object())
    except Problem as problem:
        return problem.response()


def test_the_server_takes_any_octets() -> None:
    async def scenario() -> None:
        source = random.Random(4)
        faults: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context))
        for number in range(ROUNDS):
            transport = Sink()
            session = Http2Session(transport, answer)
            octets = damaged(requests(source), source)
            cut = source.randrange(len(octets))
            for piece in (octets[:cut], octets[cut:]):
                if not transport.is_closed:
                    session.receive(piece)
                await asyncio.sleep(0)
            if number % 3 == 0:
                session.drain()
            session.lost()
            await asyncio.sleep(0)
        assert faults == []

    asyncio.run(scenario())


def test_the_client_takes_any_octets() -> None:
    async def scenario() -> None:
        source = random.Random(5)
        faults: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context))
        for _ in range(ROUNDS):
            server = Http2Connection(client_side=False)
            server.begin()
            transport = Sink()
            connection = Connection("peer:80", "AMF")
            connection.connection_made(transport)
            calls = [connection.call("POST", f"/{number}", b"{}") for number in range(4)]
            await asyncio.sleep(0)
            server.receive_data(transport.written)
            for stream_id in range(1, 9, 2):
                body = source.randbytes(source.randrange(100))
                fields = [(b":status", source.choice([b"200", b"404"])), (b"content-length", str(len(body)).encode())]
                server.send_headers(stream_id, fields)
                server.send_data(stream_id, body, end_stream=True)
            connection.data_received(damaged(server.data_to_send(), source))
            connection.connection_lost(None)
            # Whatever came: each call has an end.
            await asyncio.gather(*calls, return_exceptions=True)
        assert faults == []

    asyncio.run(scenario())


def test_random_octets_cost_others_nothing() -> None:
    async def scenario() -> None:
        source = random.Random(6)
        router = Router()
        router.add("POST", "/x", answer)
        server = SbiServer(router)
        port = await server.start("127.0.0.1", 0)
        good = await Connection.open("127.0.0.1", port)
        for _ in range(100):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            octets = source.randbytes(source.randrange(1, 300))
            writer.write(source.choice([octets, requests(source)[:24] + octets, damaged(requests(source), source)]))
            writer.write_eof()
            assert (await good.call("POST", "/x", b'{"a": 1}')).json() == {"a": 1}
            writer.close()
        good.close()
        server.stop()

    asyncio.run(scenario())
