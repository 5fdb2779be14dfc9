# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding packets and delivering them after the restore."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.network import (
    packet_hold,
)
from ansible_collections.organic.live_migration.plugins.module_utils.network.packet_hold import (
    _GENTLE_S,
    RELEASE_BATCH,
    OutgoingHold,
    PacketHold,
    TargetHold,
    drop_sent,
    packet_numbers,
    remove_rules,
)
from hypothesis import example, given
from hypothesis import strategies as st

OWNER = "0123456789abcdef"
FOREIGN = ["-A", "PREROUTING", "-i", "nf0", "-p", "udp", "--dport", "53", "-j", "ACCEPT"]


def packet(number: int) -> bytes:
    """A packet's message as the kernel writes it (linux/netfilter/nfnetlink_queue.h): NFQA_PACKET_HDR and a mark."""
    header = struct.pack("<HH", 11, 1) + struct.pack(">IHB", number, 0x0800, 1) + b"\0"
    body = struct.pack(">BBH", 2, 0, 7) + header + struct.pack("<HHI", 8, 3, 0)
    return struct.pack("<IHHII", 16 + len(body), 3 << 8, 0, 0, 0) + body


@given(st.lists(st.integers(0, (1 << 32) - 1)))
def test_packets_have_their_numbers(numbers: list[int]) -> None:
    assert packet_numbers(b"".join(map(packet, numbers))) == numbers


@given(st.binary(max_size=200))
@example(struct.pack("<IHHII", 0, 0x0300, 0, 0, 0))
@example(packet(1)[:-9])
@example(struct.pack("<IHHII", 24, 0x0300, 0, 0, 0) + b"\0" * 4 + struct.pack("<HH", 0, 1))
@example(struct.pack("<IHHII", 1 << 31, 0x0300, 0, 0, 0) + b"\0" * 4 + struct.pack("<HH", 4, 1))
def test_no_bytes_break_the_parser_or_make_it_loop(data: bytes) -> None:
    assert all(0 <= number < 1 << 32 for number in packet_numbers(data))


@given(st.binary(max_size=64), st.integers(0, (1 << 32) - 1))
def test_damaged_packets_do_not_hide_the_first_one(noise: bytes, number: int) -> None:
    assert packet_numbers(packet(number) + noise)[0] == number


@pytest.fixture
def hold(wire: Any) -> Iterator[PacketHold]:
    made = PacketHold(wire.here, ["nf0"], OWNER)
    yield made
    remove_rules(wire.here, OWNER)
    made.discard()


def is_empty(end: socket.socket) -> bool:
    return not select.select([end], [], [], 0)[0]


def unacknowledged(connection: socket.socket) -> int:
    """Segments that were sent and not acknowledged (tcpi_unacked; linux/tcp.h)."""
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
    return int(struct.unpack_from("=I", information, 24)[0])


def rules(wire: Any) -> list[str]:
    lines = wire.inside(wire.here, "iptables-save", "--table", "raw").splitlines()
    return [line for line in lines if line.startswith("-A")]


def test_installed_it_is_transparent(hold: PacketHold, ends: tuple[socket.socket, socket.socket]) -> None:
    nf, client = ends
    hold.install()
    client.send(b"1")
    assert nf.recv(64) == b"1"
    assert hold.held == 0


@pytest.mark.parametrize(("size", "count", "read_every_s"), [(8, 2000, 0), (8, 800, 0.001), (1400, 800, 0.001)])
def test_more_than_a_socket_takes_comes_as_fast_as_it_is_read(
    hold: PacketHold,
    ends: tuple[socket.socket, socket.socket],
    until: Callable[..., None],
    size: int,
    count: int,
    read_every_s: float,
) -> None:
    nf, client = ends
    hold.install()
    hold.start()
    sent = [str(number).zfill(size).encode() for number in range(count)]
    for data in sent:
        client.send(data)
    until(lambda: hold.held >= len(sent), "all packets are held")
    hold.release_some(RELEASE_BATCH)
    releasing = threading.Thread(target=hold.release_paced)
    releasing.start()
    received = []
    for _data in sent:
        received.append(nf.recv(2048))
        time.sleep(read_every_s)
    releasing.join()
    assert received == sent


def test_a_socket_that_nobody_reads_holds_up_no_other(
    hold: PacketHold, ends: tuple[socket.socket, socket.socket], wire: Any, until: Callable[..., None]
) -> None:
    nf, client = ends
    with libc.network_namespace(wire.here):
        never_read = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with never_read:
        never_read.bind((wire.here_address, 8806))
        hold.install()
        hold.start()
        for _number in range(500):
            client.sendto(b"nobody", (wire.here_address, 8806))
        client.send(b"somebody")
        until(lambda: hold.held >= 501, "all packets are held")
        began = time.monotonic()
        hold.release_paced()
        assert nf.recv(64) == b"somebody"
        assert time.monotonic() - began < _GENTLE_S


def test_what_waits_for_no_reader_here_goes_without_a_pause(
    hold: PacketHold,
    ends: tuple[socket.socket, socket.socket],
    until: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nf, client = ends
    monkeypatch.setattr(packet_hold, "_READ_EVERY_S", 60)
    hold.install()
    hold.start()
    for _packet in range(3 * RELEASE_BATCH):
        nf.sendto(b"", client.getsockname())
    until(lambda: hold.held >= 3 * RELEASE_BATCH, "all packets are held")
    began = time.monotonic()
    hold.release_paced()
    assert time.monotonic() - began < 60


def test_a_packet_that_comes_before_the_answer_to_begin_is_no_answer(
    hold: PacketHold, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [packet(1), struct.pack("<IHHIIi", 36, 2, 0, 0, 0, 0) + bytes(16)]

    class Told:
        def send(self, _message: bytes) -> None: ...

        def recv(self, _size: int) -> bytes:
            return told.pop(0) if told else b""

    with monkeypatch.context() as patched:
        patched.setattr(hold, "_socket", Told())
        hold.start()
        assert hold.held == 1


def test_the_end_of_the_hold_loses_nothing_that_was_not_read_of_yet(
    hold: PacketHold, ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    nf, client = ends
    monkeypatch.setattr(PacketHold, "_read", lambda _self: None)  # as if its thread did not get the processor
    hold.install()
    hold.start()
    for number in range(10):
        client.send(b"%d" % number)
    hold.remove()
    assert [nf.recv(64) for _number in range(10)] == [b"%d" % number for number in range(10)]


def test_after_the_release_the_kernel_lets_all_pass_in_order_though_nobody_reads(
    hold: PacketHold, ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    nf, client = ends
    monkeypatch.setattr(PacketHold, "_read", lambda _self: None)
    hold.install()
    hold.start()
    for number in range(3):
        client.send(b"%d" % number)
    assert is_empty(nf)
    hold.release()
    for number in range(3, 6):
        client.send(b"%d" % number)
    assert [nf.recv(64) for _number in range(6)] == [b"%d" % number for number in range(6)]


def test_a_hold_that_nobody_followed_yet_gives_all_back(
    hold: PacketHold, ends: tuple[socket.socket, socket.socket]
) -> None:
    nf, client = ends
    hold.install()
    hold.bind()
    client.send(b"held")
    hold.remove()
    assert nf.recv(64) == b"held"


def test_what_is_held_comes_later_complete_and_in_order(
    hold: PacketHold, ends: tuple[socket.socket, socket.socket], wire: Any, until: Callable[..., None]
) -> None:
    nf, client = ends
    hold.install()
    hold.start()
    sent = [str(number).encode() for number in range(200)]
    for data in sent:
        client.send(data)
    until(lambda: hold.held >= len(sent), "all packets are held")
    assert is_empty(nf)
    hold.release()
    assert [nf.recv(64) for _packet in sent] == sent
    client.send(b"afterwards")
    assert nf.recv(64) == b"afterwards"
    hold.remove()
    assert rules(wire) == []


def test_what_the_process_sends_is_held_too(
    hold: PacketHold, ends: tuple[socket.socket, socket.socket], until: Callable[..., None]
) -> None:
    nf, client = ends
    hold.install()
    hold.start()
    nf.sendto(b"too early", client.getsockname())
    until(lambda: hold.held, "the packet is held")
    assert is_empty(client)
    hold.release()
    assert client.recv(64) == b"too early"


def test_only_sent_packets_are_held_for_a_frozen_process(
    ends: tuple[socket.socket, socket.socket], wire: Any, until: Callable[..., None]
) -> None:
    """The kernel acknowledges what arrives for a frozen process: the client must not get that from here."""
    nf, client = ends
    with libc.network_namespace(wire.here):
        listener = socket.create_server((wire.here_address, 0))
    with libc.network_namespace(wire.there):
        connection = socket.create_connection(listener.getsockname())
    hold = OutgoingHold(wire.here, ["nf0"], OWNER)
    try:
        hold.install()
        hold.start()
        with listener, connection:
            connection.send(b"received")
            until(lambda: hold.held, "the acknowledgement is held")
            assert unacknowledged(connection) == 1
            hold.release()
            until(lambda: unacknowledged(connection) == 0, "the acknowledgement came")
        client.send(b"received")
        assert nf.recv(64) == b"received"
    finally:
        remove_rules(wire.here, OWNER)
        hold.discard()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_what_two_sockets_of_the_container_send_each_other_is_held(
    wire: Any, address: str, until: Callable[..., None]
) -> None:
    wire.inside(wire.here, "ip", "link", "set", "lo", "up")
    with libc.network_namespace(wire.here):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, 0), family=family)
        sender = socket.create_connection(listener.getsockname()[:2])
    hold = TargetHold(wire.here, ["nf0"], OWNER, bypass=False)
    try:
        hold.install()
        hold.start()
        with listener, sender, listener.accept()[0] as receiver:
            sender.send(b"held")
            until(lambda: hold.held, "it is held")
            assert select.select([receiver], [], [], 0.05)[0] == []
            hold.release()
            assert receiver.recv(64) == b"held"
            hold.remove()
            sender.send(b"passes")
            assert receiver.recv(64) == b"passes"
    finally:
        remove_rules(wire.here, OWNER)
    for family_name in ("ip", "ip6"):
        assert OWNER not in wire.inside(wire.here, f"{family_name}tables-save")


def test_without_its_listener_packets_pass(
    hold: PacketHold, ends: tuple[socket.socket, socket.socket], until: Callable[..., None]
) -> None:
    nf, client = ends
    hold.install()
    hold.start()
    client.send(b"held")
    until(lambda: hold.held, "the packet is held")
    hold.discard()
    client.send(b"passes")
    assert nf.recv(64) == b"passes"


def test_where_the_process_is_still_to_come_they_are_lost(
    ends: tuple[socket.socket, socket.socket], wire: Any, until: Callable[..., None]
) -> None:
    """Nor does the kernel answer them: it would reset the connections of a process that it does not have yet."""
    nf, client = ends
    strict = PacketHold(wire.here, ["nf0"], OWNER, bypass=False)
    strict.install()
    strict.start()
    strict.discard()
    with libc.network_namespace(wire.there):
        stranger = socket.socket()
    with stranger:
        stranger.setblocking(False)
        stranger.connect_ex((wire.here_address, 9))  # nobody listens there
        counters = "iptables-save --table raw --counters"
        until(lambda: "[0:0] -A PREROUTING" not in wire.inside(wire.here, *counters.split()), "the packet is lost")
        assert is_empty(stranger)
        remove_rules(wire.here, OWNER)
        client.send(b"passes")
        assert nf.recv(64) == b"passes"


def test_rules_of_a_migration_that_crashed_are_found_and_others_left_alone(hold: PacketHold, wire: Any) -> None:
    wire.inside(wire.here, "iptables", "--table", "raw", *FOREIGN)
    hold.install()
    another = PacketHold(wire.here, ["nf0"], OWNER[::-1])
    another.install()
    assert len(rules(wire)) == 5
    remove_rules(wire.here, OWNER)
    assert len(rules(wire)) == 3
    another.remove()
    assert rules(wire) == [" ".join(FOREIGN).replace("--dport", "-m udp --dport")]
    remove_rules(wire.here, OWNER)  # idempotent


def test_what_is_sent_from_an_address_is_dropped_until_the_rules_go(wire: Any) -> None:
    moved, stays = wire.here_address, "192.0.2.3"
    wire.inside(wire.here, "ip", "address", "add", f"{stays}/24", "dev", "nf0")
    with libc.network_namespace(wire.there):
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind((wire.there_address, 8805))
    peer.settimeout(10)

    def send(address: str) -> None:
        with libc.network_namespace(wire.here), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((address, 8805))
            with contextlib.suppress(PermissionError):  # as sendto(2) says that a rule drops it
                sender.sendto(address.encode(), (wire.there_address, 8805))

    with peer:
        drop_sent(wire.here, [moved, "2001:db8::1"], OWNER)
        send(moved)
        send(stays)
        assert peer.recv(64) == stays.encode()
        assert is_empty(peer)
        remove_rules(wire.here, OWNER)
        send(moved)
        assert peer.recv(64) == moved.encode()
