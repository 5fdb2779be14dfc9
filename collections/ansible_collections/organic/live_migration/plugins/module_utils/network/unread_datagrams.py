# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came in and was not taken by the process before the freeze, as IPv4 packets, which the target delivers again.

CRIU leaves unread datagrams behind (criu/sk-inet.c: "Read queue is dropped"), and a PFCP request so lost costs seconds.
They are looked at without being taken, so that a process that runs on here still has them. Connections that wait for
accept() it refuses to dump, so that there must be none.
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
"""First bytes of addresses of groups (RFC 5771)."""
_VERSION_4 = 0x45
"""Version, and a header of five words: without options."""
_TCP_LISTEN, _TCP_SYN_RECEIVED = "0A", "03"
POLL_INTERVAL_S = 0.0005


def unread(pids: list[int]) -> bytes:
    """All datagrams that wait in the sockets of these processes, which share a network namespace."""
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
        time.sleep(POLL_INTERVAL_S)  # no event tells; the process runs meanwhile
    if waiting:
        raise MigrationError(
            f"{waiting} connections wait to be accepted, and were not within {timeout_s:.1f} s. "
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
            duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # one that waits, of ICMP, would come first
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
    """The datagram as it came; nothing when it came by IPv6."""
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
    """Deliver packets to the sockets in the network namespace of ``pid``, by its loopback and with their senders.

    What was sent to all or to a group is passed over: this host gets it as well, once its links are up. What the kernel
    does not take, as when no route leads there, is lost.

    Returns:
        How many were delivered.

    Raises:
        ValueError: what came from the peer are no packets of UDP or TCP.
    """
    delivered = 0
    if not packets:
        return delivered
    with libc.network_namespace(pid):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)  # raw(7): brings its own header
    left = memoryview(packets)
    with raw:
        while left:
            if len(left) < _IP_HEADER.size:
                raise ValueError("The source host sent a truncated packet")
            header = _IP_HEADER.unpack_from(left)
            version, length, protocol, destination = header[0] >> 4, header[2], header[6], header[9]
            if version != 4 or protocol not in _PROTOCOLS or not _IP_HEADER.size < length <= len(left):
                raise ValueError("The source host sent what is no packet of UDP or TCP")
            with contextlib.suppress(OSError):  # to a broadcast address it is one, without SO_BROADCAST
                if destination[0] not in _MULTICAST:
                    raw.sendto(left[:length], (socket.inet_ntoa(destination), 0))
                    delivered += 1
            left = left[length:]
    return delivered
