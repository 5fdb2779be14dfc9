# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of CRIU, made by hand after its images/*.proto."""

from __future__ import annotations

import socket
import struct

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.criu import protobuf
from ansible_collections.organic.live_migration.plugins.module_utils.criu.tcp_streams import TcpStream, streams

MAGIC = b"\x19\x43\x56\x54\x42\x42\x30\x56"


def image(*entries: bytes) -> bytes:
    return MAGIC + b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)


def words(family: int, address: str) -> list[int]:
    packed = socket.inet_pton(family, address)
    return list(struct.unpack(f"<{len(packed) // 4}I", packed))


def inet_socket(inode: int, local: tuple[str, int], peer: tuple[str, int], family: int = socket.AF_INET) -> bytes:
    entry: list[tuple[int, protobuf.Value]] = [(1, inode), (2, inode), (3, int(family)), (7, local[1]), (8, peer[1])]
    entry += [(11, word) for word in words(family, local[0])] + [(12, word) for word in words(family, peer[0])]
    return protobuf.encode([(1, 4), (2, inode), (4, protobuf.encode(entry))])


def stream(inq: int, outq_len: int, outq: int, timestamp: int = 0, unsent: int = 0) -> bytes:
    return image(protobuf.encode([(1, 0), (2, inq), (3, outq_len), (4, outq), (9, timestamp), (12, unsent)]))


def test_each_connection_has_its_positions_and_no_other_socket_counts() -> None:
    plain = protobuf.encode([(1, 1), (2, 9), (3, b"")])
    images = {
        "files.img": image(
            plain,
            inet_socket(0x1A, ("192.0.2.1", 7000), ("192.0.2.9", 40000)),
            inet_socket(0x1B, ("0.0.0.0", 7000), ("0.0.0.0", 0)),
            inet_socket(0x1C, ("2001:db8::1", 7000), ("2001:db8::9", 40001), socket.AF_INET6),
        ),
        "tcp-stream-1a.img": stream(5000, outq_len=30, outq=1000, timestamp=77, unsent=10),
        "tcp-stream-1c.img": stream(1, outq_len=0, outq=2),
    }
    assert streams(images) == [
        TcpStream("192.0.2.1", 7000, "192.0.2.9", 40000, acknowledged=970, sent=990, received=5000, timestamp=77),
        TcpStream("2001:db8::1", 7000, "2001:db8::9", 40001, acknowledged=2, sent=2, received=1, timestamp=0),
    ]


def test_sequence_numbers_wrap_around() -> None:
    images = {
        "files.img": image(inet_socket(1, ("192.0.2.1", 1), ("192.0.2.2", 2))),
        "tcp-stream-1.img": stream(0, outq_len=20, outq=5, unsent=6),
    }
    [found] = streams(images)
    assert (found.acknowledged, found.sent) == ((1 << 32) - 15, (1 << 32) - 1)


def test_a_damaged_image_is_refused() -> None:
    images = {
        "files.img": image(inet_socket(1, ("192.0.2.1", 1), ("192.0.2.2", 2))),
        "tcp-stream-1.img": MAGIC + b"\xff\x00\x00\x00",
    }
    with pytest.raises(ValueError, match="ends in the middle"):
        streams(images)
