# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How connections of the SBI end and what becomes of the requests on them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import h2.events as events
import pytest
from h2.errors import ErrorCodes
from minicore.sbi import producers as producers_module
from minicore.sbi.client import Connection, SbiClient, SbiError
from minicore.sbi.http2 import Http2Connection
from minicore.sbi.message import ConnectionLost, NotProcessed, Request, Response
from minicore.sbi.producers import Producer, Producers
from minicore.sbi.router import Router
from minicore.sbi.server import SbiServer

Until = Callable[..., Awaitable[None]]


class Peer(asyncio.Protocol):
    """One end of a connection under the test's control; it answers nothing by itself."""

    def __init__(self, client_side: bool = False) -> None:
        self.h2 = Http2Connection(client_side)
        self.events: list[events.Event] = []
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.h2.begin()
        self.flush()

    def data_received(self, data: bytes) -> None:
        self.events += self.h2.receive_data(data)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True

    def flush(self) -> None:
        self.transport.write(self.h2.data_to_send())

    def of_type(self, kind: type[events.Event]) -> list[events.Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def answer(self, stream_id: int, status: bytes = b"204") -> None:
        self.h2.send_headers(stream_id, [(b":status", status)], end_stream=True)
        self.flush()


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[tuple[int, list[Peer]]]:
    """A port whose connections are peers."""
    peers: list[Peer] = []

    def accept() -> Peer:
        peers.append(Peer())
        return peers[-1]

    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], peers
    finally:
        for peer in peers:
            peer.transport.abort()
        server.close()


def requests_of(peer: Peer) -> int:
    return len(peer.of_type(events.RequestReceived))


async def begin(client: SbiClient, *methods: str) -> list[asyncio.Task[Response]]:
    return [asyncio.create_task(client.request(method, f"/{number}")) for number, method in enumerate(methods)]


def test_goaway_streams_above_the_last_are_sent_again_and_others_awaited(until: Until) -> None:
    async def scenario() -> None:
        async with listening() as (port, peers):
            client = SbiClient(f"http://127.0.0.1:{port}", "AMF")
            first, second, third = await begin(client, "POST", "POST", "POST")
            await until(lambda: peers and requests_of(peers[0]) == 3)
            peers[0].h2.go_away(1)
            peers[0].flush()
            await until(lambda: len(peers) == 2 and requests_of(peers[1]) == 2)
            assert not any(task.done() for task in (first, second, third))
            peers[1].answer(1)
            peers[1].answer(3)
            assert ((await second).status, (await third).status) == (204, 204)
            assert not peers[0].is_lost and not first.done()
            peers[0].answer(1, b"201")
            assert (await first).status == 201
            # With its last answer the client closes the connection that takes no more requests.
            await until(lambda: peers[0].is_lost)
            client.close()

    asyncio.run(scenario())


def test_a_refused_stream_is_sent_again_a_few_times(until: Until) -> None:
    async def scenario() -> None:
        async with listening() as (port, peers):
            client = SbiClient(f"http://127.0.0.1:{port}", "AMF")
            (task,) = await begin(client, "POST")
            for number in range(4):
                await until(lambda number=number: peers and requests_of(peers[0]) == number + 1)
                peers[0].h2.reset_stream(2 * number + 1, ErrorCodes.REFUSED_STREAM)
                peers[0].flush()
            await until(lambda: requests_of(peers[0]) == 5)
            peers[0].answer(9)
            assert (await task).status == 204
            (task,) = await begin(client, "POST")
            await until(lambda: requests_of(peers[0]) == 6)
            peers[0].h2.reset_stream(11, ErrorCodes.INTERNAL_ERROR)
            peers[0].flush()
            with pytest.raises(SbiError, match="reset"):
                await task
            client.close()

    asyncio.run(scenario())


def test_a_lost_connection_repeats_what_is_idempotent(until: Until) -> None:
    async def scenario() -> None:
        async with listening() as (port, peers):
            client = SbiClient(f"http://127.0.0.1:{port}", "AMF")
            get, put, post = await begin(client, "GET", "PUT", "POST")
            await until(lambda: peers and requests_of(peers[0]) == 3)
            peers[0].transport.abort()
            with pytest.raises(ConnectionLost):
                await post
            await until(lambda: len(peers) == 2 and requests_of(peers[1]) == 2)
            peers[1].answer(1)
            assert (await get).status == 204
            peers[1].transport.abort()
            with pytest.raises(ConnectionLost):
                await put
            assert len(peers) == 2
            client.close()

    asyncio.run(scenario())


def test_a_request_that_nobody_waits_for_is_cancelled_at_the_server(until: Until) -> None:
    async def scenario() -> None:
        async with listening() as (port, peers):
            client = SbiClient(f"http://127.0.0.1:{port}", "AMF", timeout_s=0.1)
            with pytest.raises(SbiError, match="within"):
                await client.request("POST", "/")
            await until(lambda: peers[0].of_type(events.StreamReset))
            (task,) = await begin(client, "POST")
            await until(lambda: requests_of(peers[0]) == 2)
            peers[0].answer(3)
            assert (await task).status == 204
            client.close()

    asyncio.run(scenario())


def test_a_request_that_was_reset_before_it_was_begun_is_not_begun(until: Until) -> None:
    async def scenario() -> None:
        seen: list[str] = []

        async def remember(request: Request) -> Response:
            seen.append(request.path)
            return Response(204)

        server = SbiServer(remember)
        port = await server.start("127.0.0.1", 0)
        _, peer = await asyncio.get_running_loop().create_connection(lambda: Peer(True), "127.0.0.1", port)
        # One has no path, so its refusal has nobody to go to; one sends a part of its body.
        for stream_id, path in ((1, b"/reset"), (3, b""), (5, b"/part"), (7, b"/kept")):
            fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path)]
            peer.h2.send_headers(stream_id, fields, end_stream=path != b"/part")
            if path == b"/part":
                peer.h2.send_data(stream_id, b"part")
            if path != b"/kept":
                peer.h2.reset_stream(stream_id, ErrorCodes.CANCEL)
        # All in one segment, as what a frozen server finds in its socket.
        peer.flush()
        await until(lambda: peer.of_type(events.ResponseReceived))
        assert seen == ["/kept"]
        peer.transport.abort()
        server.stop()

    asyncio.run(scenario())


def test_a_connection_that_ends_before_its_settings_had_no_request() -> None:
    async def scenario() -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotProcessed):
            await SbiClient(f"http://127.0.0.1:{port}", "AMF").request("POST", "/")
        server.close()

    asyncio.run(scenario())


async def silent_server() -> tuple[asyncio.Server, str]:
    """It takes connections and says nothing, as one that is frozen, or gone; returns its API root."""

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client gives up
        writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def test_requests_wait_for_one_attempt_to_connect_and_not_in_turn() -> None:
    """In turn, the last one would exceed its time-out, which is no reason to ask another producer."""

    async def scenario() -> None:
        server, root = await silent_server()
        client = SbiClient(root, "AMF", timeout_s=1)
        results = await asyncio.gather(
            *(client.request("POST", "/", connect_s=0.4) for _ in range(5)), return_exceptions=True
        )
        assert [type(one) for one in results] == [NotProcessed] * 5
        server.close()

    asyncio.run(scenario())


def test_a_request_with_little_patience_does_not_wait_for_another_ones_attempt() -> None:
    async def scenario() -> None:
        server, root = await silent_server()
        client = SbiClient(root, "AMF", timeout_s=5)
        patient = asyncio.create_task(client.request("POST", "/", connect_s=4))
        await asyncio.sleep(0)
        async with asyncio.timeout(2):
            with pytest.raises(NotProcessed):
                await client.request("POST", "/", connect_s=0.1)
        assert not patient.done()
        patient.cancel()
        client.close()
        server.close()

    asyncio.run(scenario())


def test_another_producer_is_asked_soon_when_one_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async def answer(request: Request) -> Response:
            return Response(204)

        gone, root = await silent_server()
        other = SbiServer(answer)
        port = await other.start("127.0.0.1", 0)
        producers = Producers("http://127.0.0.1:1", "AMF")
        profile = {"nfInstanceId": "1", "nfType": "UDM"}
        known = [Producer(root, 1, profile), Producer(f"http://127.0.0.1:{port}", 1, profile)]

        async def find(_key: object) -> list[Producer]:
            return known

        monkeypatch.setattr(producers, "_producers", find)
        monkeypatch.setattr(producers_module, "NEXT_CONNECT_S", 0.1)
        for _request in range(2):
            async with asyncio.timeout(2):  # less than CONNECT_S
                assert (await producers.request("nudm-sdm", "GET", "/")).status == 204
        producers.close()
        gone.close()
        other.stop()

    asyncio.run(scenario())


def test_a_draining_server_answers_what_has_come(until: Until) -> None:
    async def scenario() -> None:
        go = asyncio.Event()
        begun = 0

        async def slow(request: Request) -> Response:
            nonlocal begun
            begun += 1
            await go.wait()
            return Response(200, {}, b"x" * 200_000)

        server = SbiServer(slow)
        port = await server.start("127.0.0.1", 0)
        connection = await Connection.open("127.0.0.1", port)
        idle = await Connection.open("127.0.0.1", port)
        calls = [connection.call("POST", "/", b"body") for _ in range(3)]
        await until(lambda: begun == 3)
        drained = asyncio.create_task(server.drain(30))
        await until(lambda: connection.draining and idle.lost)
        with pytest.raises(NotProcessed):
            await connection.call("POST", "/")
        assert not drained.done()
        go.set()
        assert [len((await call).body) for call in calls] == [200_000] * 3
        await drained
        assert connection.lost and begun == 3
        with pytest.raises(NotProcessed):
            await Connection.open("127.0.0.1", port)

    asyncio.run(scenario())


def test_a_client_that_ignores_goaway_is_refused_then_cut(until: Until) -> None:
    async def scenario() -> None:
        async def never(request: Request) -> Response:
            await asyncio.Event().wait()
            return Response(204)

        server = SbiServer(never)
        port = await server.start("127.0.0.1", 0)
        _, peer = await asyncio.get_running_loop().create_connection(lambda: Peer(True), "127.0.0.1", port)
        fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/")]
        peer.h2.send_headers(1, fields, end_stream=True)
        peer.flush()
        await until(lambda: server.connections)
        drained = asyncio.create_task(server.drain(0.2))
        await until(lambda: peer.of_type(events.ConnectionTerminated))
        peer.h2.send_headers(3, fields, end_stream=True)
        peer.flush()
        await until(lambda: peer.of_type(events.StreamReset))
        reset = peer.of_type(events.StreamReset)[0]
        assert isinstance(reset, events.StreamReset)
        assert (reset.stream_id, reset.error_code) == (3, ErrorCodes.REFUSED_STREAM)
        await drained
        await until(lambda: peer.is_lost)

    asyncio.run(scenario())


def test_what_comes_after_the_end_of_a_drained_connection_is_ignored(until: Until) -> None:
    class Deaf(Peer):
        def eof_received(self) -> bool:
            self.has_ended = True
            return True  # keeps its own side open

    async def scenario() -> None:
        async def ok(request: Request) -> Response:
            return Response(204)

        faults: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context))
        server = SbiServer(ok)
        port = await server.start("127.0.0.1", 0)
        _, peer = await asyncio.get_running_loop().create_connection(lambda: Deaf(True), "127.0.0.1", port)
        await until(lambda: peer.of_type(events.RemoteSettingsChanged))
        drained = asyncio.create_task(server.drain(0.2))
        await until(lambda: hasattr(peer, "has_ended"))
        peer.h2.send_headers(1, [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/")], end_stream=True)
        peer.h2.ping(b"12345678")
        peer.flush()
        await drained
        assert (faults, server.connections) == ([], set())
        peer.transport.abort()

    asyncio.run(scenario())


def test_a_server_drains_also_where_a_client_has_just_left() -> None:
    async def scenario() -> None:
        async def ok(request: Request) -> Response:
            return Response(204)

        loop = asyncio.get_running_loop()
        server = SbiServer(ok)
        port = await server.start("127.0.0.1", 0)
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.setblocking(False)
            await loop.sock_sendall(client, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            received = b""
            while not received.endswith(bytes([0, 0, 0, 4, 1, 0, 0, 0, 0])):  # the server has acknowledged the settings
                received += await loop.sock_recv(client, 4096)
        # The loop has not seen the client's FIN, and GOAWAY will be answered with a reset.
        await server.drain(1)
        assert server.connections == set()

    asyncio.run(scenario())


class TimerlessLoop(asyncio.SelectorEventLoop):
    """Remembers what was scheduled for later."""

    def __init__(self) -> None:
        super().__init__()
        self.timers: list[asyncio.TimerHandle] = []

    def call_at(self, when: float, *args: Any, **options: Any) -> asyncio.TimerHandle:
        timer = super().call_at(when, *args, **options)
        self.timers.append(timer)
        return timer


def test_no_timer_closes_an_idle_connection(until: Until) -> None:
    loop = TimerlessLoop()

    async def ok(request: Request) -> Response:
        return Response(204)

    async def scenario() -> None:
        server = SbiServer(ok)
        port = await server.start("127.0.0.1", 0)
        client = SbiClient(f"http://127.0.0.1:{port}", "AMF")
        assert (await client.request("POST", "/")).status == 204
        _, peer = await loop.create_connection(lambda: Peer(True), "127.0.0.1", port)
        await until(lambda: peer.of_type(events.RemoteSettingsChanged))
        (kept, other) = server.connections
        # Nothing is due later: both ends are idle and can stay so for hours.
        assert [timer for timer in loop.timers if not timer.cancelled() and timer.when() > loop.time()] == []
        peer.h2.ping(b"idle 1 h")
        peer.flush()
        await until(lambda: peer.of_type(events.PingAckReceived))
        assert (await client.request("POST", "/")).status == 204
        assert server.connections == {kept, other}
        client.close()
        peer.transport.abort()
        server.stop()

    with contextlib.closing(loop):
        loop.run_until_complete(scenario())


@pytest.mark.parametrize(
    "fields",
    [
        [(b":method", b"GET"), (b":scheme", b"http")],
        [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"")],
        [(b":method", b"GET"), (b":method", b"PUT"), (b":scheme", b"http"), (b":path", b"/")],
        [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b"Upper", b"x")],
        [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b"connection", b"close")],
        [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b"x", b"a\r\nb: c")],
        [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/\xff")],
        [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b"", b"x")],
    ],
)
def test_a_malformed_request_is_answered_and_the_connection_goes_on(
    fields: list[tuple[bytes, bytes]], until: Until
) -> None:
    async def scenario() -> None:
        server = SbiServer(Router())
        port = await server.start("127.0.0.1", 0)
        _, peer = await asyncio.get_running_loop().create_connection(lambda: Peer(True), "127.0.0.1", port)
        peer.h2.send_headers(1, fields, end_stream=True)
        peer.h2.send_headers(3, [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/")], end_stream=True)
        peer.flush()
        await until(lambda: len(peer.of_type(events.StreamEnded)) == 2)
        heads = {e.stream_id: dict(e.headers or []) for e in peer.events if isinstance(e, events.ResponseReceived)}
        bodies = {e.stream_id: json.loads(e.data or b"") for e in peer.events if isinstance(e, events.DataReceived)}
        assert (heads[1][b":status"], heads[1][b"content-type"]) == (b"400", b"application/problem+json")
        assert bodies[1]["cause"] == "INVALID_MSG_FORMAT"
        assert heads[3][b":status"] == b"404"
        peer.transport.abort()
        server.stop()

    asyncio.run(scenario())
