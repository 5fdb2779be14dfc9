# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel drops while a process is moved is counted."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.network import (
    lost_packets,
    packet_hold,
    unread_datagrams,
)
from ansible_collections.organic.live_migration.plugins.module_utils.network.packet_hold import TargetHold

DATAGRAM = bytes(1000)


def receiver(wire: Any) -> socket.socket:
    """A socket with a small receive buffer, which nobody reads."""
    with libc.network_namespace(wire.here):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    one.bind((wire.here_address, 8805))
    return one


def send(wire: Any, count: int) -> None:
    with libc.network_namespace(wire.there), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _datagram in range(count):
            sender.sendto(DATAGRAM, (wire.here_address, 8805))


def received(one: socket.socket) -> int:
    one.setblocking(False)
    count = 0
    try:
        while one.recv(2000):
            count += 1
    except BlockingIOError:
        return count
    return count


def test_a_full_receive_buffer_is_counted(wire: Any, until: Any) -> None:
    before = lost_packets.counted(wire.here)
    with receiver(wire) as one:
        send(wire, 200)
        until(lambda: lost_packets.counted(wire.here) > before, "datagrams are dropped")
        taken = [received(one)]

        def all_accounted_for() -> bool:
            taken.append(received(one))
            return sum(taken) + lost_packets.counted(wire.here) - before == 200

        until(all_accounted_for, "each datagram was received or dropped")


def test_a_hold_that_is_full_is_counted(wire: Any, until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet_hold, "_MAX_PACKETS", 10)
    hold = TargetHold(wire.here, [wire.interface], "0" * 16, bypass=False)
    hold.install()
    hold.start()
    try:
        before = lost_packets.counted(wire.here)
        send(wire, 30)
        until(lambda: lost_packets.counted(wire.here) - before == 20, "what finds no room is dropped")
        until(lambda: hold.held == 10, "the others are held")
    finally:
        hold.remove()


def test_a_packet_that_the_kernel_refuses_is_counted(wire: Any) -> None:
    unreachable = bytes.fromhex("4500001d000000004011000000000000") + socket.inet_aton("203.0.113.9")
    udp = bytes.fromhex("0009000900090000") + b"x"
    assert unread_datagrams.deliver(wire.here, unreachable + udp) == (0, 1)
    assert unread_datagrams.deliver(os.getpid(), b"") == (0, 0)
