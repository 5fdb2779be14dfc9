# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SCTP by the kernel: one-to-one style sockets (RFC 6458 clause 4, linux/sctp.h).

A socket of this style cannot send an ABORT with a reason (RFC 6458 clause 4.1.8): the peer sees that the association
was aborted, and the reason stays here.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import struct

from .. import NGAP_PPID
from .association import BaseAssociation, Change
from .interface import STREAMS, TIMING, SctpError, SctpHandler

log = logging.getLogger(__name__)

IPPROTO_SCTP = 132
BACKLOG = 64

_RTOINFO, _ASSOCINFO, _INITMSG, _NODELAY, _PEER_ADDR_PARAMS, _STATUS = 0, 1, 2, 3, 9, 14
_RECVRCVINFO, _BINDX_ADD, _GET_PEER_ADDRS, _CONNECTX, _EVENT = 32, 100, 108, 110, 127
_CMSG_SNDINFO, _CMSG_RCVINFO = 2, 3
_ASSOC_CHANGE = 0x8001
_HEARTBEAT_ENABLE = 1
_MSG_NOTIFICATION = 0x8000

_CHANGES = {
    0: Change.UP,
    1: Change.LOST,
    2: Change.RESTART,
    3: Change.SHUTDOWN_COMPLETE,
    4: Change.CANNOT_START,
}
_SOCKADDR_IN = struct.Struct("=HH4s8x")
_SNDINFO = struct.Struct("=HHIII")
_STATUS_HEAD = struct.Struct("=IiIHHHH")
_RECEIVE_SIZE = 65536
_ABORT_AT_CLOSE = struct.pack("ii", 1, 0)
"""Linger for 0 s (RFC 6458 clause 8.1.4): a process that is killed is seen by its peers at once. Without it the kernel
would begin a SHUTDOWN, and wait for peers that have much to send. An orderly end waits for its SHUTDOWN first."""
_OPTION_SIZE = 1024
"""The most that Python's getsockopt takes; enough for 63 addresses."""


def is_there() -> bool:
    """Whether this kernel has SCTP, or a module that it can load."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP).close()
    except OSError:
        return False
    return True


class KernelStack:
    name = "kernel"

    def __init__(self) -> None:
        self._listeners: list[_Listener] = []
        self._associations: set[_Association] = set()

    def listen(self, addresses: list[str], port: int, handler: SctpHandler) -> _Listener:
        try:
            listener = _Listener(self, addresses, port, handler)
        except OSError as error:
            raise SctpError(f"cannot listen on {', '.join(addresses)}: {error.strerror}") from error
        self._listeners.append(listener)
        return listener

    async def connect(
        self, local: list[str], peers: list[str], port: int, handler: SctpHandler, timeout_s: float
    ) -> _Association:
        sock = _new_socket()
        association = _Association(self, sock, handler)
        try:
            if local:
                _bind(sock, local, 0)
            packed = b"".join([_sockaddr(peer, port) for peer in peers])
            with contextlib.suppress(BlockingIOError):
                sock.setsockopt(IPPROTO_SCTP, _CONNECTX, packed)
            async with asyncio.timeout(timeout_s):
                await association.is_ready
        except (OSError, SctpError) as error:
            association.end("no association")
            raise SctpError(
                f"no SCTP association with {', '.join(peers)}, port {port}: {error or 'no answer'}"
            ) from error
        except asyncio.CancelledError:
            association.end("cancelled")
            raise
        return association

    async def stop(self) -> None:
        for listener in self._listeners:
            listener.close()
        for association in list(self._associations):
            association.abort("stopped")

    def add(self, association: _Association) -> None:
        self._associations.add(association)

    def discard(self, association: _Association) -> None:
        self._associations.discard(association)


class _Listener:
    def __init__(self, stack: KernelStack, addresses: list[str], port: int, handler: SctpHandler) -> None:
        self._stack = stack
        self._handler = handler
        self._socket = _new_socket()
        try:
            _bind(self._socket, addresses, port)
            self._socket.listen(BACKLOG)
        except OSError:
            self._socket.close()
            raise
        self.port = int(self._socket.getsockname()[1])
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._socket.fileno() >= 0:
                accepted, _ = self._socket.accept()
                try:
                    _prepare(accepted)
                    streams = _streams(accepted)
                except OSError as error:  # the peer has left meanwhile
                    log.debug("an association ended before it was accepted: %s", error)
                    accepted.close()
                    continue
                _Association(self._stack, accepted, self._handler).come_up(streams)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()


class _Association(BaseAssociation):
    def __init__(self, stack: KernelStack, sock: socket.socket, handler: SctpHandler) -> None:
        super().__init__(handler)
        self._stack = stack
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._on_readable)
        stack.add(self)

    def _on_readable(self) -> None:
        try:
            while not self.has_ended:
                data, ancillary, flags, _ = self._socket.recvmsg(_RECEIVE_SIZE, 128)
                if flags & _MSG_NOTIFICATION:
                    self.on_notification(data, _CHANGES)
                elif not data:
                    self.end(self._reason or "shut down by the peer")
                else:
                    self.take(data, _stream_of(ancillary), is_complete=bool(flags & socket.MSG_EOR))
        except BlockingIOError:
            return
        except OSError as error:
            self.end(str(error.strerror))

    def _send_now(self, data: bytes, stream: int) -> bool:
        try:
            info = _SNDINFO.pack(min(stream, self.streams - 1), 0, socket.htonl(NGAP_PPID), 0, 0)
            self._socket.sendmsg([data], [(IPPROTO_SCTP, _CMSG_SNDINFO, info)])
        except BlockingIOError:
            return False
        except OSError as error:
            self.end(str(error.strerror))
        return True

    def _wait_for_room(self, is_waiting: bool) -> None:
        if is_waiting:
            self._loop.add_writer(self._socket, self.drain)
        else:
            self._loop.remove_writer(self._socket)

    def _shutdown(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _abort_now(self, reason: str) -> None:
        """The close that follows sends the ABORT, see :data:`_ABORT_AT_CLOSE`."""

    def _release(self) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._stack.discard(self)
        self._socket.close()

    def _learn_peer(self) -> None:
        try:
            data = self._socket.getsockopt(IPPROTO_SCTP, _GET_PEER_ADDRS, _OPTION_SIZE)
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EINVAL):
                raise
            return
        (count,) = struct.unpack_from("=I", data, 4)
        found = [_SOCKADDR_IN.unpack_from(data, 8 + number * _SOCKADDR_IN.size) for number in range(count)]
        self.peers = tuple([socket.inet_ntoa(address) for _, _, address in found])
        self.peer_port = socket.ntohs(found[0][1]) if found else 0


def _new_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP)
    sock.setsockopt(IPPROTO_SCTP, _INITMSG, struct.pack("=HHHH", STREAMS, STREAMS, 0, 0))
    _prepare(sock)
    return sock


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    rto = struct.pack("=IIII", 0, TIMING.rto_initial_ms, TIMING.rto_maximum_ms, TIMING.rto_minimum_ms)
    sock.setsockopt(IPPROTO_SCTP, _RTOINFO, rto)
    association = struct.pack("=IHHIII", 0, TIMING.association_retransmissions, 0, 0, 0, 0)
    sock.setsockopt(IPPROTO_SCTP, _ASSOCINFO, association)
    # Packed, aligned to 4: association, address, heartbeat, retransmissions, path MTU, SACK delay, flags, label, DSCP.
    path = struct.pack(
        "=I128sIHIIIIBx", 0, b"", TIMING.heartbeat_ms, TIMING.path_retransmissions, 0, 0, _HEARTBEAT_ENABLE, 0, 0
    )
    sock.setsockopt(IPPROTO_SCTP, _PEER_ADDR_PARAMS, path)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT_AT_CLOSE)
    sock.setsockopt(IPPROTO_SCTP, _NODELAY, struct.pack("=I", 1))
    sock.setsockopt(IPPROTO_SCTP, _RECVRCVINFO, struct.pack("=I", 1))
    sock.setsockopt(IPPROTO_SCTP, _EVENT, struct.pack("=IHBx", 0, _ASSOC_CHANGE, 1))


def _bind(sock: socket.socket, addresses: list[str], port: int) -> None:
    sock.bind((addresses[0], port))
    bound = sock.getsockname()[1]
    for address in addresses[1:]:
        sock.setsockopt(IPPROTO_SCTP, _BINDX_ADD, _sockaddr(address, bound))


def _sockaddr(address: str, port: int) -> bytes:
    return _SOCKADDR_IN.pack(socket.AF_INET, socket.htons(port), socket.inet_aton(address))


def _streams(sock: socket.socket) -> int:
    return int(_STATUS_HEAD.unpack_from(sock.getsockopt(IPPROTO_SCTP, _STATUS, 256))[6])


def _stream_of(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if (level, kind) == (IPPROTO_SCTP, _CMSG_RCVINFO):
            return int(struct.unpack_from("=H", data)[0])
    return 0
