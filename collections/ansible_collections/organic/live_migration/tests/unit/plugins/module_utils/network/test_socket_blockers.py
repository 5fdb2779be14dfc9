# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP connections that cannot be moved as they are."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.network import socket_blockers

LOCAL = ("127.0.0.1", "::1")


@pytest.fixture
def listener(wire: Any, request: pytest.FixtureRequest) -> Any:
    wire.inside(wire.here, "ip", "link", "set", "lo", "up")
    address = request.param
    with libc.network_namespace(wire.here):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = socket.create_server((address, 7070), family=family, backlog=4)
    with made:
        yield made


def connect(wire: Any, listener: socket.socket) -> socket.socket:
    with libc.network_namespace(wire.here):
        return socket.create_connection(listener.getsockname()[:2])


@pytest.mark.parametrize("listener", LOCAL, indirect=True)
def test_connections_that_nobody_accepts_are_named(wire: Any, listener: socket.socket) -> None:
    with connect(wire, listener), connect(wire, listener):
        [found] = socket_blockers.blockers([wire.here])
    host = listener.getsockname()[0]
    assert found.code == "accept_queue"
    assert f"2 connections to {f'[{host}]' if ':' in host else host}:7070 are open" in found.message


@pytest.mark.parametrize("listener", LOCAL[:1], indirect=True)
def test_a_program_that_accepts_a_little_later_is_not_refused(wire: Any, listener: socket.socket) -> None:
    with connect(wire, listener):
        accepting = threading.Timer(0.05, listener.accept)
        accepting.start()
        assert socket_blockers.blockers([wire.here]) == []
        accepting.join()


@pytest.mark.parametrize("listener", LOCAL, indirect=True)
def test_connections_that_hold_too_much_are_refused(
    wire: Any, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(wire, listener) as sender:
        accepted = listener.accept()[0]
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.send(bytes(1 << 20))
        assert socket_blockers.blockers([wire.here]) == []
        monkeypatch.setattr(socket_blockers, "MAX_QUEUED_BYTES", 1 << 20)
        [found] = socket_blockers.blockers([wire.here])
        accepted.close()
    assert found.code == "tcp_queues"
    assert "2 TCP connections hold" in found.message
