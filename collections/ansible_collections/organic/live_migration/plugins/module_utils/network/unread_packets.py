# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams in the queue of a socket as packets of IPv4 or IPv6, and their injection on another host."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator

from ..host import libc

_SO_PEEK_OFF, _SO_PROTOCOL = 42, 38
_IPV6_RECVPKTINFO, _IPV6_PKTINFO = 49, 50
_IP_PKTINFO = 8
_V4_MAPPED = bytes(10) + b"\xff\xff"
_IP_HEADER, _UDP_HEADER = struct.Struct(">BBHHHBBH4s4s"), struct.Struct(">HHHH")
_IPV6_HEADER = struct.Struct(">IHBB16s16s")
_TTL = 64
_MULTICAST = range(224, 240)
"""First bytes of multicast addresses (RFC 5771)."""
_LIMITED_BROADCAST = bytes([255] * 4)
_NOT_OF_ONE_HOST = (b"\xff", b"\xfe")
"""Beginnings of IPv6 addresses that mean nothing without a link: multicast and link-local."""
_VERSION_4 = 0x45
"""IPv4, and a header of five words, that is, without options."""
_VERSION_6 = 6 << 28
_ICMP_REQUESTS = (8, 13, 15, 17)
"""The kernel would answer them a second time."""


def read(pid: int, descriptor: int) -> tuple[bool, list[bytes]]:
    """What is queued in a socket: whether it is a raw one, which loses it, and the packets."""
    pidfd = os.pidfd_open(pid)
    try:
        duplicate = socket.socket(fileno=libc.pidfd_getfd(pidfd, descriptor))
    finally:
        os.close(pidfd)
    with duplicate:
        is_raw = duplicate.type == socket.SOCK_RAW
        return is_raw, list((_take_raw if is_raw else _peek_datagrams)(duplicate))


def _take_raw(duplicate: socket.socket) -> Iterator[bytes]:
    """Whole packets of IPv4 (raw(7)); of IPv6 no header is kept, and what TCP and UDP also get comes again there.

    Raw sockets know no SO_PEEK_OFF, so the packets are taken from the queue.
    """
    protocol = duplicate.getsockopt(socket.SOL_SOCKET, _SO_PROTOCOL)
    if duplicate.family != socket.AF_INET or protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        return
    with contextlib.suppress(BlockingIOError):
        while True:
            packet = duplicate.recv(1 << 16, socket.MSG_DONTWAIT)
            start = (packet[0] & 0xF) * 4 if packet else 0
            if len(packet) > start and not (protocol == socket.IPPROTO_ICMP and packet[start] in _ICMP_REQUESTS):
                yield packet


@contextlib.contextmanager
def _peeking(duplicate: socket.socket) -> Iterator[None]:
    """Have each call return the next datagram."""
    before = duplicate.getsockopt(socket.SOL_SOCKET, _SO_PEEK_OFF)
    duplicate.setsockopt(socket.SOL_SOCKET, _SO_PEEK_OFF, 0)
    try:
        duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # clear a pending ICMP error, which comes first
        yield
    finally:
        duplicate.setsockopt(socket.SOL_SOCKET, _SO_PEEK_OFF, before)


def _peek_datagrams(duplicate: socket.socket) -> Iterator[bytes]:
    information = (
        (socket.IPPROTO_IP, _IP_PKTINFO) if duplicate.family == socket.AF_INET
        else (socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO)
    )  # fmt: skip
    before = duplicate.getsockopt(*information)
    port = duplicate.getsockname()[1]
    try:
        duplicate.setsockopt(*information, 1)
        with _peeking(duplicate), contextlib.suppress(BlockingIOError):
            while True:
                message = duplicate.recvmsg(1 << 16, 256, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                yield from _packet(message[0], message[1], message[3], port)
    finally:
        duplicate.setsockopt(*information, before)


def _packet(
    data: bytes, ancillary: list[tuple[int, int, bytes]], sender: tuple[str, int], port: int
) -> Iterator[bytes]:
    """The datagram as a packet; nothing where an address means nothing without a link."""
    for level, kind, content in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            destination = content[8:12]
        elif (level, kind) != (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
            continue
        elif content.startswith(_V4_MAPPED):
            destination = content[12:16]
        else:
            source6 = socket.inet_pton(socket.AF_INET6, sender[0].partition("%")[0])
            if not source6.startswith(_NOT_OF_ONE_HOST) and not content.startswith(_NOT_OF_ONE_HOST):
                yield _packet6(data, source6, content[:16], sender[1], port)
            continue
        source = socket.inet_aton(sender[0].rpartition(":")[2])
        length = _UDP_HEADER.size + len(data)
        header = _IP_HEADER.pack(
            _VERSION_4, 0, _IP_HEADER.size + length, 0, 0, _TTL, socket.IPPROTO_UDP, 0, source, destination
        )
        yield header + _UDP_HEADER.pack(sender[1], port, length, 0) + data


def _packet6(data: bytes, source: bytes, destination: bytes, from_port: int, port: int) -> bytes:
    """Over IPv6 a datagram must have a checksum (RFC 8200, clause 8.1)."""
    length = _UDP_HEADER.size + len(data)
    pseudo = source + destination + struct.pack(">II", length, socket.IPPROTO_UDP)
    checksum = _checksum(pseudo + _UDP_HEADER.pack(from_port, port, length, 0) + data) or 0xFFFF
    header = _IPV6_HEADER.pack(_VERSION_6, length, socket.IPPROTO_UDP, _TTL, source, destination)
    return header + _UDP_HEADER.pack(from_port, port, length, checksum) + data


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def split(packets: bytes) -> Iterator[memoryview]:
    """The packets, one by one.

    Raises:
        ValueError: the peer sent something else than packets.
    """
    left = memoryview(packets)
    while left:
        version = left[0] >> 4
        size = {4: _IP_HEADER.size, 6: _IPV6_HEADER.size}.get(version)
        if size is None:
            raise ValueError("The source host sent something else than an IP packet")
        if len(left) < size:
            raise ValueError("The source host sent a truncated packet")
        length = int(_IP_HEADER.unpack_from(left)[2]) if version == 4 else size + int(_IPV6_HEADER.unpack_from(left)[1])
        if not size < length <= len(left):
            raise ValueError("The source host sent a truncated packet")
        yield left[:length]
        left = left[length:]


class Injector:
    """Injects packets into a network namespace by raw sockets, with their original senders.

    Args:
        pid: a process in the namespace.

    Attributes:
        refused: packets that the kernel did not take; broadcasts and multicasts do not count.
    """

    def __init__(self, pid: int) -> None:
        self.refused = 0
        with libc.network_namespace(pid):
            self._sockets = {4: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)}
            with contextlib.suppress(OSError):  # raw(7): with their own headers; a host may be without IPv6
                self._sockets[6] = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def inject(self, packet: memoryview) -> bool:
        """Returns whether it was injected: not a broadcast or multicast, and not without a route."""
        version = packet[0] >> 4
        destination = _IP_HEADER.unpack_from(packet)[9] if version == 4 else _IPV6_HEADER.unpack_from(packet)[5]
        if version == 4 and (destination[0] in _MULTICAST or destination == _LIMITED_BROADCAST):
            return False
        address = socket.inet_ntop(socket.AF_INET if version == 4 else socket.AF_INET6, destination)
        try:
            self._sockets[version].sendto(packet, (address, 0))
        except (KeyError, OSError) as error:
            is_broadcast = isinstance(error, PermissionError)  # without SO_BROADCAST
            self.refused += not is_broadcast
            return False
        return True

    def close(self) -> None:
        for one in self._sockets.values():
            one.close()
