# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real connections of this process, in repair mode, which takes CAP_NET_ADMIN."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.network import tcp_timestamps

TCP_REPAIR, TCP_TIMESTAMP = 19, 24


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    if os.geteuid():
        pytest.skip("repair mode needs root")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _address = listener.accept()
    with client, server:
        yield client, server


def stamp_of(connection: socket.socket) -> int:
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, TCP_TIMESTAMP)
    finally:
        connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, -1)


def key_of(connection: socket.socket) -> tuple[str, int, str, int]:
    return (*connection.getsockname(), *connection.getpeername())


@pytest.mark.parametrize("later", [0, 1])
def test_a_connection_goes_on_where_the_other_copy_is_by_now(
    connection: tuple[socket.socket, socket.socket], later: int
) -> None:
    client, server = connection
    client.settimeout(5)
    at_dump = (stamp_of(server) & 0xFFFFFFFF) + later
    set_for = tcp_timestamps.set_ahead([os.getpid()], {key_of(server): at_dump}, elapsed_ms=250.0)
    assert set_for == 1
    before = stamp_of(server) & 0xFFFFFFFF
    assert 248 <= before - at_dump < 2250
    time.sleep(0.05)  # in milliseconds, not in microseconds: else it would be 50000 ahead
    assert 40 <= (stamp_of(server) & 0xFFFFFFFF) - before < 2000
    server.sendall(b"still in use")
    assert client.recv(100) == b"still in use"


def test_connections_without_a_time_stamp_are_left_alone(connection: tuple[socket.socket, socket.socket]) -> None:
    _client, server = connection
    before = stamp_of(server)
    assert tcp_timestamps.set_ahead([os.getpid()], {key_of(server): 0}, elapsed_ms=10.0) == 0
    assert tcp_timestamps.set_ahead([os.getpid()], {("192.0.2.1", 1, "192.0.2.2", 2): 5}, elapsed_ms=10.0) == 0
    assert stamp_of(server) - before < 2000
