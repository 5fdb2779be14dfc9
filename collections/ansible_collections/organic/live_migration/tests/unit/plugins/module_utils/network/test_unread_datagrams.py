# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process has not taken from its sockets; on this host's loopback."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.network import unread_datagrams

DATAGRAMS = [b"first", b"", b"x" * 1400, b"last"]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_unread_datagrams_are_delivered_again_and_not_taken(as_root: None, family: int) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as here, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        here.bind(("", 0))
        here.settimeout(5)
        peer.bind(("127.0.0.1", 0))
        for data in DATAGRAMS:
            peer.sendto(data, ("127.0.0.1", here.getsockname()[1]))
        packets = unread_datagrams.unread([os.getpid()])
        unread_datagrams.deliver(os.getpid(), packets)
        received = [here.recvfrom(2048) for _datagram in DATAGRAMS * 2]
        assert [data for data, _sender in received] == DATAGRAMS * 2
        assert {sender[1] for _data, sender in received} == {peer.getsockname()[1]}
        assert unread_datagrams.unread([os.getpid()]) == b""


def test_what_came_by_ipv6_is_delivered_by_ipv6(as_root: None) -> None:
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer,
    ):
        here.bind(("::1", 0))
        here.settimeout(5)
        peer.bind(("::1", 0))
        for data in DATAGRAMS:
            peer.sendto(data, here.getsockname())
        assert unread_datagrams.deliver(os.getpid(), unread_datagrams.unread([os.getpid()])) == (len(DATAGRAMS), 0)
        received = [here.recvfrom(2048) for _datagram in DATAGRAMS * 2]
        assert [data for data, _sender in received] == DATAGRAMS * 2
        assert {sender[:2] for _data, sender in received} == {peer.getsockname()[:2]}


def test_packets_of_raw_sockets_are_delivered_once_to_each(as_root: None) -> None:
    """Of SCTP, for example: each raw socket has a copy."""
    with contextlib.ExitStack() as stack:
        first, second, peer = (
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_SCTP))
            for _number in range(3)
        )
        for one in (first, second):
            one.bind(("127.0.0.2", 0))
            one.settimeout(5)
        peer.bind(("127.0.0.3", 0))
        for data in (b"one", b"other"):
            peer.sendto(data, ("127.0.0.2", 0))
        assert unread_datagrams.deliver(os.getpid(), unread_datagrams.unread([os.getpid()])) == (2, 0)
        for one in (first, second):
            received = [one.recvfrom(2048) for _packet in range(4)]
            assert [packet[20:] for packet, _sender in received] == [b"one", b"other"] * 2
            assert {sender[0] for _packet, sender in received} == {"127.0.0.3"}


def test_a_ping_is_not_answered_twice(as_root: None) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as one:
        one.bind(("127.0.0.2", 0))
        one.sendto(struct.pack(">BBHHH", 8, 0, 0xF7FC - 3, 1, 2), ("127.0.0.2", 0))
        packets = unread_datagrams.unread([os.getpid()])
        assert all(packets[place] != 8 for place in range(20, len(packets), 28))


def test_an_error_that_waits_for_the_process_hides_no_datagram(as_root: None) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            here.connect(peer.getsockname())
            peer.sendto(b"before it went", here.getsockname())
        here.send(b"is anybody there?")  # ICMP says no
        assert unread_datagrams.unread([os.getpid()]).endswith(b"before it went")


def test_what_others_got_too_or_no_route_leads_to_ends_no_migration(wire: Any) -> None:
    wire.inside(wire.here, "ip", "link", "set", "lo", "up")
    broadcast = wire.here_address.rpartition(".")[0] + ".255"
    elsewhere = ["255.255.255.255", broadcast, "224.0.0.251", "198.51.100.7"]
    with libc.network_namespace(wire.here):
        nf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with nf:
        nf.bind((wire.here_address, 8805))
        nf.settimeout(5)
        packets = b"".join(datagram(wire.there_address, to) for to in [*elsewhere, wire.here_address])
        assert unread_datagrams.deliver(wire.here, packets) == (1, 1)
        assert nf.recvfrom(64) == (b"late", (wire.there_address, 8805))


def datagram(sender: str, receiver: str) -> bytes:
    """One of IPv4 and UDP (RFC 791, RFC 768), from port 8805 to 8805, without checksums."""
    addresses = socket.inet_aton(sender) + socket.inet_aton(receiver)
    return struct.pack(">BBHHHBBH", 0x45, 0, 32, 0, 0, 64, socket.IPPROTO_UDP, 0) + addresses + struct.pack(
        ">HHHH", 8805, 8805, 12, 0
    ) + b"late"  # fmt: skip


@pytest.mark.parametrize("packets", [b"short", b"\x55" + bytes(39), b"\x60" + bytes(38), b"\x45\0\0\x64" + bytes(36)])
def test_what_is_no_packet_is_not_delivered(as_root: None, packets: bytes) -> None:
    with pytest.raises(ValueError, match="source host sent"):
        unread_datagrams.deliver(os.getpid(), packets)


def test_a_connection_that_nobody_accepts_is_told() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()[:2]),
        pytest.raises(MigrationError, match="wait to be accepted"),
    ):
        unread_datagrams.drain_accept_queue(os.getpid(), 0.01)
