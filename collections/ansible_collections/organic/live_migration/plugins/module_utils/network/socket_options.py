# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of sockets that CRIU does not restore: read on the source, and set on the target before the process runs.

Which these are was found by setting each option that the kernel knows, moving the socket, and reading it back
(tests/what_moves/programs/socket_options.py). CRIU 4.2 restores about a quarter of them (criu/sockets.c,
criu/sk-inet.c, criu/sk-tcp.c).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Mapping

from ..errors import MigrationError
from ..host import libc

_SOL_NETLINK, _SOL_RAW = 270, 255
_TCP_INFO = 11
_TCP_ESTABLISHED_NOT_SETTABLE = {2, 10, 23}
"""TCP_MAXSEG, TCP_WINDOW_CLAMP and TCP_FASTOPEN: of a connection, the kernel answers with what it uses itself."""
_TCP_CLOSE, _TCP_LISTEN = 7, 10
_LONGEST = 256
_BY_INDEX = {(socket.IPPROTO_IP, 50): ">", (socket.IPPROTO_IPV6, 17): "=", (socket.IPPROTO_IPV6, 76): ">"}
"""Options whose value is the index of an interface, which differs between hosts; and its byte order."""
_NEEDS_ADDRESS = (socket.IPPROTO_IP, 32)
"""IP_MULTICAST_IF wants an address that is up."""

_IP = (1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13, 15, 18, 19, 20, 21, 22, 23, 24, 25, 26, 32, 33, 34, 49, 50, 51)
_IPV6 = (2, 3, 4, 5, 7, 8, 11, 16, 17, 18, 19, 23, 25, 29, 30, 31, 33, 36, 49, 51, 53, 54, 55, 56, 57, 58, 59, 60, 62,
         66, 67, 70, 72, 73, 74, 75, 76, 77, 78)  # fmt: skip
_TCP = (2, 7, 8, 9, 10, 13, 16, 18, 23, 25, 27, 30, 33, 34, 36, 37, 44, 45, 46)
_UDP = (100, 101, 102, 103, 104)
_SOCKET = (1, 5, 6, 11, 12, 13, 18, 20, 21, 29, 35, 37, 40, 41, 43, 44, 45, 46, 47, 60, 61, 63, 64, 65, 69, 70, 73, 74,
           75, 76, 82, 83)  # fmt: skip
_NETLINK = (3, 4, 5, 8, 10, 11, 12)
"""Numbers of linux/in.h, in6.h, tcp.h, udp.h, asm-generic/socket.h and netlink.h."""

Option = tuple[int, int, str]
"""Level, number, and value in hexadecimal digits; or the name of an interface, after a colon."""
Kind = tuple[int, int, int]
"""Family, type and protocol of a socket."""


def _levels(kind: Kind) -> list[tuple[int, tuple[int, ...]]]:
    """Levels and numbers of a kind of socket, in the order in which they are set: IP_TOS changes SO_PRIORITY."""
    family, type_, _protocol = kind
    found: list[tuple[int, tuple[int, ...]]] = []
    if family in (socket.AF_INET, socket.AF_INET6):
        found.append((socket.IPPROTO_IP, _IP))
        if family == socket.AF_INET6:
            found.append((socket.IPPROTO_IPV6, _IPV6))
        if type_ == socket.SOCK_STREAM:
            found.append((socket.IPPROTO_TCP, _TCP))
        elif type_ == socket.SOCK_DGRAM:
            found.append((socket.IPPROTO_UDP, _UDP))
        elif type_ == socket.SOCK_RAW:
            found += [(_SOL_RAW, (1,)), (socket.IPPROTO_ICMPV6, (1,))]
    elif family == socket.AF_NETLINK:
        found.append((_SOL_NETLINK, _NETLINK))
    elif family != socket.AF_UNIX:
        return []
    return [*found, (socket.SOL_SOCKET, _SOCKET)]


def kind_of(one: socket.socket) -> Kind:
    return int(one.family), int(one.type), one.proto


def read_all(one: socket.socket, kind: Kind) -> dict[tuple[int, int], bytes]:
    """All options of the table that this kernel knows; takes some 0.1 ms."""
    found = {}
    skipped: set[int] = set()
    if kind[1] == socket.SOCK_STREAM and kind[0] in (socket.AF_INET, socket.AF_INET6):
        state = one.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 1)[0]
        skipped = set() if state in (_TCP_CLOSE, _TCP_LISTEN) else _TCP_ESTABLISHED_NOT_SETTABLE
    for level, numbers in _levels(kind):
        for number in numbers:
            if level == socket.IPPROTO_TCP and number in skipped:
                continue
            try:
                found[level, number] = one.getsockopt(level, number, _LONGEST)
            except OSError:  # not of this kernel, or not of this socket
                continue
    return found


class SocketDefaults:
    """What a new socket of each kind has in a network namespace.

    Args:
        pid: a process in the namespace.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._defaults: dict[Kind, dict[tuple[int, int], bytes]] = {}
        self._is_settable: dict[tuple[Kind, int, int, bytes], bool] = {}

    def of(self, kind: Kind) -> dict[tuple[int, int], bytes]:
        if kind not in self._defaults:
            self._defaults[kind] = {}
            if _levels(kind):
                with libc.network_namespace(self._pid), socket.socket(*kind) as fresh:
                    self._defaults[kind] = read_all(fresh, kind)
        return self._defaults[kind]

    def _text(self, option: tuple[int, int], value: bytes) -> str:
        order = _BY_INDEX.get(option)
        index = struct.unpack(f"{order}I", value)[0] if order else 0
        if not index:
            return value.hex()
        with libc.network_namespace(self._pid):
            return f":{socket.if_indextoname(index)}"

    def changed(self, one: socket.socket) -> list[Option]:
        """The options of a socket that differ."""
        kind = kind_of(one)
        defaults = self.of(kind)
        return [
            (level, number, self._text((level, number), value))
            for (level, number), value in read_all(one, kind).items()
            if value != defaults.get((level, number)) and self._can_be_set(kind, level, number, value)
        ]

    def _can_be_set(self, kind: Kind, level: int, number: int, value: bytes) -> bool:
        """Whether a program can have set it: of an accepted connection, the kernel itself sets some."""
        key = kind, level, number, value
        if key not in self._is_settable:
            with libc.network_namespace(self._pid), socket.socket(*kind) as fresh:
                try:
                    fresh.setsockopt(level, number, value)
                    self._is_settable[key] = True
                except OSError:
                    self._is_settable[key] = False
        return self._is_settable[key]


def apply(one: socket.socket, options: list[Option], indices: Mapping[str, int]) -> None:
    """Set those that differ.

    Args:
        indices: of the interfaces in the network namespace of the socket.

    Raises:
        MigrationError: the kernel refuses one.
    """
    for level, number, text in options:
        try:
            value = _value(level, number, text, indices)
            if one.getsockopt(level, number, _LONGEST) != value:
                one.setsockopt(level, number, value)
        except OSError as error:
            raise MigrationError(
                f"Option {number} of level {level} of a socket cannot be set to {text} on the target host: "
                f"{os.strerror(error.errno or errno.EINVAL)}."
            ) from None


def _value(level: int, number: int, text: str, indices: Mapping[str, int]) -> bytes:
    if not text.startswith(":"):
        return bytes.fromhex(text)
    if text[1:] not in indices:
        raise MigrationError(f"A socket needs the interface {text[1:]}, which the target's container does not have.")
    return struct.pack(f"{_BY_INDEX[level, number]}I", indices[text[1:]])


def check(pid: int, kind: Kind, options: list[Option]) -> None:
    """Set options on a new socket in the network namespace of ``pid``, to see that this host takes them.

    Raises:
        MigrationError: it does not.
        ValueError: it is no kind of socket that is carried.
    """
    if not _levels(kind):
        raise ValueError(f"{kind} is no kind of socket whose options are carried")
    with libc.network_namespace(pid):
        fresh = socket.socket(*kind)
        indices = interface_indices()
    with fresh:
        apply(fresh, [option for option in options if option[:2] != _NEEDS_ADDRESS], indices)


def interface_indices() -> dict[str, int]:
    """Of the interfaces in the network namespace of this thread."""
    return {name: index for index, name in socket.if_nameindex()}
