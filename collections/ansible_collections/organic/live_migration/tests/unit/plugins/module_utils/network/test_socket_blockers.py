# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP connections that cannot be moved as they are."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc, processes
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


@pytest.mark.skipif(os.geteuid() != 0, reason="another user needs root")
@pytest.mark.parametrize(("uid", "codes"), [(1000, ["peer_credentials"]), (0, [])])
def test_a_peer_of_another_user_is_named(wire: Any, spawn: Any, uid: int, codes: list[str]) -> None:
    """Of root's end; the other one is connected to root, as it will be."""
    source = f"""
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("\\0peer-{uid}-" + str(os.getpid()))
listener.listen()
client = socket.socket(socket.AF_UNIX)
if os.fork() == 0:
    os.setuid({uid})
    client.connect(listener.getsockname())
    import signal
    signal.pause()
client.close()
accepted = listener.accept()[0]
"""
    pid = spawn.python(source).pid
    [child] = processes.children(pid)
    try:
        found = socket_blockers.blockers([pid, child])
    finally:
        os.kill(child, 9)
    assert [blocker.code for blocker in found] == codes
    assert all("to a process of user 1000" in blocker.message for blocker in found)


def test_a_pair_within_a_process_is_no_reason(spawn: Any) -> None:
    source = "import socket; kept = socket.socketpair()"
    assert socket_blockers.blockers([spawn.python(source).pid]) == []
