# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talks rtnetlink with the kernel (rtnetlink(7)): reads what is configured in a network namespace, and sets it.

What is read is kept as the kernel sends it, so that nothing is lost that the words of a tool do not have.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType

from ..errors import MigrationError
from ..host import libc

NLM_F_REQUEST, NLM_F_ACK = 1, 4
NLM_F_DUMP, NLM_F_REPLACE, NLM_F_CREATE = 0x300, 0x100, 0x400
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NETLINK_ROUTE, _SOL_NETLINK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK = 0, 270, 11, 12
_NLMSGERR_ATTR_MSG = 1
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_BUFFER_BYTES = 8 << 20
_HEADER = struct.Struct("<IHHII")
_ATTRIBUTE = struct.Struct("<HH")
_INDEX = struct.Struct("<i")
_CHUNK_BYTES = 64 << 10
_HEX = re.compile(r"([0-9a-f]{2})*")
_NAME = re.compile(r"[^\s/]{1,15}")
_ALREADY, _GONE = errno.EEXIST, (errno.ESRCH, errno.ENOENT, errno.EADDRNOTAVAIL)


@dataclass(frozen=True)
class Entry:
    """One thing that is configured: the body of the message that sets it.

    Attributes:
        kind: type of the message, for example RTM_NEWROUTE.
        body: hexadecimal; zero where the index of a link is.
        links: at which byte of the body the index of which link is.
    """

    kind: int
    body: str
    links: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be a message: entries come from the other host."""
        if not _HEX.fullmatch(self.body):
            raise ValueError("The body of a netlink message is not hexadecimal")
        for offset, name in self.links:
            if not 0 <= offset <= len(self.body) // 2 - _INDEX.size or not _NAME.fullmatch(name):
                raise ValueError(f"The netlink message has no room for the link '{name}' at {offset}")

    def content(self, indexes: dict[str, int]) -> bytes:
        """The body with the indexes that the links have in one namespace.

        Raises:
            KeyError: a link is missing there.
        """
        content = bytearray.fromhex(self.body)
        for offset, name in self.links:
            _INDEX.pack_into(content, offset, indexes[name])
        return bytes(content)


@dataclass(frozen=True)
class Request:
    """A message to the kernel; ``entry`` is what an error is about."""

    entry: Entry
    kind: int
    flags: int

    def ignores(self, error: int) -> bool:
        """Whether an error says that nothing was left to do."""
        return error == _ALREADY if self.flags & NLM_F_CREATE else error in _GONE


@dataclass
class Refusal:
    """A request that the kernel refused.

    Attributes:
        error: the kernel's number.
        reason: in the kernel's words.
    """

    request: Request
    error: int
    reason: str


@dataclass
class Attributes:
    """Attributes of a message in their order."""

    items: list[tuple[int, bytes]] = field(default_factory=list)

    @classmethod
    def of(cls, data: bytes) -> Attributes:
        return cls([(kind, value) for kind, _offset, value in walk(data)])

    def get(self, kind: int) -> bytes | None:
        return next((value for number, value in self.items if number == kind), None)

    def pack(self) -> bytes:
        return b"".join(pack_attribute(kind, value) for kind, value in self.items)


def walk(data: bytes, offset: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """Each attribute from ``offset`` on: its type, where its value begins, and the value."""
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size or offset + length > len(data):
            return
        yield kind & 0x3FFF, offset + _ATTRIBUTE.size, data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3


def pack_attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


class Rtnetlink:
    """A socket to the kernel's configuration of the network namespace of a process."""

    def __init__(self, pid: int) -> None:
        with libc.network_namespace(pid):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE)
            self._names = dict(socket.if_nameindex())
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
        for option in (_SO_SNDBUFFORCE, _SO_RCVBUFFORCE):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        self._pid = pid
        self._number = 0

    def __enter__(self) -> Rtnetlink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def name(self, index: int) -> str:
        """Name of a link; empty when it has just gone."""
        return self._names.get(index, "")

    @property
    def indexes(self) -> dict[str, int]:
        """The index of each link by its name."""
        return {name: index for index, name in self._names.items()}

    def refresh_links(self) -> None:
        """Look the links up again, after some were made."""
        with libc.network_namespace(self._pid):
            self._names = dict(socket.if_nameindex())

    def dump(self, kind: int, header: bytes, attributes: bytes = b"") -> list[bytes]:
        """Bodies of all messages with which the kernel answers.

        Raises:
            MigrationError: the kernel refuses.
        """
        self._number += 1
        body = header + attributes
        size = _HEADER.size + len(body)
        self._socket.send(_HEADER.pack(size, kind, NLM_F_REQUEST | NLM_F_DUMP, self._number, 0) + body)
        found: list[bytes] = []
        while True:
            for answer, number, content in _messages(self._socket.recv(_BUFFER_BYTES)):
                if number != self._number:
                    continue
                if answer == _NLMSG_DONE:
                    return found
                if answer == _NLMSG_ERROR:
                    error = -_INDEX.unpack_from(content)[0]
                    if error in (errno.EOPNOTSUPP, errno.EAFNOSUPPORT):
                        return []  # the kernel was built without it, so nothing of it can be configured
                    raise MigrationError(
                        f"The kernel does not list its network configuration (message {kind}): {os.strerror(error)}"
                    )
                found.append(content)

    def prepare(self, requests: list[Request]) -> Batch:
        """Everything but the sending."""
        return Batch(self, requests)

    def apply(self, requests: list[Request]) -> list[Refusal]:
        """Send requests in this order; returns those that the kernel refused."""
        return self.prepare(requests).send()

    def exchange(self, chunks: list[bytes], last: int, first: int) -> Iterator[tuple[int, int, str]]:
        """Send prepared messages; yields number, error and reason of those that failed.

        Args:
            last: number of the last message, which the kernel acknowledges.
            first: number of the first one.
        """
        for chunk in chunks:
            self._socket.send(chunk)
        while True:
            for kind, number, content in _messages(self._socket.recv(_BUFFER_BYTES)):
                if kind != _NLMSG_ERROR or not first <= number <= last:
                    continue
                error = -_INDEX.unpack_from(content)[0]
                if error:
                    yield number, error, _reason(content, error)
                if number == last:
                    return

    def reserve(self, count: int) -> int:
        """Numbers for so many messages; returns the first."""
        first = self._number + 1
        self._number += count
        return first


class Batch:
    """Requests that only have to be sent."""

    def __init__(self, netlink: Rtnetlink, requests: list[Request]) -> None:
        self._netlink = netlink
        self._refused: list[Refusal] = []
        indexes = netlink.indexes
        ready: list[tuple[Request, bytes]] = []
        for request in requests:
            try:
                ready.append((request, request.entry.content(indexes)))
            except KeyError as missing:
                self._refused.append(Refusal(request, errno.ENODEV, f"There is no link {missing.args[0]}"))
        self._requests = [request for request, _content in ready]
        self._first = netlink.reserve(len(ready))
        messages = [
            _HEADER.pack(
                _HEADER.size + len(content),
                request.kind,
                request.flags | NLM_F_REQUEST | (NLM_F_ACK if number == len(ready) - 1 else 0),
                self._first + number,
                0,
            )
            + content
            + bytes(-len(content) % 4)
            for number, (request, content) in enumerate(ready)
        ]
        self._chunks = list(_chunks(messages))

    def send(self) -> list[Refusal]:
        """Returns the requests that the kernel refused."""
        refused = list(self._refused)
        if self._requests:
            last = self._first + len(self._requests) - 1
            for number, error, reason in self._netlink.exchange(self._chunks, last, self._first):
                request = self._requests[number - self._first]
                if not request.ignores(error):
                    refused.append(Refusal(request, error, reason))
        return refused


def _chunks(messages: list[bytes]) -> Iterator[bytes]:
    chunk = b""
    for message in messages:
        if chunk and len(chunk) + len(message) > _CHUNK_BYTES:
            yield chunk
            chunk = b""
        chunk += message
    if chunk:
        yield chunk


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, number and body of each message."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _flags, number, _port = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind, number, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def _reason(content: bytes, error: int) -> str:
    """The kernel's own words about an error, if it has some (NETLINK_EXT_ACK)."""
    with contextlib.suppress(struct.error, UnicodeDecodeError):
        # the message that failed follows the number, then the attributes
        offset = 4 + ((_HEADER.unpack_from(content, 4)[0] + 3) & ~3)
        for kind, _offset, value in walk(content, offset):
            if kind == _NLMSGERR_ATTR_MSG:
                return value.rstrip(b"\0").decode()
    return os.strerror(error)
