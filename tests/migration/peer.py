# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe's clients, and the listener that it connects to. Runs on another host; a line of input gives a report."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import time
from typing import Any

ECHO_PORT, PEER_PORT = 7002, 7003
DATAGRAM_EVERY_S = 0.003
CONNECT_EVERY_S = 0.02


class Datagrams(asyncio.DatagramProtocol):
    """Numbered datagrams; each must come back, once."""

    def __init__(self) -> None:
        self.sent = 0
        self.answers: dict[int, int] = {}
        self.errors = 0
        self.longest_gap_ms = 0.0
        self._last = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        number = int(data)
        self.answers[number] = self.answers.get(number, 0) + 1
        now = time.monotonic()
        self.longest_gap_ms, self._last = max(self.longest_gap_ms, (now - self._last) * 1000), now

    def error_received(self, error: Exception) -> None:
        self.errors += 1

    def send(self) -> None:
        self._transport.sendto(b"%d" % self.sent)
        self.sent += 1

    @property
    def lost(self) -> list[int]:
        return [number for number in range(self.sent) if number not in self.answers]

    @property
    def doubled(self) -> list[int]:
        return [number for number, times in self.answers.items() if times > 1]


def retransmissions(connection: socket.socket) -> int:
    """How many segments of a connection were sent again (tcpi_total_retrans; linux/tcp.h)."""
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    [total] = struct.unpack_from("=I", information, 100)
    return int(total)


class Peer:
    def __init__(self, address: str) -> None:
        self._address = address
        self._datagrams = Datagrams()
        self._quiet = False
        self._connections = {"opened": 0, "failed": 0}
        self._sent_again = 0
        self._failures: list[str] = []
        self._accepted = 0
        self._under_way = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.start_server(self._answer, "0.0.0.0", PEER_PORT)
        print("listening", flush=True)
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        work: list[asyncio.Task[None]] = []
        while line := (await reader.readline()).strip():
            if line == b"start":
                await loop.create_datagram_endpoint(lambda: self._datagrams, remote_addr=(self._address, ECHO_PORT))
                work = [asyncio.create_task(self._send()), asyncio.create_task(self._connect())]
            elif line == b"quiet":  # nothing new is sent; what is under way is awaited
                self._quiet = True
                await asyncio.wait(work)
            print(json.dumps(self._report()), flush=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    async def _send(self) -> None:
        while not self._quiet:
            self._datagrams.send()
            await asyncio.sleep(DATAGRAM_EVERY_S)
        deadline = time.monotonic() + 2
        while self._datagrams.lost and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    async def _connect(self) -> None:
        under_way: set[asyncio.Task[None]] = set()
        while not self._quiet:
            under_way.add(asyncio.create_task(self._connect_once()))
            under_way = {task for task in under_way if not task.done()}
            await asyncio.sleep(CONNECT_EVERY_S)
        if under_way:
            await asyncio.wait(under_way)

    async def _connect_once(self) -> None:
        try:
            async with asyncio.timeout(10):
                reader, writer = await asyncio.open_connection(self._address, ECHO_PORT)
                self._sent_again += retransmissions(writer.get_extra_info("socket"))
                writer.write(b"hello\n")
                assert await reader.readline() == b"hello\n"
                writer.close()
            self._connections["opened"] += 1
        except (OSError, AssertionError) as error:
            self._connections["failed"] += 1
            self._failures.append(repr(error))

    def _report(self) -> dict[str, Any]:
        return {
            "datagrams": {
                "sent": self._datagrams.sent,
                "lost": self._datagrams.lost,
                "doubled": self._datagrams.doubled,
                "errors": self._datagrams.errors,
                "longest_gap_ms": self._datagrams.longest_gap_ms,
            },
            "connections": self._connections,
            "failures": self._failures[:10],
            "syns_sent_again": self._sent_again,
            "accepted": self._accepted,
        }


if __name__ == "__main__":
    asyncio.run(Peer(sys.argv[1]).run())
