# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets between N3 (GTP-U) and N6 (TUN), by the rules of the sessions."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from .. import gtpu
from ..pfcp.ies import ApplyAction, Interface
from ..settings import GTPU_PORT
from .rules import RuleTable

log = logging.getLogger(__name__)

# Packets that are taken from N6 before others get their turn.
BURST = 64
_IPV4_HEADER = 20


class N6(Protocol):
    """The device towards the data network."""

    fd: int

    def read(self) -> bytes | None: ...

    def write(self, packet: bytes) -> bool: ...

    def close(self) -> None: ...


class UserPlane(asyncio.DatagramProtocol):
    def __init__(self, rules: RuleTable, n6: N6, gtpu_port: int = GTPU_PORT) -> None:
        self._rules = rules
        self._n6 = n6
        self._gtpu_port = gtpu_port
        self._transport: asyncio.DatagramTransport | None = None
        self.uplink = 0
        self.downlink = 0
        self.dropped = 0

    async def start(self, address: str, port: int = GTPU_PORT) -> int:
        """Bind N3 and listen to N6; return N3's port."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, (address, port))
        self._transport = transport
        loop.add_reader(self._n6.fd, self._from_n6)
        return int(transport.get_extra_info("sockname")[1])

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._n6.fd)
        if self._transport is not None:
            self._transport.close()
        self._n6.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        try:
            message = gtpu.decode(data)
        except gtpu.GtpError as error:
            log.debug("from %s: %s", addr[0], error)
            self.dropped += 1
            return
        if message.type == gtpu.G_PDU:
            self._from_n3(message, addr)
        elif message.type == gtpu.ECHO_REQUEST:
            self._transport.sendto(gtpu.echo_response(message.sequence), addr)

    def error_received(self, exc: Exception) -> None:
        log.debug("N3: %s", exc)

    def _from_n3(self, message: gtpu.GtpMessage, addr: tuple[str, int]) -> None:
        found = self._rules.uplink.get(message.teid)
        if found is None:
            assert self._transport is not None
            local = self._transport.get_extra_info("sockname")[0]
            self._transport.sendto(gtpu.error_indication(message.teid, local), (addr[0], self._gtpu_port))
            self.dropped += 1
            return
        session, pdr = found
        far = session.fars[pdr.far_id]
        packet = message.payload
        # A UE may only send from its own address.
        mine = len(packet) >= _IPV4_HEADER and self._rules.downlink.get(packet[12:16], (None,))[0] is session
        if mine and ApplyAction.FORWARD in far.action and far.destination is Interface.CORE and self._n6.write(packet):
            self.uplink += 1
        else:
            self.dropped += 1

    def _from_n6(self) -> None:
        assert self._transport is not None
        for _ in range(BURST):
            packet = self._n6.read()
            if packet is None:
                return
            found = self._rules.downlink.get(packet[16:20]) if packet[:1] and packet[0] >> 4 == 4 else None
            if found is None:
                self.dropped += 1
                continue
            session, pdr = found
            far = session.fars[pdr.far_id]
            if ApplyAction.FORWARD in far.action and far.outer is not None:
                data = gtpu.g_pdu(far.outer.teid, packet, uplink=False)
                self._transport.sendto(data, (far.outer.address, self._gtpu_port))
                self.downlink += 1
            else:
                self.dropped += 1
