# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a member of multicast groups, and tells which of its sockets receive what is sent to theirs."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from answering import serve

LINK = "eth0"
GROUP, FROM_SELF, FROM_OTHER, GROUP_V6 = "239.1.2.3", "232.1.1.1", "232.1.1.2", "ff15::7"
OTHER = "198.51.100.1"
PATIENCE_S = 0.5
IP_MULTICAST_ALL, IP_ADD_SOURCE_MEMBERSHIP = 49, 39

me = socket.gethostbyname(socket.gethostname())
link = socket.if_nametoindex(LINK)


def member(group: str, source: str = "") -> socket.socket:
    """A socket that receives what is sent to one group, and to no other of the container's."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
    one.bind((group, 0))
    one.settimeout(PATIENCE_S)
    if source:
        request = b"".join(map(socket.inet_aton, (group, me, source)))
        one.setsockopt(socket.IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, request)
    else:
        request = struct.pack("=4s4si", socket.inet_aton(group), bytes(4), link)
        one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    return one


def member_v6() -> socket.socket:
    one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    request = socket.inet_pton(socket.AF_INET6, GROUP_V6) + struct.pack("=I", socket.if_nametoindex("lo"))
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
    return one


sockets = {GROUP: member(GROUP), FROM_SELF: member(FROM_SELF, me), FROM_OTHER: member(FROM_OTHER, OTHER)}
held = member_v6()


def receives(one: socket.socket) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(me))
        sender.sendto(b"to all", one.getsockname())
    try:
        return one.recv(16) == b"to all"
    except TimeoutError:
        return False


def look() -> dict[str, object]:
    packed = socket.inet_pton(socket.AF_INET6, GROUP_V6).hex()
    members = [line.split()[1] for line in Path("/proc/net/igmp6").read_text().splitlines() if packed in line]
    return {**{group: receives(one) for group, one in sockets.items()}, GROUP_V6: members}


serve(look)
