# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libusrsctp by ctypes: the functions and structures of usrsctp.h that N2 needs (0.9.5, Debian's libusrsctp2)."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_ssize_t, c_uint, c_uint16, c_uint32, c_void_p

from .interface import STREAMS, TIMING, SctpError

SONAME = "libusrsctp.so.2"

UPCALL = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_int)

IPPROTO_SCTP = 132
EVENT_WRITE = 2
MSG_EOR = 0x80
MSG_NOTIFICATION = 0x2000
SND_EOF, SND_ABORT = 0x0100, 0x0200
SHUT_WR = 1

_INITMSG, _NODELAY, _EVENT, _RECVRCVINFO = 0x03, 0x04, 0x1E, 0x1F
_STATUS = 0x100
_ASSOC_CHANGE = 1
_BINDX_ADD = 0x8001
_SENDV_SNDINFO = 1
_WOULD_BLOCK = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINPROGRESS)

_RCVINFO = struct.Struct("=HHHxxIIIII")
_SNDINFO = struct.Struct("=HHIII")
_STATUS_HEAD = struct.Struct("=IiIHHHH")
_SOCKADDR_IN = struct.Struct("=HH4s8x")

_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "usrsctp_init": (None, [c_uint16, c_void_p, c_void_p]),
    "usrsctp_finish": (c_int, []),
    "usrsctp_socket": (c_void_p, [c_int, c_int, c_int, c_void_p, c_void_p, c_uint32, c_void_p]),
    "usrsctp_setsockopt": (c_int, [c_void_p, c_int, c_int, c_void_p, c_uint32]),
    "usrsctp_getsockopt": (c_int, [c_void_p, c_int, c_int, c_void_p, POINTER(c_uint32)]),
    "usrsctp_set_non_blocking": (c_int, [c_void_p, c_int]),
    "usrsctp_set_upcall": (c_int, [c_void_p, UPCALL, c_void_p]),
    "usrsctp_get_events": (c_int, [c_void_p]),
    "usrsctp_bind": (c_int, [c_void_p, c_char_p, c_uint32]),
    "usrsctp_bindx": (c_int, [c_void_p, c_char_p, c_int, c_int]),
    "usrsctp_listen": (c_int, [c_void_p, c_int]),
    "usrsctp_accept": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "usrsctp_connectx": (c_int, [c_void_p, c_char_p, c_int, POINTER(c_uint32)]),
    "usrsctp_getpaddrs": (c_int, [c_void_p, c_uint32, POINTER(c_void_p)]),
    "usrsctp_freepaddrs": (None, [c_void_p]),
    "usrsctp_getladdrs": (c_int, [c_void_p, c_uint32, POINTER(c_void_p)]),
    "usrsctp_freeladdrs": (None, [c_void_p]),
    "usrsctp_sendv": (
        c_ssize_t,
        [c_void_p, c_char_p, c_size_t, c_void_p, c_int, c_char_p, c_uint32, c_uint, c_int],
    ),
    "usrsctp_recvv": (
        c_ssize_t,
        [c_void_p, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p],
    ),
    "usrsctp_shutdown": (c_int, [c_void_p, c_int]),
    "usrsctp_close": (None, [c_void_p]),
}
_TUNABLES = {
    "rto_initial_default": TIMING.rto_initial_ms,
    "rto_min_default": TIMING.rto_minimum_ms,
    "rto_max_default": TIMING.rto_maximum_ms,
    "init_rto_max_default": TIMING.rto_maximum_ms,
    "heartbeat_interval_default": TIMING.heartbeat_ms,
    "path_rtx_max_default": TIMING.path_retransmissions,
    "assoc_rtx_max_default": TIMING.association_retransmissions,
    "nr_outgoing_streams_default": STREAMS,
    # The checksum is left out on loopback otherwise, and another stack there would discard the packet.
    "no_csum_on_loopback": 0,
    # Extensions that a gNB does not need.
    "asconf_enable": 0,
    "auto_asconf": 0,
    "auth_enable": 0,
    "pktdrop_enable": 0,
}


class Library:
    """The loaded library. Its calls release the GIL, for which its threads may wait while they hold its locks."""

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL(SONAME, use_errno=True)
        except OSError as error:
            raise SctpError(f"this kernel has no SCTP and {SONAME} is missing: install libusrsctp2") from error
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        self._library = library
        self._buffer = ctypes.create_string_buffer(65536)

    def start(self, *, answers_strangers: bool) -> None:
        """Open the raw sockets and start the threads; SctpError without the right to.

        The library itself reports nothing where it may not open a raw socket.
        """
        try:
            socket.socket(socket.AF_INET, socket.SOCK_RAW, IPPROTO_SCTP).close()
        except OSError as error:
            raise SctpError(f"usrsctp needs raw sockets: give the process CAP_NET_RAW ({error})") from error
        self._library.usrsctp_init(0, None, None)
        for name, value in {**_TUNABLES, "blackhole": 0 if answers_strangers else 2}.items():
            set_tunable = getattr(self._library, f"usrsctp_sysctl_set_sctp_{name}")
            if set_tunable(c_uint32(value)):
                raise SctpError(f"{SONAME} refuses {name} = {value}")

    def finish(self) -> bool:
        """False while sockets are not yet gone."""
        return bool(self._library.usrsctp_finish() == 0)

    def socket(self) -> int:
        """A one-to-one style socket with our options, not blocking."""
        handle = self._library.usrsctp_socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP, None, None, 0, None)
        if not handle:
            raise _error("usrsctp_socket")
        self.prepare(handle)
        self._set(handle, _INITMSG, struct.pack("=HHHH", STREAMS, STREAMS, 0, 0))
        return int(handle)

    def prepare(self, handle: int) -> None:
        """Options that an accepted socket does not have from its listener."""
        self._library.usrsctp_set_non_blocking(handle, 1)
        self._set(handle, _NODELAY, struct.pack("=I", 1))
        self._set(handle, _RECVRCVINFO, struct.pack("=I", 1))
        self._set(handle, _EVENT, struct.pack("=IHBx", 0, _ASSOC_CHANGE, 1))

    def _set(self, handle: int, option: int, value: bytes) -> None:
        if self._library.usrsctp_setsockopt(handle, IPPROTO_SCTP, option, value, len(value)):
            raise _error(f"usrsctp_setsockopt {option}")

    def streams(self, handle: int) -> int:
        """Streams in which may be sent, of an association that is up."""
        status = ctypes.create_string_buffer(256)
        if self._library.usrsctp_getsockopt(handle, IPPROTO_SCTP, _STATUS, status, byref(c_uint32(len(status)))):
            raise _error("usrsctp_getsockopt")
        return int(_STATUS_HEAD.unpack_from(status)[6])

    def set_upcall(self, handle: int, upcall: object, key: int) -> None:
        self._library.usrsctp_set_upcall(handle, upcall, key)

    def has_room(self, handle: int) -> bool:
        return bool(self._library.usrsctp_get_events(handle) & EVENT_WRITE)

    def bind(self, handle: int, addresses: list[str], port: int) -> None:
        first = _sockaddr(addresses[0], port)
        if self._library.usrsctp_bind(handle, first, len(first)):
            raise _error(f"usrsctp_bind {addresses[0]}:{port}")
        bound = self.local_port(handle)
        for address in addresses[1:]:
            if self._library.usrsctp_bindx(handle, _sockaddr(address, bound), 1, _BINDX_ADD):
                raise _error(f"usrsctp_bindx {address}:{bound}")

    def listen(self, handle: int, backlog: int) -> None:
        if self._library.usrsctp_listen(handle, backlog):
            raise _error("usrsctp_listen")

    def accept(self, handle: int) -> int | None:
        accepted = self._library.usrsctp_accept(handle, None, None)
        return int(accepted) if accepted else None

    def connect(self, handle: int, peers: list[str], port: int) -> None:
        addresses = b"".join([_sockaddr(peer, port) for peer in peers])
        failed = self._library.usrsctp_connectx(handle, addresses, len(peers), byref(c_uint32()))
        if failed and ctypes.get_errno() not in _WOULD_BLOCK:
            raise _error(f"usrsctp_connectx {peers[0]}:{port}")

    def peers(self, handle: int) -> list[tuple[str, int]]:
        addresses = c_void_p()
        count = self._library.usrsctp_getpaddrs(handle, 0, byref(addresses))
        if count <= 0:
            return []
        try:
            return _read_sockaddrs(addresses, count)
        finally:
            self._library.usrsctp_freepaddrs(addresses)

    def local_port(self, handle: int) -> int:
        addresses = c_void_p()
        count = self._library.usrsctp_getladdrs(handle, 0, byref(addresses))
        if count <= 0:
            raise _error("usrsctp_getladdrs")
        try:
            return _read_sockaddrs(addresses, count)[0][1]
        finally:
            self._library.usrsctp_freeladdrs(addresses)

    def send(self, handle: int, data: bytes, stream: int, ppid: int, flags: int = 0) -> bool:
        """False where there is no room now; OSError where the association is gone."""
        info = _SNDINFO.pack(stream, flags, socket.htonl(ppid), 0, 0)
        sent = self._library.usrsctp_sendv(handle, data, len(data), None, 0, info, len(info), _SENDV_SNDINFO, 0)
        if sent >= 0:
            return True
        if ctypes.get_errno() in _WOULD_BLOCK:
            return False
        raise _error("usrsctp_sendv")

    def receive(self, handle: int) -> tuple[bytes, int, int] | None:
        """Data, stream and flags; None where nothing is there; OSError where the association is gone."""
        address, info = ctypes.create_string_buffer(128), ctypes.create_string_buffer(_RCVINFO.size)
        address_length, info_length = c_uint32(128), c_uint32(_RCVINFO.size)
        kind, flags = c_uint(), c_int()
        count = self._library.usrsctp_recvv(
            handle,
            self._buffer,
            len(self._buffer),
            address,
            byref(address_length),
            info,
            byref(info_length),
            byref(kind),
            byref(flags),
        )
        if count < 0:
            if ctypes.get_errno() in _WOULD_BLOCK:
                return None
            raise _error("usrsctp_recvv")
        stream = _RCVINFO.unpack(info.raw)[0] if kind.value else 0
        return ctypes.string_at(self._buffer, count), stream, flags.value

    def shutdown(self, handle: int) -> None:
        self._library.usrsctp_shutdown(handle, SHUT_WR)

    def close(self, handle: int) -> None:
        self._library.usrsctp_close(handle)


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def _sockaddr(address: str, port: int) -> bytes:
    return _SOCKADDR_IN.pack(socket.AF_INET, socket.htons(port), socket.inet_aton(address))


def _read_sockaddrs(pointer: c_void_p, count: int) -> list[tuple[str, int]]:
    data = ctypes.string_at(pointer, count * _SOCKADDR_IN.size)
    found = []
    for _, port, address in _SOCKADDR_IN.iter_unpack(data):
        found.append((socket.inet_ntoa(address), socket.ntohs(port)))
    return found
