# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gNB's part on N3: pings of the UEs to an address on N6, inside GTP-U."""

from __future__ import annotations

import asyncio
import contextlib

from .. import gtpu, ip
from ..settings import GTPU_PORT
from .pace import due_times
from .session import Session
from .statistics import GapMeter


class Pings(asyncio.DatagramProtocol):
    """Sends one ping each `interval_s`, from one session after the other."""

    def __init__(self, sessions: list[Session], target: str, interval_s: float, upf_port: int = GTPU_PORT) -> None:
        self._sessions = sessions
        self._target = target
        self._interval_s = interval_s
        self._upf_port = upf_port
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[int, Session] = {}
        self._all_answered = asyncio.Event()
        self.gaps = GapMeter(interval_s)
        self.sent = 0
        self.answered = 0
        self.duplicated = 0
        self.error_indications = 0

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
            session = self._sessions[self.sent % len(self._sessions)]
            self.ping(session, due)

    def ping(self, session: Session, due: float) -> None:
        assert self._transport is not None
        number = self.sent
        self.sent += 1
        packet = ip.echo_request(
            session.ue_address, self._target, session.index & 0xFFFF, number & 0xFFFF, number.to_bytes(8, "big")
        )
        self._waiting[number] = session
        self.gaps.asked(due)
        self._transport.sendto(
            gtpu.g_pdu(session.uplink.teid, packet, uplink=True), (session.uplink.address, self._upf_port)
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
        if message.type != gtpu.G_PDU:
            return
        echo = ip.read_echo(message.payload)
        if echo is None or echo.type != ip.ECHO_REPLY:
            return
        session = self._waiting.pop(int.from_bytes(echo.payload[:8], "big"), None)
        if session is None:
            self.duplicated += 1
        elif session.owns(message.teid) and echo.destination == session.ue_address:
            self.answered += 1
            self.gaps.answered(self._loop.time())
            if not self._waiting:
                self._all_answered.set()

    def error_received(self, exc: Exception) -> None:
        # The UPF's socket is away for a moment: the ping counts as lost.
        return
