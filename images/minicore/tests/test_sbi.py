# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server and client of the SBI over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from minicore.sbi.client import Connection, SbiClient, SbiError
from minicore.sbi.message import Request, Response, json_response
from minicore.sbi.router import Router
from minicore.sbi.server import Application, SbiServer

BIG = bytes(range(256)) * 2000


async def echo(request: Request) -> Response:
    if request.path == "/fault":
        raise RuntimeError("a fault")
    return Response(200, {"x-query": request.query.get("q", ""), "x-method": request.method}, request.body)


@contextlib.asynccontextmanager
async def serving(application: Application) -> AsyncIterator[int]:
    server = SbiServer(application)
    port = await server.start("127.0.0.1", 0)
    try:
        yield port
    finally:
        server.stop()


def test_bodies_larger_than_the_flow_control_window() -> None:
    async def scenario() -> None:
        async with serving(echo) as port:
            connection = await Connection.open("127.0.0.1", port)
            answers = await asyncio.gather(*(connection.call("POST", f"/x?q={n}", BIG) for n in range(4)))
            assert [answer.headers["x-query"] for answer in answers] == ["0", "1", "2", "3"]
            assert all(answer.body == BIG for answer in answers)
            connection.close()

    asyncio.run(scenario())


def test_more_requests_than_a_stalled_server_answers() -> None:
    async def scenario() -> None:
        go = asyncio.Event()

        async def stalled(request: Request) -> Response:
            await go.wait()
            return Response(204)

        async with serving(stalled) as port:
            connection = await Connection.open("127.0.0.1", port)
            calls = [connection.call("POST", "/", b"x" * 300) for _ in range(1500)]
            await asyncio.sleep(0)
            assert not any(call.done() for call in calls)
            go.set()
            assert {answer.status for answer in await asyncio.gather(*calls)} == {204}
            connection.close()

    asyncio.run(scenario())


def test_a_fault_is_a_500_and_too_much_a_413() -> None:
    async def scenario() -> None:
        async with serving(echo) as port:
            connection = await Connection.open("127.0.0.1", port)
            fault = await connection.call("GET", "/fault")
            assert (fault.status, fault.json()["cause"]) == (500, "SYSTEM_FAILURE")
            assert (await connection.call("POST", "/", bytes((1 << 20) + 1))).status == 413
            assert (await connection.call("GET", "/")).status == 200
            connection.close()

    asyncio.run(scenario())


def test_a_lost_connection_fails_its_calls() -> None:
    async def scenario() -> None:
        async def never(request: Request) -> Response:
            await asyncio.Event().wait()
            return Response(204)

        async with serving(never) as port:
            connection = await Connection.open("127.0.0.1", port)
            call = connection.call("GET", "/")
            await asyncio.sleep(0.01)
        with pytest.raises(SbiError, match="lost"):
            await call
        assert connection.lost
        with pytest.raises(SbiError, match="before"):
            await connection.call("GET", "/")
        with pytest.raises(SbiError):
            await Connection.open("127.0.0.1", port)

    asyncio.run(scenario())


def test_the_client_connects_again_and_gives_up_in_time() -> None:
    async def scenario() -> None:
        async with serving(echo) as port:
            client = SbiClient(f"http://127.0.0.1:{port}", "SMF", timeout_s=0.2)
            assert (await client.request("GET", "/")).status == 200
        with pytest.raises(SbiError):
            await client.request("GET", "/")
        server = SbiServer(echo)
        await server.start("127.0.0.1", port)
        assert (await client.request("GET", "/")).status == 200
        client.close()
        server.stop()

        async def never(request: Request) -> Response:
            await asyncio.Event().wait()
            return Response(204)

        async with serving(never) as port:
            client = SbiClient(f"http://127.0.0.1:{port}", "SMF", timeout_s=0.05)
            with pytest.raises(SbiError, match=r"within 0\.05 s"):
                await client.request("GET", "/")
            client.close()

    asyncio.run(scenario())


def test_http1_on_the_same_port() -> None:
    async def scenario() -> None:
        async with serving(echo) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for number in range(2):
                writer.write(b"POST /x?q=%d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" % number)
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200") and b"x-query: %d" % number in head.lower()
                assert await reader.readexactly(5) == b"hello"
            writer.write(b"nonsense\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400")
            writer.close()

    asyncio.run(scenario())


def test_octets_that_are_not_http2_end_the_connection() -> None:
    async def scenario() -> None:
        async with serving(echo) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            # The preface in pieces, then a DATA frame on stream 0.
            for piece in (b"PRI * HT", b"TP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\1\0\0\0\0\0\0x"):
                writer.write(piece)
                await writer.drain()
            await asyncio.wait_for(reader.read(), 2)
            writer.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b"[]", b"1" * 5000, b"null"])
def test_json_that_does_not_parse_is_a_400(body: bytes) -> None:
    async def scenario() -> None:
        async def read(request: Request) -> Response:
            return json_response(request.json_object())

        router = Router()
        router.add("POST", "/x", read)
        server = SbiServer(router)
        port = await server.start("127.0.0.1", 0)
        connection = await Connection.open("127.0.0.1", port)
        answer = await connection.call("POST", "/x", body, {"content-type": "application/json"})
        assert (answer.status, answer.json()["cause"]) == (400, "INVALID_MSG_FORMAT")
        connection.close()
        server.stop()

    asyncio.run(scenario())
