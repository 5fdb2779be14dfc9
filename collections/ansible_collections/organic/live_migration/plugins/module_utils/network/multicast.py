# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memberships of sockets in multicast groups, which CRIU does not restore.

The kernel lists the groups of each interface (/proc/net/igmp, /proc/net/igmp6); which socket is a member, and with
which sources, it tells for one socket, group and interface at a time (MCAST_MSFILTER, RFC 3678).
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import MigrationError
from ..host import libc

_MCAST_JOIN_GROUP, _MCAST_MSFILTER = 42, 48
_STORAGE_BYTES = 128
_EXCLUDE = 0
_MAX_SOURCES = 64
_FILTER = struct.Struct(f"=I4x{_STORAGE_BYTES}sII")
"""struct group_filter (linux/in.h) up to its list of sources."""
_OF_KERNEL = ("224.0.0.1", "ff02::1", "ff01::1")
_SOLICITED = ipaddress.ip_network("ff02::1:ff00:0/104")
"""Solicited-node addresses, which the kernel joins for each address of its own (RFC 4291)."""

Groups = list[tuple[str, int, str]]
"""Interface name, its index, and group."""


@dataclass(frozen=True)
class Membership:
    """Of one socket in one group.

    Attributes:
        interface: its name.
        group: an address of IPv4 or IPv6.
        mode: whether the sources are the only ones (1, include) or left out (0, exclude).
    """

    interface: str
    group: str
    mode: int = _EXCLUDE
    sources: list[str] = field(default_factory=list)


def groups(pid: int) -> Groups:
    """Groups in which something in the network namespace of ``pid`` is a member, besides the kernel itself."""
    return [entry for entry in [*_groups_v4(pid), *_groups_v6(pid)] if not _is_of_kernel(entry[2])]


def _is_of_kernel(group: str) -> bool:
    return group in _OF_KERNEL or ipaddress.ip_address(group) in _SOLICITED


def _lines(pid: int, name: str) -> list[str]:
    path = Path(f"/proc/{pid}/net/{name}")
    return path.read_text().splitlines() if path.exists() else []


def _groups_v4(pid: int) -> Groups:
    """Lines of an interface (``2 eth0 : 2 V3``), each followed by those of its groups (``010000E0 1 ...``)."""
    found: Groups = []
    index, name = 0, ""
    for line in _lines(pid, "igmp")[1:]:
        fields = line.split()
        if line[0].isdigit():
            index, name = int(fields[0]), fields[1].rstrip(":")
        else:
            found.append((name, index, socket.inet_ntoa(struct.pack("=I", int(fields[0], 16)))))
    return found


def _groups_v6(pid: int) -> Groups:
    found: Groups = []
    for line in _lines(pid, "igmp6"):
        index, name, group = line.split()[:3]
        found.append((name, int(index), str(ipaddress.IPv6Address(bytes.fromhex(group)))))
    return found


def _level(group: str) -> int:
    return socket.IPPROTO_IPV6 if ":" in group else socket.IPPROTO_IP


def _pack(address: str) -> bytes:
    """As a struct sockaddr_storage."""
    if ":" in address:
        packed = struct.pack("=HHI", socket.AF_INET6, 0, 0) + ipaddress.IPv6Address(address).packed
    else:
        packed = struct.pack("=HH", socket.AF_INET, 0) + ipaddress.IPv4Address(address).packed
    return packed.ljust(_STORAGE_BYTES, b"\0")


def _unpack(storage: bytes) -> str:
    family = struct.unpack_from("=H", storage)[0]
    content = storage[8:24] if family == socket.AF_INET6 else storage[4:8]
    return str(ipaddress.ip_address(content))


def memberships(one: socket.socket, present: Groups) -> list[Membership]:
    """Of a socket, among the groups that are present in its network namespace."""
    found: list[Membership] = []
    if one.family not in (socket.AF_INET, socket.AF_INET6):
        return found
    for name, index, group in present:
        if _level(group) == socket.IPPROTO_IPV6 and one.family == socket.AF_INET:
            continue
        answer = _ask(one, index, group)
        if answer is None:
            continue
        _index, _group, mode, count = _FILTER.unpack_from(answer)
        sources = [
            _unpack(answer[_FILTER.size + number * _STORAGE_BYTES :]) for number in range(min(count, _MAX_SOURCES))
        ]
        found.append(Membership(name, group, mode, sources))
    return found


def _ask(one: socket.socket, index: int, group: str) -> bytes | None:
    """The filter of a socket for one group; None when it is no member."""
    room = _FILTER.pack(index, _pack(group), 0, _MAX_SOURCES) + bytes(_MAX_SOURCES * _STORAGE_BYTES)
    try:
        return libc.getsockopt(one.fileno(), _level(group), _MCAST_MSFILTER, room)
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EINVAL, errno.ENODEV, errno.ENOPROTOOPT):
            return None
        raise


def join(one: socket.socket, wanted: list[Membership], indices: Mapping[str, int]) -> None:
    """Become a member of groups.

    Args:
        indices: of the interfaces in the network namespace of the socket.

    Raises:
        MigrationError: the kernel refuses one.
    """
    for member in wanted:
        if member.interface not in indices:
            raise MigrationError(
                f"A socket is a member of {member.group} on {member.interface}, which the target's container does not "
                "have."
            )
        index, level = indices[member.interface], _level(member.group)
        try:
            one.setsockopt(level, _MCAST_JOIN_GROUP, struct.pack("=I4x", index) + _pack(member.group))
            if member.sources or member.mode != _EXCLUDE:
                request = _FILTER.pack(index, _pack(member.group), member.mode, len(member.sources))
                one.setsockopt(level, _MCAST_MSFILTER, request + b"".join(map(_pack, member.sources)))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:  # it is a member
                raise MigrationError(
                    f"A socket cannot become a member of {member.group} on {member.interface} on the target host: "
                    f"{os.strerror(error.errno or errno.EINVAL)}."
                ) from None
