# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far each TCP connection had got when CRIU dumped it.

Sources: CRIU's images/tcp-stream.proto, images/sk-inet.proto and images/fdinfo.proto; soccr/soccr.c for what the
numbers count.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from . import images, protobuf

_FILE_INET_SOCKET = 4
_INODE, _FAMILY, _SOURCE_PORT, _DESTINATION_PORT, _SOURCE, _DESTINATION = 2, 3, 7, 8, 11, 12
_INQ_SEQ, _OUTQ_LEN, _OUTQ_SEQ, _TIMESTAMP, _UNSENT_LEN = 2, 3, 4, 9, 12
_SEQUENCES = 1 << 32


@dataclass(frozen=True)
class TcpStream:
    """One connection.

    Attributes:
        acknowledged: sequence number up to which the peer has acknowledged what was sent (SND.UNA of RFC 9293).
        sent: the next one to send (SND.NXT).
        received: the next one that is expected (RCV.NXT).
        timestamp: of the next segment (TSval of RFC 7323); 0 for a connection without time stamps.
    """

    local_address: str
    local_port: int
    peer_address: str
    peer_port: int
    acknowledged: int
    sent: int
    received: int
    timestamp: int


def streams(named: dict[str, bytes]) -> list[TcpStream]:
    """The connections in a set of images, by file name.

    Raises:
        ValueError: an image is damaged.
    """
    found = []
    for entry in images.entries(named["files.img"]):
        inet = protobuf.message(protobuf.decode(entry), _FILE_INET_SOCKET)
        if inet is None:
            continue
        image = named.get(f"tcp-stream-{protobuf.integer(inet, _INODE):x}.img")
        if image is None:
            continue  # no connection: it listens, or is of another protocol
        stream = protobuf.decode(next(images.entries(image)))
        written = protobuf.integer(stream, _OUTQ_SEQ)
        found.append(
            TcpStream(
                _address(inet, _SOURCE),
                protobuf.integer(inet, _SOURCE_PORT),
                _address(inet, _DESTINATION),
                protobuf.integer(inet, _DESTINATION_PORT),
                (written - protobuf.integer(stream, _OUTQ_LEN)) % _SEQUENCES,
                (written - protobuf.integer(stream, _UNSENT_LEN)) % _SEQUENCES,
                protobuf.integer(stream, _INQ_SEQ),
                protobuf.integer(stream, _TIMESTAMP),
            )
        )
    return found


def _address(inet: protobuf.Fields, number: int) -> str:
    """CRIU keeps the words of the address as the machine that dumped has them in memory (x86-64)."""
    packed = b"".join(struct.pack("<I", word) for word in inet.get(number, []))
    family = socket.AF_INET if protobuf.integer(inet, _FAMILY) == socket.AF_INET else socket.AF_INET6
    return socket.inet_ntop(family, packed)
