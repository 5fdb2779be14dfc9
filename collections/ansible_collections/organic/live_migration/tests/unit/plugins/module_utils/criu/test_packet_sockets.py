# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet sockets get the numbers that their links have on the target host."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.criu import packet_sockets, protobuf

MAGIC = b"magic..."
PLAIN = protobuf.encode([(1, 1), (2, 5), (3, protobuf.encode([(6, "/file")]))])


def files_image(*entries: bytes) -> bytes:
    return MAGIC + b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)


def packet_socket(link: int, *memberships: int) -> bytes:
    members = [(16, protobuf.encode([(1, number), (2, 0), (3, b"mac")])) for number in memberships]
    return protobuf.encode([(1, 10), (2, 6), (6, protobuf.encode([(1, 6), (3, 2054), (5, link), *members]))])


def test_links_are_named_as_on_the_target_host_and_all_else_stays() -> None:
    image = files_image(PLAIN, packet_socket(7, 7, 8), packet_socket(0))
    wanted = files_image(PLAIN, packet_socket(12, 12, 9), packet_socket(0))
    assert packet_sockets.with_links(image, {1: 1, 7: 12, 8: 9}) == wanted


@pytest.mark.parametrize("numbers", [{}, {1: 1, 7: 7}, {7: 12}])
def test_an_image_without_packet_sockets_stays(numbers: dict[int, int]) -> None:
    image = files_image(PLAIN)
    assert packet_sockets.with_links(image, numbers) == image


def test_a_link_that_the_target_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="bound to link 7, which the container on the target host lacks"):
        packet_sockets.with_links(files_image(packet_socket(7)), {1: 2})
