# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams that the process had not read before the freeze, as IPv4 packets that the target injects again.

CRIU drops unread datagrams (criu/sk-inet.c: "Read queue is dropped"), and a lost PFCP request costs seconds. They are
peeked at, not removed, so that the process still has them after a rollback. CRIU refuses to dump connections that wait
for accept(), so their queue must be empty.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import MigrationError
from ..host import libc, processes

_PROTOCOLS = (socket.IPPROTO_UDP, socket.IPPROTO_TCP)
_SO_PEEK_OFF = 42
_IPV6_RECVPKTINFO, _IPV6_PKTINFO = 49, 50
_IP_PKTINFO = 8
_V4_MAPPED = bytes(10) + b"\xff\xff"
_IP_HEADER, _UDP_HEADER = struct.Struct(">BBHHHBBH4s4s"), struct.Struct(">HHHH")
_TTL = 64
_MULTICAST = range(224, 240)
"""First bytes of multicast addresses (RFC 5771)."""
_VERSION_4 = 0x45
"""IPv4, and a header of five words, that is, without options."""
_TCP_LISTEN, _TCP_SYN_RECEIVED = "0A", "03"
POLL_INTERVAL_S = 0.0005


def unread(pids: list[int]) -> bytes:
    """All datagrams that are queued in the sockets of these processes, which share a network namespace."""
    packets = b""
    waiting = _waiting_sockets(pids[0])
    for pid in pids if waiting else []:
        for descriptor, target in processes.descriptors(pid):
            if target in waiting:
                waiting.remove(target)
                packets += b"".join(_peek(pid, descriptor))
    return packets


def drain_accept_queue(pid: int, timeout_s: float) -> None:
    """Wait until no connection in the network namespace of ``pid`` is being opened or waits for accept().

    Raises:
        MigrationError: some wait, and the program does not accept them.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        opening, waiting = _connections(pid)
        if not opening and not waiting:
            return
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_INTERVAL_S)  # the kernel has no event for it; the process still runs
    if waiting:
        raise MigrationError(
            f"{waiting} connections wait to be accepted, and the program did not accept them within {timeout_s:.1f} s. "
            "CRIU cannot move them; try again when the program is less busy."
        )


def _connections(pid: int) -> tuple[int, int]:
    """Number of connections that are being opened by clients, and of those that are open and not accepted."""
    opening = waiting = 0
    for fields in _sockets(pid, "tcp"):
        if fields[3] == _TCP_SYN_RECEIVED:
            opening += 1
        elif fields[3] == _TCP_LISTEN:
            waiting += int(fields[4].partition(":")[2], 16)
    return opening, waiting


def _sockets(pid: int, protocol: str) -> Iterator[list[str]]:
    """Lines of /proc/net/tcp and the like, of IPv4 and IPv6 (Documentation/networking/proc_net_tcp.rst)."""
    for table in (protocol, f"{protocol}6"):
        path = Path(f"/proc/{pid}/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            yield line.split()


def _waiting_sockets(pid: int) -> set[str]:
    """UDP sockets with something in their receive queue, as descriptors point to them."""
    return {f"socket:[{fields[9]}]" for fields in _sockets(pid, "udp") if int(fields[4].partition(":")[2], 16)}


def _peek(pid: int, descriptor: int) -> Iterator[bytes]:
    pidfd = os.pidfd_open(pid)
    try:
        duplicate = socket.socket(fileno=libc.pidfd_getfd(pidfd, descriptor))
    finally:
        os.close(pidfd)
    with duplicate:
        information = (
            (socket.IPPROTO_IP, _IP_PKTINFO) if duplicate.family == socket.AF_INET
            else (socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO)
        )  # fmt: skip
        before = duplicate.getsockopt(*information), duplicate.getsockopt(socket.SOL_SOCKET, _SO_PEEK_OFF)
        port = duplicate.getsockname()[1]
        try:
            duplicate.setsockopt(*information, 1)
            duplicate.setsockopt(socket.SOL_SOCKET, _SO_PEEK_OFF, 0)
            duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # clear a pending ICMP error, which comes first
            with contextlib.suppress(BlockingIOError):
                while True:
                    message = duplicate.recvmsg(1 << 16, 256, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                    yield from _packet(message[0], message[1], message[3], port)
        finally:
            duplicate.setsockopt(*information, before[0])
            duplicate.setsockopt(socket.SOL_SOCKET, _SO_PEEK_OFF, before[1])


def _packet(
    data: bytes, ancillary: list[tuple[int, int, bytes]], sender: tuple[str, int], port: int
) -> Iterator[bytes]:
    """The datagram as an IPv4 packet; nothing when it arrived by IPv6."""
    for level, kind, content in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            destination = content[8:12]
        elif (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO) and content.startswith(_V4_MAPPED):
            destination = content[12:16]
        else:
            continue
        source = socket.inet_aton(sender[0].rpartition(":")[2])
        length = _UDP_HEADER.size + len(data)
        header = _IP_HEADER.pack(
            _VERSION_4, 0, _IP_HEADER.size + length, 0, 0, _TTL, socket.IPPROTO_UDP, 0, source, destination
        )
        yield header + _UDP_HEADER.pack(sender[1], port, length, 0) + data


def deliver(pid: int, packets: bytes) -> int:
    """Inject packets into the network namespace of ``pid`` by a raw socket, with their original senders.

    Broadcasts and multicasts are skipped: this host receives them itself once its links are up. Packets that the kernel
    refuses, for example without a route, are lost.

    Returns:
        How many were injected.

    Raises:
        ValueError: the peer sent something else than UDP and TCP packets.
    """
    delivered = 0
    if not packets:
        return delivered
    with libc.network_namespace(pid):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)  # raw(7): with their own headers
    left = memoryview(packets)
    with raw:
        while left:
            if len(left) < _IP_HEADER.size:
                raise ValueError("The source host sent a truncated packet")
            header = _IP_HEADER.unpack_from(left)
            version, length, protocol, destination = header[0] >> 4, header[2], header[6], header[9]
            if version != 4 or protocol not in _PROTOCOLS or not _IP_HEADER.size < length <= len(left):
                raise ValueError("The source host sent something else than a UDP or TCP packet")
            with contextlib.suppress(OSError):  # EACCES for a broadcast address, without SO_BROADCAST
                if destination[0] not in _MULTICAST:
                    raw.sendto(left[:length], (socket.inet_ntoa(destination), 0))
                    delivered += 1
            left = left[length:]
    return delivered
