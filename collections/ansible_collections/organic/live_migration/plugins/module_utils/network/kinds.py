# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is configured in a network namespace by rtnetlink, one class for each kind: addresses, rules, routes and so on.

Layouts: include/uapi/linux/rtnetlink.h, if_addr.h, neighbour.h, fib_rules.h, pkt_sched.h, if_link.h.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from .rtnetlink import NLM_F_CREATE, NLM_F_REPLACE, Attributes, Entry, Request, Rtnetlink, pack_attribute, walk

FAMILIES = (socket.AF_INET, socket.AF_INET6)
_U32 = struct.Struct("<I")
_LOOPBACK = "lo"


class Kind(ABC):
    """One kind of configuration."""

    new: ClassVar[int]
    """Type of the message that sets one."""
    create_flags: ClassVar[int] = NLM_F_CREATE
    removes: ClassVar[bool] = False
    """Whether what the source does not have is removed on the target."""

    @abstractmethod
    def read(self, netlink: Rtnetlink) -> list[Entry]:
        """All of a namespace, in an order in which they can be set; without what the kernel makes by itself."""

    @abstractmethod
    def describe(self, entry: Entry) -> str:
        """In the words of ``ip``, for messages."""

    def set(self, entry: Entry) -> Request:
        return Request(entry, self.new, self.create_flags)

    def remove(self, entry: Entry) -> Request:
        """RTM_DELx follows RTM_NEWx."""
        return Request(entry, self.new + 1, 0)


def _ip(family: int, value: bytes | None, length: int | None = None) -> str:
    if value is None:
        return "default"
    address = ipaddress.ip_address(value) if len(value) in (4, 16) else None
    return f"{address}" if length is None or address is None else f"{address}/{length}"


class Addresses(Kind):
    """IPv4 and IPv6 addresses, also of the loopback link."""

    new = 20
    _header = struct.Struct("<BBBBi")
    _ADDRESS, _LOCAL, _CACHEINFO, _FLAGS, _PROTO = 1, 2, 6, 8, 11
    _SECONDARY, _NODAD, _DADFAILED, _TENTATIVE, _PERMANENT = 0x01, 0x02, 0x08, 0x40, 0x80
    _INFINITE = 0xFFFFFFFF
    _BY_KERNEL = (1, 2, 3)
    """Origin of an address that comes by itself (IFA_PROTO): loopback, router advertisement, link-local."""

    def read(self, netlink: Rtnetlink) -> list[Entry]:
        found = []
        for family in FAMILIES:
            for body in netlink.dump(self.new + 2, self._header.pack(family, 0, 0, 0, 0)):
                _family, length, flags, scope, index = self._header.unpack_from(body)
                attributes = Attributes.of(body[self._header.size :])
                name = netlink.name(index)
                origin = attributes.get(self._PROTO) or b"\0"
                if not name or origin[0] in self._BY_KERNEL:
                    continue
                flags = _U32.unpack(attributes.get(self._FLAGS) or _U32.pack(flags))[0]
                flags &= ~(self._SECONDARY | self._DADFAILED | self._TENTATIVE | self._PERMANENT)
                flags |= self._NODAD if family == socket.AF_INET6 else 0
                kept = [
                    (kind, value)
                    for kind, value in attributes.items
                    if kind != self._FLAGS and not (kind == self._CACHEINFO and self._is_permanent(value))
                ]
                kept.append((self._FLAGS, _U32.pack(flags)))
                body = self._header.pack(family, length, flags & 0xFF, scope, 0) + Attributes(kept).pack()
                found.append(Entry(self.new, body.hex(), ((4, name),)))
        return found

    def _is_permanent(self, cacheinfo: bytes) -> bool:
        return bool(_U32.unpack_from(cacheinfo, 4)[0] == self._INFINITE)

    def describe(self, entry: Entry) -> str:
        body = entry.content({name: 0 for _offset, name in entry.links})
        family, length, _flags, _scope, _index = self._header.unpack_from(body)
        attributes = Attributes.of(body[self._header.size :])
        value = attributes.get(self._LOCAL) or attributes.get(self._ADDRESS)
        return f"address {_ip(family, value, length)} of {entry.links[0][1]}"

    def is_ipv6(self, entry: Entry) -> bool:
        return int(entry.body[:2], 16) == socket.AF_INET6


class Neighbours(Kind):
    """Neighbours whose link-layer address is known, and addresses for which the kernel answers (proxy)."""

    new = 28
    create_flags = NLM_F_CREATE | NLM_F_REPLACE
    _header = struct.Struct("<BBHiHBB")
    _DST, _LLADDR, _IFINDEX, _MASTER = 1, 2, 8, 9
    _PROXY = 0x08
    _STALE, _PERMANENT, _UNUSABLE = 0x04, 0x80, 0x01 | 0x20 | 0x40

    def read(self, netlink: Rtnetlink) -> list[Entry]:
        found = []
        for family in FAMILIES:
            for flags in (0, self._PROXY):
                for body in netlink.dump(self.new + 2, self._header.pack(family, 0, 0, 0, 0, flags, 0)):
                    found += self._entry(netlink, body)
        return found

    def _entry(self, netlink: Rtnetlink, body: bytes) -> list[Entry]:
        family, _pad, _pad2, index, state, flags, _kind = self._header.unpack_from(body)
        attributes = Attributes.of(body[self._header.size :])
        name = netlink.name(index)
        is_proxy = bool(flags & self._PROXY)
        usable = attributes.get(self._LLADDR) is not None and not state & self._UNUSABLE
        if not name or not (is_proxy or usable):
            return []
        state = 0 if is_proxy else self._PERMANENT if state & self._PERMANENT else self._STALE
        wanted = (self._DST,) if is_proxy else (self._DST, self._LLADDR)
        kept = [(kind, value) for kind, value in attributes.items if kind in wanted]
        packed = self._header.pack(family, 0, 0, 0, state, flags & self._PROXY, 0) + Attributes(kept).pack()
        return [Entry(self.new, packed.hex(), ((4, name),))]

    def describe(self, entry: Entry) -> str:
        body = entry.content({name: 0 for _offset, name in entry.links})
        address = Attributes.of(body[self._header.size :]).get(self._DST)
        return f"neighbour {_ip(body[0], address)} of {entry.links[0][1]}"


class Rules(Kind):
    """Rules that select a routing table."""

    new = 32
    removes = True
    _header = struct.Struct("<BBBBBBBBI")
    _UNRESOLVED_OR_DETACHED = 0x04 | 0x08 | 0x10
    _PRIORITY, _TABLE = 6, 15

    def read(self, netlink: Rtnetlink) -> list[Entry]:
        found = []
        for family in FAMILIES:
            for body in netlink.dump(self.new + 2, self._header.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
                *fields, flags = self._header.unpack_from(body)
                body = self._header.pack(*fields, flags & ~self._UNRESOLVED_OR_DETACHED) + body[self._header.size :]
                found.append(Entry(self.new, body.hex()))
        return found

    def describe(self, entry: Entry) -> str:
        body = bytes.fromhex(entry.body)
        attributes = Attributes.of(body[self._header.size :])
        numbers = [_U32.unpack(attributes.get(kind) or bytes(4))[0] for kind in (self._PRIORITY, self._TABLE)]
        return f"rule {numbers[0]} for table {numbers[1]} (IPv{4 if body[0] == socket.AF_INET else 6})"


class Routes(Kind):
    """Routes of all tables, of all types, with all their attributes."""

    new = 24
    removes = True
    _header = struct.Struct("<BBBBBBBBI")
    _DST, _OIF, _GATEWAY, _MULTIPATH, _CACHEINFO, _TABLE, _VIA, NEXTHOP_ID = 1, 4, 5, 9, 12, 15, 18, 30
    _BY_KERNEL = (1, 2)
    """Protocol of a route that follows from an address, or from an ICMP redirect."""
    _CLONED, _ONLINK = 0x200, 0x04
    _nexthop = struct.Struct("<HBBi")

    def read(self, netlink: Rtnetlink) -> list[Entry]:
        found: list[tuple[bool, Entry]] = []
        for family in FAMILIES:
            for body in netlink.dump(self.new + 2, self._header.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
                *fields, flags = self._header.unpack_from(body)
                if fields[5] in self._BY_KERNEL or flags & self._CLONED:
                    continue
                packed = self._header.pack(*fields, flags & self._ONLINK)
                links: list[tuple[int, str]] = []
                is_direct = True
                for kind, _offset, value in walk(body, self._header.size):
                    if kind == self._CACHEINFO:
                        continue
                    at = len(packed) + 4
                    if kind == self._OIF:
                        links.append((at, netlink.name(_U32.unpack(value)[0])))
                        value = bytes(4)
                    elif kind == self._MULTIPATH:
                        value, inside = self._nexthops(netlink, value)
                        links += [(at + offset, name) for offset, name in inside]
                    is_direct &= kind not in (self._GATEWAY, self._MULTIPATH, self._VIA)
                    packed += pack_attribute(kind, value)
                if all(name for _offset, name in links):  # else its link has just gone, and the route with it
                    found.append((is_direct, Entry(self.new, packed.hex(), tuple(links))))
        # a gateway must be reachable when its route is set
        return [entry for direct in (True, False) for is_direct, entry in found if is_direct is direct]

    def _nexthops(self, netlink: Rtnetlink, value: bytes) -> tuple[bytes, list[tuple[int, str]]]:
        """Without the state of the links, and with zero for their indexes."""
        packed, links, offset = bytearray(value), [], 0
        while offset + self._nexthop.size <= len(value):
            length, flags, hops, index = self._nexthop.unpack_from(value, offset)
            self._nexthop.pack_into(packed, offset, length, flags & self._ONLINK, hops, 0)
            links.append((offset + 4, netlink.name(index)))
            offset += max(self._nexthop.size, (length + 3) & ~3)
        return bytes(packed), links

    def describe(self, entry: Entry) -> str:
        body = entry.content({name: 0 for _offset, name in entry.links})
        attributes = Attributes.of(body[self._header.size :])
        table = _U32.unpack(attributes.get(self._TABLE) or _U32.pack(body[4]))[0]
        through = "".join(f" dev {name}" for _offset, name in entry.links)
        return f"route {_ip(body[0], attributes.get(self._DST), body[1])}{through} of table {table}"

    def uses_nexthop_object(self, entry: Entry) -> bool:
        body = entry.content({name: 0 for _offset, name in entry.links})
        return Attributes.of(body[self._header.size :]).get(self.NEXTHOP_ID) is not None


class LinkSettings(Kind):
    """What can be set at the links that the engine made, and at the loopback link: MTU, queue length, flags."""

    new = 16
    create_flags = 0
    _header = struct.Struct("<BxHiII")
    _MTU, _TXQLEN, _GROUP = 4, 13, 27
    _FLAGS = 0x80 | 0x100 | 0x200 | 0x1000
    """NOARP, PROMISC, ALLMULTI and MULTICAST."""

    def read(self, netlink: Rtnetlink) -> list[Entry]:
        found = []
        for body in netlink.dump(self.new + 2, self._header.pack(0, 0, 0, 0, 0)):
            _family, _type, index, flags, _change = self._header.unpack_from(body)
            attributes = Attributes.of(body[self._header.size :])
            name = netlink.name(index)
            if name:
                kept = [(kind, attributes.get(kind) or bytes(4)) for kind in (self._MTU, self._TXQLEN, self._GROUP)]
                packed = self._header.pack(0, 0, 0, flags & self._FLAGS, self._FLAGS) + Attributes(kept).pack()
                found.append(Entry(self.new, packed.hex(), ((4, name),)))
        return found

    def describe(self, entry: Entry) -> str:
        mtu = _U32.unpack(Attributes.of(bytes.fromhex(entry.body)[self._header.size :]).get(self._MTU) or bytes(4))[0]
        return f"MTU {mtu}, queue length and flags of the link {entry.links[0][1]}"


class Qdiscs(Kind):
    """Queueing disciplines at the root of a link that have no classes."""

    new = 36
    create_flags = NLM_F_CREATE | NLM_F_REPLACE
    removes = True
    _header = struct.Struct("<BxxxiIII")
    _KIND, _OPTIONS = 1, 2
    _ROOT = 0xFFFFFFFF
    MOVABLE = ("pfifo", "bfifo", "tbf", "fq", "fq_codel", "codel", "sfq", "pie", "netem")

    def _all(self, netlink: Rtnetlink) -> Iterator[tuple[str, str, int, int, bytes]]:
        """Link, kind, handle, parent and options of those that somebody has set."""
        for body in netlink.dump(self.new + 2, self._header.pack(0, 0, 0, 0, 0)):
            _family, index, handle, parent, _info = self._header.unpack_from(body)
            attributes = Attributes.of(body[self._header.size :])
            kind = (attributes.get(self._KIND) or b"").rstrip(b"\0").decode()
            name = netlink.name(index)
            if name and handle and kind not in ("noqueue", "mq"):
                yield name, kind, handle, parent, attributes.get(self._OPTIONS) or b""

    def read(self, netlink: Rtnetlink) -> list[Entry]:
        found = []
        for name, kind, handle, parent, options in self._all(netlink):
            if kind in self.MOVABLE and parent == self._ROOT:
                kept = [(self._KIND, kind.encode() + b"\0")] + ([(self._OPTIONS, options)] if options else [])
                packed = self._header.pack(0, 0, handle, parent, 0) + Attributes(kept).pack()
                found.append(Entry(self.new, packed.hex(), ((4, name),)))
        return found

    def unmovable(self, netlink: Rtnetlink) -> list[str]:
        """Those that are not read, in the words of ``tc``."""
        return [
            f"qdisc {kind} {handle >> 16:x}: dev {name}"
            for name, kind, handle, parent, _options in self._all(netlink)
            if kind not in self.MOVABLE or parent != self._ROOT
        ]

    def describe(self, entry: Entry) -> str:
        kind = Attributes.of(bytes.fromhex(entry.body)[self._header.size :]).get(self._KIND) or b""
        return f"qdisc {kind.rstrip(bytes(1)).decode()} dev {entry.links[0][1]}"


KINDS: tuple[Kind, ...] = (LinkSettings(), Qdiscs(), Addresses(), Rules(), Routes(), Neighbours())
"""In the order in which they are set."""
BY_MESSAGE = {kind.new: kind for kind in KINDS}
