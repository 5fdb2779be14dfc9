# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of what arrives on the source during the freeze."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.network import unread_datagrams
from ansible_collections.organic.live_migration.plugins.module_utils.network.packet_hold import (
    InboundHold,
    PacketHold,
    remove_rules,
)

OWNER = "0123456789abcdef"


def is_empty(end: socket.socket) -> bool:
    return not select.select([end], [], [], 0)[0]


def test_copies_have_what_a_late_reader_has_not_read_yet(
    ends: tuple[socket.socket, socket.socket], wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, may_read = PacketHold._read, threading.Event()
    monkeypatch.setattr(PacketHold, "_read", lambda self: may_read.wait(10) and read(self))
    hold = InboundHold(wire.here, ["nf0"], OWNER)
    try:
        hold.install()
        hold.start()
        for number in range(100):
            ends[1].send(b"number %d" % number)
        late = threading.Timer(0.2, may_read.set)
        late.start()
        copies = hold.copies()
        assert [b"number %d" % number in copies for number in range(100)] == [True] * 100
    finally:
        remove_rules(wire.here, OWNER)
        hold.discard()


def test_copies_of_what_came_late_are_delivered_elsewhere_and_no_others(
    ends: tuple[socket.socket, socket.socket], wire: Any, until: Callable[..., None]
) -> None:
    nf, client = ends
    wire.inside(wire.here, "ip", "link", "set", "lo", "up")
    hold = InboundHold(wire.here, ["nf0"], OWNER)
    try:
        hold.install()
        hold.start()
        client.send(b"late")
        with libc.network_namespace(wire.there):
            opening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with opening:
            opening.setblocking(False)
            opening.connect_ex((wire.here_address, 8805))
            until(lambda: hold.held >= 2, "all packets are held")
        copies = hold.copies()
        hold.discard()
        assert is_empty(nf) and is_empty(client)
        assert unread_datagrams.deliver(wire.here, copies) == (1, 0)
        assert nf.recvfrom(64) == (b"late", (wire.there_address, 8805))
        assert is_empty(nf) and is_empty(client)
    finally:
        remove_rules(wire.here, OWNER)
        hold.discard()


def test_what_came_before_anybody_looked_is_copied_and_comes_later_too(
    ends: tuple[socket.socket, socket.socket], wire: Any, until: Callable[..., None]
) -> None:
    nf, client = ends
    hold = InboundHold(wire.here, ["nf0"], OWNER)
    try:
        hold.install()
        hold.bind()
        client.send(b"early")
        hold.start_reader()
        client.send(b"late")
        until(lambda: hold.held >= 2, "all packets are held")
        assert b"early" in hold.copies() and b"late" in hold.copies()
        assert is_empty(nf)
        hold.release()
        assert [nf.recv(64), nf.recv(64)] == [b"early", b"late"]
    finally:
        remove_rules(wire.here, OWNER)
        hold.discard()
