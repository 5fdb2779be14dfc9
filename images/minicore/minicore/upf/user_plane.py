# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets between N3 (GTP-U) and N6 (TUN, and TAP for Ethernet), by the rules of the sessions."""

from __future__ import annotations

import asyncio
import logging
import socket
from time import monotonic
from typing import Protocol

from .. import gtpu
from ..pfcp.ies import Interface, Teid
from ..settings import GTPU_PORT
from . import ethernet, router_advertisement
from .reports import Reports, read_remote
from .rules import N4Session, Pdr, RuleTable
from .tun import MTU

log = logging.getLogger(__name__)

# Packets that are taken from N6 before others get their turn.
BURST = 64
# Packets that are taken from N3 before a session ends; a gNB that never stops must not hold N4 up.
LAST = 1024
_DATAGRAM = 65535
_IPV4_HEADER, _IPV6_HEADER = 20, 40


class N6(Protocol):
    """A device towards the data network."""

    fd: int

    def read(self) -> bytes | None: ...

    def write(self, packet: bytes) -> bool: ...

    def close(self) -> None: ...


class UserPlane(asyncio.DatagramProtocol):
    def __init__(self, rules: RuleTable, n6: N6, gtpu_port: int = GTPU_PORT, tap: N6 | None = None) -> None:
        """`tap` carries the frames of Ethernet sessions; without it there are none."""
        self._rules = rules
        self._n6 = n6
        self._tap = tap
        self._gtpu_port = gtpu_port
        self._transport: asyncio.DatagramTransport | None = None
        self.reports: Reports | None = None
        self.has_ethernet = tap is not None
        self.uplink = 0
        self.downlink = 0
        self.dropped = 0
        self.rate_limited = 0

    async def start(self, address: str, port: int = GTPU_PORT) -> int:
        """Bind N3 and listen to N6; return N3's port."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, (address, port))
        self._transport = transport
        loop.add_reader(self._n6.fd, self._from_n6)
        if self._tap is not None:
            loop.add_reader(self._tap.fd, self._from_tap, self._tap)
        return int(transport.get_extra_info("sockname")[1])

    def stop(self) -> None:
        for device in (self._n6, self._tap):
            if device is not None:
                asyncio.get_running_loop().remove_reader(device.fd)
                device.close()
        if self._transport is not None:
            self._transport.close()

    def flush(self, session: N4Session) -> None:
        """Deliver what waited, in its order; it does not count against the bit rate, which it had no chance to use."""
        for pdr_id, packet in self._rules.take_buffered(session):
            pdr = session.pdrs.get(pdr_id)
            if pdr is not None:
                self._send(session, pdr, packet)

    def end_marker(self, tunnel: Teid) -> None:
        assert self._transport is not None
        self._transport.sendto(gtpu.end_marker(tunnel.teid), (tunnel.address, self._gtpu_port))

    def take_received(self) -> None:
        """Forward what the sockets hold: it was sent before the request that ends its session."""
        if self._transport is None:
            return
        n3: socket.socket
        with self._transport.get_extra_info("socket").dup() as n3:
            for _ in range(LAST):
                try:
                    data, sender = n3.recvfrom(_DATAGRAM, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    break
                except OSError as error:
                    self.error_received(error)
                    continue
                self.datagram_received(data, sender)
        self._from_n6()
        if self._tap is not None:
            self._from_tap(self._tap)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A message on N3. TS 29.281 clause 7.3: what is malformed or unknown is discarded without an answer."""
        assert self._transport is not None
        try:
            message = gtpu.decode(data)
        except gtpu.UnknownExtension:
            self._transport.sendto(gtpu.supported_extension_headers(), addr)
            self.dropped += 1
            return
        except gtpu.GtpError as error:
            log.debug("from %s: %s", addr[0], error)
            self.dropped += 1
            return
        if message.type == gtpu.G_PDU:
            self._from_n3(message, addr)
        elif message.type == gtpu.ECHO_REQUEST:
            self._transport.sendto(gtpu.echo_response(message.sequence), addr)
        elif message.type == gtpu.ERROR_INDICATION:
            self._on_error_indication(message.payload)

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
        packet = message.payload
        far = pdr.far
        if not far.forwards or far.destination is not Interface.CORE:
            self.dropped += 1
        elif pdr.ethernet:
            self._uplink_frame(session, pdr, packet)
        elif not self._is_from(session, packet):
            self._from_elsewhere(session, packet)
        elif not (pdr.qers or pdr.urrs) or self._admits(pdr, len(packet), True):
            self._uplink_packet(session, pdr, packet)

    def _uplink_packet(self, session: N4Session, pdr: Pdr, packet: bytes) -> None:
        """To the data network, or to another UE here: then nobody has to route it back."""
        other = self._rules.downlink.get(packet[16:20] if packet[0] >> 4 == 4 else packet[24:32])
        if other is not None:
            self._deliver(*other, packet)
        elif not self._n6.write(packet):
            self.dropped += 1
            return
        self.uplink += 1
        if pdr.urrs:
            self._count(session, pdr, len(packet), True)

    def _is_from(self, session: N4Session, packet: bytes) -> bool:
        """A UE may only send from its own address."""
        if len(packet) < _IPV4_HEADER:
            return False
        version = packet[0] >> 4
        if version == 4:
            return self._rules.downlink.get(packet[12:16], (None,))[0] is session
        return (
            version == 6
            and len(packet) >= _IPV6_HEADER
            and self._rules.downlink.get(packet[8:16], (None,))[0] is session
        )

    def _from_elsewhere(self, session: N4Session, packet: bytes) -> None:
        """A router solicitation is answered here; anything else from an address that is not the UE's is dropped."""
        if packet[:1] and packet[0] >> 4 == 6 and len(packet) >= _IPV6_HEADER:
            pdr = next((pdr for pdr in session.pdrs.values() if pdr.teid is None and pdr.ue_prefix), None)
            known = pdr is not None and router_advertisement.is_link_local(packet)
            if pdr is not None and known and router_advertisement.is_solicitation(packet):
                self._deliver(session, pdr, router_advertisement.advertisement(packet, pdr.ue_prefix, MTU))
                return
        self.dropped += 1

    def _uplink_frame(self, session: N4Session, pdr: Pdr, frame: bytes) -> None:
        if len(frame) < ethernet.HEADER or self._tap is None or not ethernet.learn(self._rules, session, frame):
            self.dropped += 1
            return
        if not self._admits(pdr, len(frame), True):
            return
        self._count(session, pdr, len(frame), True)
        is_local = not frame[0] & 1 and frame[:6] in self._rules.macs
        for other, downlink in ethernet.destinations(self._rules, frame, session):
            self._deliver(other, downlink, frame)
        if is_local or self._tap.write(frame):
            self.uplink += 1
        else:
            self.dropped += 1

    def _from_n6(self) -> None:
        downlink = self._rules.downlink
        for _ in range(BURST):
            packet = self._n6.read()
            if packet is None:
                return
            version = packet[0] >> 4 if packet else 0
            found = None
            if version == 4:
                found = downlink.get(packet[16:20])
            elif version == 6:
                found = downlink.get(packet[24:32])
            if found is None:
                self.dropped += 1
            else:
                self._deliver(*found, packet)

    def _from_tap(self, tap: N6) -> None:
        for _ in range(BURST):
            frame = tap.read()
            if frame is None:
                return
            if len(frame) < ethernet.HEADER:
                continue
            for session, pdr in ethernet.destinations(self._rules, frame, None):
                self._deliver(session, pdr, frame)

    def _deliver(self, session: N4Session, pdr: Pdr, packet: bytes) -> None:
        """A downlink packet: forward it, or keep it for an idle UE."""
        far = pdr.far
        if far.forwards and far.outer is not None:
            if not (pdr.qers or pdr.urrs) or self._admits(pdr, len(packet), False):
                self._send(session, pdr, packet)
        elif far.buffers and self._rules.buffer(session, pdr, packet):
            if far.notifies and not session.notified and self.reports is not None:
                self.reports.downlink_data(session, pdr)
        else:
            self.dropped += 1

    def _send(self, session: N4Session, pdr: Pdr, packet: bytes) -> None:
        assert self._transport is not None
        outer = pdr.far.outer
        if outer is None:
            self.dropped += 1
            return
        data = gtpu.g_pdu(outer.teid, packet, False, pdr.qfi)
        self._transport.sendto(data, (outer.address, self._gtpu_port))
        self.downlink += 1
        if pdr.urrs:
            self._count(session, pdr, len(packet), False)

    def _admits(self, pdr: Pdr, size: int, is_uplink: bool) -> bool:
        """Whether gates, bit rates and quotas let a packet pass; it is counted if not."""
        for urr in pdr.urrs:
            if urr.exhausted:
                self.dropped += 1
                return False
        for qer in pdr.qers:
            if not (qer.uplink_open if is_uplink else qer.downlink_open):
                self.dropped += 1
                return False
            bucket = qer.uplink if is_uplink else qer.downlink
            if bucket is not None and not bucket.take(size, monotonic()):
                self.rate_limited += 1
                return False
        return True

    def _count(self, session: N4Session, pdr: Pdr, size: int, is_uplink: bool) -> None:
        for urr in pdr.urrs:
            due = urr.count(size, is_uplink)
            if due and self.reports is not None:
                self.reports.usage(session, urr, due)

    def _on_error_indication(self, payload: bytes) -> None:
        remote = read_remote(payload)
        if remote is None or self.reports is None:
            return
        for session in self._rules.sessions.values():
            for pdr in session.pdrs.values():
                if pdr.teid is None and pdr.far.forwards and pdr.far.outer == remote:
                    self.reports.error_indication(session, remote)
                    return
