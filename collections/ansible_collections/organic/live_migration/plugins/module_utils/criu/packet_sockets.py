# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet sockets (packet(7)) in CRIU's images: they name links by numbers, which differ from host to host.

Sources: CRIU's images/packet-sock.proto and images/fdinfo.proto.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import images, protobuf

_PACKET_SOCKET = b"\x08\x0a"
"""How a file_entry of this type (PACKETSK, 10) begins."""
_FILE_PACKET_SOCKET = 6
"""Field of a file_entry."""
_LINK, _MEMBERSHIPS = 5, 16
"""Fields of a packet_sock_entry: the link that it is bound to, and its packet_mclist."""
_MEMBERSHIP_LINK = 1


def with_links(files: bytes, numbers: Mapping[int, int]) -> bytes:
    """The image ``files.img`` in which packet sockets name the links of the target host.

    Args:
        files: the image.
        numbers: of the links there, by those here.

    Raises:
        ValueError: the image is damaged, or a link is unknown.
    """
    if all(here == there for here, there in numbers.items()):
        return files
    if not any(files.startswith(_PACKET_SOCKET, start) for start, _end in images.bounds(files)):
        return files  # known at once, however many connections there are
    out = bytearray(files[: images.MAGIC_BYTES])
    for entry in images.entries(files):
        fields = protobuf.decode(entry) if entry.startswith(_PACKET_SOCKET) else {}
        packet = protobuf.message(fields, _FILE_PACKET_SOCKET)
        if packet is not None:
            for member in packet.get(_MEMBERSHIPS, []):
                inner = protobuf.decode(bytes(member) if isinstance(member, bytes) else b"")
                inner[_MEMBERSHIP_LINK] = [_there(numbers, inner, _MEMBERSHIP_LINK)]
                packet[_MEMBERSHIPS][packet[_MEMBERSHIPS].index(member)] = images.encode(inner)
            packet[_LINK] = [_there(numbers, packet, _LINK)]
            fields[_FILE_PACKET_SOCKET] = [images.encode(packet)]
            entry = images.encode(fields)
        out += images.SIZE.pack(len(entry)) + entry
    return bytes(out)


def _there(numbers: Mapping[int, int], fields: protobuf.Fields, number: int) -> int:
    """The link on the target host; 0 means all links."""
    here = protobuf.integer(fields, number)
    if here and here not in numbers:
        raise ValueError(f"A packet socket is bound to link {here}, which the container on the target host lacks")
    return numbers.get(here, 0)
