# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process has not taken from its sockets; on this host's loopback."""

from __future__ import annotations

import os
import socket

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import arrivals
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError

DATAGRAMS = [b"first", b"", b"x" * 1400, b"last"]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_unread_datagrams_are_delivered_again_and_not_taken(as_root: None, family: int) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as here, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        here.bind(("", 0))
        here.settimeout(5)
        peer.bind(("127.0.0.1", 0))
        for data in DATAGRAMS:
            peer.sendto(data, ("127.0.0.1", here.getsockname()[1]))
        packets = arrivals.unread([os.getpid()])
        arrivals.deliver(os.getpid(), packets)
        received = [here.recvfrom(2048) for _datagram in DATAGRAMS * 2]
        assert [data for data, _sender in received] == DATAGRAMS * 2
        assert {sender[1] for _data, sender in received} == {peer.getsockname()[1]}
        assert arrivals.unread([os.getpid()]) == b""


@pytest.mark.parametrize("packets", [b"short", b"\x65" + bytes(39), b"\x45\0\0\x64" + bytes(36)])
def test_what_is_no_packet_is_not_delivered(as_root: None, packets: bytes) -> None:
    with pytest.raises(ValueError, match="source host sent"):
        arrivals.deliver(os.getpid(), packets)


def test_a_connection_that_nobody_accepts_is_told() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()[:2]),
        pytest.raises(MigrationError, match="wait to be accepted"),
    ):
        arrivals.await_accepted(os.getpid(), 0.01)
