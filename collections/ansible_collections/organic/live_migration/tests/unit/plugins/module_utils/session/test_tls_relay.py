# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Iterator

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import processes
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import (
    Channel,
    Listener,
    PageStream,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils import certificates

LOOPBACK = "127.0.0.1"
MUCH = os.urandom(5 << 20)
"""More than all buffers on the way."""


class Wire:
    """Stands between the two hosts, and notes what passes."""

    def __init__(self, port: int) -> None:
        self.seen = bytearray()
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = self._listener.getsockname()[1]
        self._target = socket.create_connection((LOOPBACK, port))
        self._source: socket.socket | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        self._source, _address = self._listener.accept()
        for one, other in ((self._source, self._target), (self._target, self._source)):
            threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the other way has ended, or it was cut
            while data := one.recv(1 << 16):
                self.seen += data
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        assert self._source is not None
        for end in (self._source, self._target):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire_and_relays() -> Iterator[tuple[Wire, PageStream, PageStream]]:
    source_credentials, target_credentials = certificates.credentials()
    listener = Listener(target_credentials, LOOPBACK)
    wire = Wire(listener.port)
    made: list[Channel] = []
    accepting = threading.Thread(target=lambda: made.append(listener.accept(10)))
    accepting.start()
    source = Channel.connect([LOOPBACK], wire.port, source_credentials, 10)
    accepting.join()
    relays = source.to_stream(encrypted=True), made[0].to_stream(encrypted=True)
    yield wire, *relays
    for relay in relays:
        relay.plain.close()
    await_no_children()
    listener.close()


def await_no_children() -> None:
    """Both processes end by themselves."""
    for child in processes.children(os.getpid()):
        ended = os.pidfd_open(child)
        assert select.select([ended], [], [], 10)[0]
        os.close(ended)
        os.waitpid(child, 0)


def received(end: socket.socket, size: int = 1 << 40) -> bytes:
    """So many bytes; fewer when it ends."""
    end.settimeout(10)
    found = bytearray()
    while len(found) < size and (data := end.recv(1 << 20)):
        found += data
    return bytes(found)


def test_all_arrives_both_ways_and_none_of_it_can_be_read(wire_and_relays: tuple[Wire, PageStream, PageStream]) -> None:
    wire, source, target = wire_and_relays
    for one, other in ((source, target), (target, source)):
        sending = threading.Thread(target=one.plain.sendall, args=(MUCH,))
        sending.start()
        assert received(other.plain, len(MUCH)) == MUCH
        sending.join()
        assert one.bytes_sent == len(MUCH)
    assert len(wire.seen) > 2 * len(MUCH)
    assert MUCH[:64] not in wire.seen
    assert MUCH[-64:] not in wire.seen


def test_what_was_said_before_the_end_arrives(wire_and_relays: tuple[Wire, PageStream, PageStream]) -> None:
    _wire, source, target = wire_and_relays
    target.plain.sendall(b"that nobody reads")
    received(source.plain, 1)
    sending = threading.Thread(target=lambda: (source.plain.sendall(MUCH), source.plain.close()))
    sending.start()
    assert received(target.plain) == MUCH
    sending.join()
    await_no_children()


def test_a_link_that_breaks_ends_both(wire_and_relays: tuple[Wire, PageStream, PageStream]) -> None:
    wire, source, target = wire_and_relays
    source.plain.sendall(b"one")
    assert received(target.plain, 3) == b"one"
    wire.cut()
    assert received(target.plain) == received(source.plain) == b""
    await_no_children()


def test_it_holds_nothing_open_but_its_two_ends(wire_and_relays: tuple[Wire, PageStream, PageStream]) -> None:
    _wire, source, target = wire_and_relays
    for one, other in ((source, target), (target, source)):
        one.plain.sendall(b"are you there?")
        received(other.plain, 1)
    for child in processes.children(os.getpid()):
        opened = [os.readlink(f"/proc/{child}/fd/{number}") for number in os.listdir(f"/proc/{child}/fd")]
        assert len([one for one in opened if one.startswith("socket:")]) == 2, opened
