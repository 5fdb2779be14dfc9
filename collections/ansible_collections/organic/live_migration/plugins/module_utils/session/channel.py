# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection between the two hosts of a migration: mutually authenticated TLS, made for this migration alone.

Each side has a certificate of its own and trusts exactly one: the other's. Both were handed out by Ansible over its own
connections. Messages are a JSON object with an optional blob behind it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import PeerFailed, PeerGone, PeerLost
from . import messages, tcp_info
from .tls_relay import TlsRelay

_HEADER = struct.Struct("<IQ")
MAX_HEADER_BYTES = 1 << 20
MAX_BLOB_BYTES = 4 << 30
_READ_AHEAD_BYTES = 1 << 20
_TCP_CORK = 3
_PAGES_BUFFER_BYTES = 32 << 20
"""Of a connection for pages, at each end: so many are on their way while CRIU has not made a process for them."""
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_DEAD_LINK = (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)
_DEAD_AFTER_MS = 3000
_PART_BYTES = 1 << 20


@dataclass(frozen=True)
class Credentials:
    """PEM texts: the own certificate and key, and the one certificate that is trusted."""

    certificate: str
    key: str
    peer_certificate: str

    def context(self, server: bool) -> ssl.SSLContext:
        """A TLS 1.3 context that accepts the peer's certificate and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        # some Pythons take the end of a connection for an end of TLS; 3.9 has no name for that (openssl/ssl.h)
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 1 << 7)
        context.check_hostname = False  # the certificate itself is pinned
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self.peer_certificate)
        if server:
            context.num_tickets = 0  # nothing to resume; and the pages' socket is handed on right after the handshake
        memory = os.memfd_create("credentials", os.MFD_CLOEXEC)  # load_cert_chain takes files only
        try:
            os.write(memory, (self.certificate + self.key).encode())
            context.load_cert_chain(f"/proc/self/fd/{memory}")
        finally:
            os.close(memory)
        return context


class HasFileno(Protocol):
    """What select(2) takes."""

    def fileno(self) -> int: ...


class PageStream(Protocol):
    """A connection for a program that knows no TLS: CRIU, or a pager. The peer was authenticated before.

    Attributes:
        plain: what the program is given.
        bytes_sent: what it has sent, as far as this can be told.
    """

    plain: socket.socket

    @property
    def bytes_sent(self) -> int: ...


class BareStream:
    """Without encryption: the program has the connection itself."""

    def __init__(self, plain: socket.socket) -> None:
        self.plain = plain

    @property
    def bytes_sent(self) -> int:
        return tcp_info.bytes_sent(self.plain)


Fields = dict[str, Any]
"""Of a message; whoever reads one checks it."""


@dataclass
class Message:
    """One message: what it is, its fields, and bytes that came with it."""

    kind: str
    fields: Fields
    blob: bytes = b""


class Channel:
    """A TLS connection that carries messages."""

    def __init__(self, tls: ssl.SSLSocket) -> None:
        self._tls = tls
        enable_keepalive(tls)
        tls.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._is_patient = False
        self.blob_bytes_sent = 0

    @classmethod
    def connect(cls, addresses: list[str], port: int, credentials: Credentials, timeout_s: float) -> Channel:
        """Connect to the first address that answers.

        Raises:
            PeerLost: none did; names each with its error. PeerGone when all refused it.
        """
        errors = []
        kind: type[PeerLost] = PeerGone
        for address in addresses:
            try:
                raw = socket.create_connection((address, port), timeout_s)
                tls = credentials.context(server=False).wrap_socket(raw)
                tls.settimeout(None)  # much takes long to send; a dead link is noticed by enable_keepalive()
                return cls(tls)
            except OSError as error:
                errors.append(f"{address}: {error}")
                if not isinstance(error, ConnectionRefusedError):
                    kind = PeerLost
        raise kind(
            f"The target host cannot be reached on TCP port {port} ({'; '.join(errors)}). "
            "Check the route and the firewall between the hosts, or set migration_address."
        )

    def fileno(self) -> int:
        return self._tls.fileno()

    @property
    def bytes_sent(self) -> int:
        """Of all messages, encrypted."""
        return tcp_info.bytes_sent(self._tls)

    def send(self, kind: str, blob: bytes = b"", /, **fields: object) -> None:
        """Send one message.

        Raises:
            PeerLost: the connection is broken.
        """
        header = json.dumps({"kind": kind, **fields}).encode()
        try:
            self._tls.sendall(_HEADER.pack(len(header), len(blob)) + header)
            if blob:
                self._tls.sendall(blob)
                self.blob_bytes_sent += len(blob)
        except OSError as error:
            raise PeerLost(f"The connection to the other host broke while sending '{kind}': {error}") from None

    def send_patiently(self, kind: str, blob: bytes, timeout_s: float, /, **fields: object) -> None:
        """The same, to a peer that may be too busy to read for long: a window of zero is no dead link.

        The kernel takes one for a dead link after TCP_USER_TIMEOUT, although the peer answers its probes
        (net/ipv4/tcp_timer.c, tcp_probe_timer). So until the peer's next message :meth:`check_answers` looks instead.

        Args:
            kind: of the message.
            blob: its content.
            timeout_s: for so long it may take nothing.
            fields: of the message.

        Raises:
            PeerLost: the connection is broken, or the peer has taken nothing for too long.
        """
        header = json.dumps({"kind": kind, **fields}).encode()
        self._is_patient = True
        try:
            self._tls.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0)
            self._tls.sendall(_HEADER.pack(len(header), len(blob)) + header)
            self._tls.settimeout(1.0)
            with memoryview(blob) as view:
                sent, taken_s = 0, time.monotonic()
                while sent < len(view):
                    try:
                        sent += self._tls.send(view[sent : sent + _PART_BYTES])
                        taken_s = time.monotonic()
                    except socket.timeout:
                        self.check_answers()
                        if time.monotonic() - taken_s > timeout_s:
                            raise PeerLost(
                                f"The other host has taken nothing of '{kind}' for {timeout_s:.0f} s"
                            ) from None
            self._tls.settimeout(None)
            self.blob_bytes_sent += len(blob)
        except OSError as error:
            raise PeerLost(f"The connection to the other host broke while sending '{kind}': {error}") from None

    def check_answers(self) -> None:
        """Notice a dead link while the peer takes nothing.

        Raises:
            PeerLost: it has answered neither what was sent again nor probes.
        """
        if tcp_info.unanswered_ms(self._tls) > _DEAD_AFTER_MS:
            raise PeerLost("The connection to the other host broke: it has answered nothing for some seconds")

    def receive(self, timeout_s: float, meanwhile: Callable[[], None] | None = None, *wakers: HasFileno) -> Message:
        """Wait for the next message; ``failed`` raises.

        Args:
            timeout_s: for so long.
            meanwhile: called once a second until it begins to come; may raise.
            wakers: it is called as well when one of them becomes readable.

        Raises:
            PeerLost: the connection broke, went silent, or carries nonsense.
            PeerFailed: the other side said why it failed.
        """
        deadline = time.monotonic() + timeout_s
        while meanwhile and not self._tls.pending():
            if self._tls in select.select([self._tls, *wakers], [], [], 1.0)[0]:
                break
            meanwhile()
            if time.monotonic() > deadline:
                break
        length, blob_length = _HEADER.unpack(self._read(_HEADER.size, deadline))
        if self._is_patient:
            self._is_patient = False
            self._tls.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_AFTER_MS)
        if length > MAX_HEADER_BYTES or blob_length > MAX_BLOB_BYTES:
            raise PeerLost(f"The other host sent a message of {length} + {blob_length} bytes; the limit was exceeded")
        try:
            fields = dict(json.loads(bytes(self._read(length, deadline))))
            kind = fields.pop("kind")
        except (ValueError, KeyError, TypeError, RecursionError):
            raise PeerLost("The other host sent a malformed message") from None
        message = Message(kind, fields, bytes(self._read(blob_length, deadline)) if blob_length else b"")
        if kind == messages.FAILED:
            details = as_details(fields.get("details"))
            if fields.get("traceback"):
                details["traceback"] = str(fields["traceback"])
            raise PeerFailed(str(fields.get("message")), **details)
        return message

    def expect(
        self, kind: str, timeout_s: float, meanwhile: Callable[[], None] | None = None, *wakers: HasFileno
    ) -> Message:
        message = self.receive(timeout_s, meanwhile, *wakers)
        if message.kind != kind:
            raise PeerLost(f"The other host sent an unexpected message '{message.kind}' (expected '{kind}')")
        return message

    def _read(self, size: int, deadline: float) -> bytearray:
        """So many bytes. Memory is taken as they come: a peer that only says a number does not get it."""
        data = bytearray(min(size, _READ_AHEAD_BYTES))
        filled = 0
        while filled < size:
            if filled == len(data):
                data += bytes(min(filled, size - filled))
            try:
                self._tls.settimeout(max(0.001, deadline - time.monotonic()))
                with memoryview(data) as view:
                    count = self._tls.recv_into(view[filled:])
            except socket.timeout:
                raise PeerLost("The other host went silent") from None
            except OSError as error:
                raise PeerLost(f"The connection to the other host broke: {error}") from None
            finally:
                with contextlib.suppress(OSError):
                    self._tls.settimeout(None)
            if not count:
                raise PeerLost("The other host closed the connection")
            filled += count
        return data

    def check_link(self) -> None:
        """Notice a dead link while nothing is awaited from this connection.

        Raises:
            PeerLost: it is dead: nothing has answered the probes (:func:`enable_keepalive`).
        """
        poll = select.poll()
        poll.register(self._tls, select.POLLERR)
        if not poll.poll(0):
            return
        # an agent that ended is another matter: its pager goes on, and closes or resets nothing
        error = self._tls.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error in _DEAD_LINK:
            raise PeerLost(f"The connection to the other host broke: {os.strerror(error)}")

    def to_plain_socket(self) -> socket.socket:
        """End TLS and go on with the bare socket, which CRIU takes; the peer was authenticated before.

        Raises:
            PeerLost: the other side does not.
        """
        try:
            self._tls.settimeout(10)
            plain = self._tls.unwrap()
        except OSError as error:
            raise PeerLost(f"The connection for the pages broke: {error}") from None
        plain.settimeout(None)
        return plain

    def to_stream(self, encrypted: bool) -> PageStream:
        """Give the connection to a program that knows no TLS.

        Raises:
            PeerLost: the other side does not go on in the same way, or this host lacks memory or processes for it.
        """
        # the pages may wait in it, unread, while the target unpacks files; the control connection notices a dead link
        self._tls.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0)
        if not encrypted:
            return BareStream(self.to_plain_socket())
        try:
            return TlsRelay(self._tls)
        except OSError as error:
            raise PeerLost(f"A connection for the pages cannot be encrypted: {error}") from None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._tls.shutdown(socket.SHUT_RDWR)
        self._tls.close()


def as_details(details: object) -> dict[str, object]:
    """What a peer reports of its failure, as far as it is well-formed."""
    return {key: value for key, value in details.items() if key != "message"} if isinstance(details, dict) else {}


class Listener:
    """Where the target waits for the source: one port, one peer, a limited time."""

    def __init__(self, credentials: Credentials, address: str = "0.0.0.0") -> None:
        self._context = credentials.context(server=True)
        self._socket = socket.create_server((address, 0), backlog=32)
        enlarge_buffer(self._socket, receives=True)  # before anybody connects: it is announced in the handshake
        self.port = int(self._socket.getsockname()[1])

    def accept(self, timeout_s: float) -> Channel:
        """Accept the peer; whoever has not the right certificate is turned away and does not count.

        Raises:
            PeerLost: the peer did not come in time.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                raw, _address = self._socket.accept()
            except socket.timeout:
                raise PeerLost(f"The source host did not connect within {timeout_s:.0f} s") from None
            raw.settimeout(min(5.0, timeout_s))  # a stranger who says nothing must not keep the peer out for long
            try:
                tls = self._context.wrap_socket(raw, server_side=True)
            except OSError:
                raw.close()
                continue
            tls.settimeout(None)
            return Channel(tls)

    def close(self) -> None:
        self._socket.close()


def enable_keepalive(connection: socket.socket) -> None:
    """Have a dead link noticed within some three seconds (tcp(7)), which may be downtime."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_AFTER_MS)


def enlarge_buffer(connection: socket.socket, receives: bool) -> None:
    """Give a connection for pages a large buffer, beyond what an unprivileged process may have (socket(7))."""
    option = _SO_RCVBUFFORCE if receives else _SO_SNDBUFFORCE
    with contextlib.suppress(PermissionError):  # it is only slower without
        connection.setsockopt(socket.SOL_SOCKET, option, _PAGES_BUFFER_BYTES)


def uncork(pages: socket.socket) -> None:
    """Undo CRIU's TCP_CORK on the pages' socket, which would hold back the last segment for 200 ms."""
    with contextlib.suppress(OSError):
        pages.setsockopt(socket.IPPROTO_TCP, _TCP_CORK, 0)
        pages.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
