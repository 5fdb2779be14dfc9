# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gNB's part on N3: pings of the UEs to an address on N6, inside GTP-U."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from .. import gtpu, ip
from ..pfcp.ies import Teid
from ..settings import GTPU_PORT
from .gaps import GapMeter
from .latencies import Latencies
from .pace import due_times

UNCOUNTED = b"\xff" * 8
"""Payload of a packet whose answer is no answer to a ping."""


class Bearer(Protocol):
    """A PDU session whose user plane is up."""

    @property
    def ue_address(self) -> str: ...

    @property
    def uplink(self) -> Teid: ...

    def owns(self, teid: int) -> bool:
        """Whether a downlink tunnel of the gNB belongs to this session."""

    def echo_request(self, target: str, sequence: int, payload: bytes) -> bytes:
        """What carries a ping through this session."""


class Pings(asyncio.DatagramProtocol):
    """Sends one ping each `interval_s`, each from the session that `choose` gives; none while it gives None."""

    def __init__(
        self, choose: Callable[[], Bearer | None], target: str, interval_s: float, upf_port: int = GTPU_PORT
    ) -> None:
        self._choose = choose
        self._target = target
        self._interval_s = interval_s
        self._upf_port = upf_port
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[int, tuple[Bearer, float]] = {}
        self._all_answered = asyncio.Event()
        self.gaps = GapMeter(interval_s)
        self.latencies = Latencies()
        self.sent = 0
        self.answered = 0
        self.duplicated = 0
        self.error_indications = 0
        self.read: Callable[[int, bytes], ip.Echo | None] = lambda _, packet: ip.read_echo(packet)
        """Gets TEID and packet, and gives the echo in it; by default that of an IPv4 packet."""
        self.on_downlink: Callable[[int, ip.Echo], None] | None = None
        """Gets TEID and echo of each request that the network sent to a UE."""

    async def start(self, address: str, port: int = GTPU_PORT) -> int:
        transport, _ = await self._loop.create_datagram_endpoint(lambda: self, (address, port))
        self._transport = transport
        return int(transport.get_extra_info("sockname")[1])

    def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def send(self) -> None:
        """Ping until cancelled."""
        async for due in due_times(self._interval_s):
            bearer = self._choose()
            if bearer is not None:
                self.ping(bearer, due)

    def ping(self, bearer: Bearer, due: float) -> None:
        number = self.sent
        self.sent += 1
        self._waiting[number] = (bearer, due)
        self.gaps.asked(due)
        self.send_echo_request(bearer, self._target, number & 0xFFFF, number.to_bytes(8, "big"))

    def send_echo_request(self, bearer: Bearer, target: str, sequence: int, payload: bytes) -> None:
        """One packet that the pings do not count."""
        self.send_packet(bearer, bearer.echo_request(target, sequence, payload))

    def send_packet(self, bearer: Bearer, packet: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(
            gtpu.g_pdu(bearer.uplink.teid, packet, uplink=True), (bearer.uplink.address, self._upf_port)
        )

    async def finish(self, timeout_s: float) -> None:
        """Wait for the answers that are outstanding."""
        stopped = self._loop.time()
        self._all_answered.clear()
        if self._waiting:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._all_answered.wait()
        self.gaps.close(stopped)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = gtpu.decode(data)
        except gtpu.GtpError:
            return
        if message.type == gtpu.ERROR_INDICATION:
            self.error_indications += 1
        elif message.type == gtpu.ECHO_REQUEST and self._transport is not None:
            self._transport.sendto(gtpu.echo_response(message.sequence), addr)
        if message.type != gtpu.G_PDU:
            return
        echo = self.read(message.teid, message.payload)
        if echo is None:
            return
        if echo.type == ip.ECHO_REPLY:
            self._on_reply(message.teid, echo)
        elif self.on_downlink is not None:
            self.on_downlink(message.teid, echo)

    def _on_reply(self, teid: int, echo: ip.Echo) -> None:
        if echo.payload == UNCOUNTED:
            return
        waiting = self._waiting.pop(int.from_bytes(echo.payload[:8], "big"), None)
        if waiting is None:
            self.duplicated += 1
            return
        bearer, due = waiting
        if bearer.owns(teid) and echo.destination == bearer.ue_address:
            now = self._loop.time()
            self.answered += 1
            self.latencies.add(due, now)
            self.gaps.answered(now)
            if not self._waiting:
                self._all_answered.set()

    def error_received(self, exc: Exception) -> None:
        # The UPF's socket is away for a moment: the ping counts as lost.
        return
