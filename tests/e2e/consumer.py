# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A consumer of the NFs' services beside the tests: it asks over kept connections, and gets notifications."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from minicore.sbi.client import Connection
from minicore.sbi.clients import split_uri
from minicore.sbi.message import Request, Response
from minicore.sbi.server import SbiServer

T = TypeVar("T")
ANSWER_S = 30


class Consumer:
    """One HTTP/2 connection to each NF, never opened again: a request on one that was lost raises SbiError."""

    def __init__(self, peer: str) -> None:
        """`peer` is the address of an NF: notifications come to the own address that it is reached from."""
        self.notified: list[tuple[str, Any]] = []
        """Name of the callback and body of each notification."""
        self._connections: dict[str, Connection] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="consumer", daemon=True)
        self._thread.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((peer, 9))
            address = probe.getsockname()[0]
        self._server = SbiServer(self._answer)
        self._root = f"http://{address}:{self._run(self._server.start(address, 0))}"

    def callback(self, name: str) -> str:
        """A URI for notifications."""
        return f"{self._root}/{name}"

    def ask(
        self, method: str, uri: str, body: object | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The response to one request."""
        return self._run(self._ask(method, uri, body, headers or {}))

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._server.stop)
        for connection in self._connections.values():
            self._loop.call_soon_threadsafe(connection.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _ask(self, method: str, uri: str, body: object | None, headers: Mapping[str, str]) -> Response:
        root, path = split_uri(uri)
        connection = self._connections.get(root)
        if connection is None:
            host, _, port = root.removeprefix("http://").partition(":")
            connection = self._connections[root] = await Connection.open(host, int(port), "AMF")
        content = b"" if body is None else json.dumps(body).encode()
        fields = {"content-type": "application/json", **headers} if content else headers
        return await connection.request(method, path, content, fields)

    async def _answer(self, request: Request) -> Response:
        self.notified.append((request.path.removeprefix("/"), request.json()))
        return Response(204)

    def _run(self, work: Awaitable[T]) -> T:
        async def within() -> T:
            async with asyncio.timeout(ANSWER_S):
                return await work

        return asyncio.run_coroutine_threadsafe(within(), self._loop).result()
