# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that a killed CRIU has left in repair mode."""

from __future__ import annotations

import os
import socket

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.network import tcp_repair

TCP_REPAIR = 19


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_connection_works_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _address = server.accept()
        with accepted, socket.socketpair()[0]:
            client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            with pytest.raises(OSError, match="Invalid argument"):
                client.send(b"lost")
            assert tcp_repair.leave_repair_mode([os.getpid()]) == 1
            client.send(b"heard")
            assert accepted.recv(16) == b"heard"
            assert tcp_repair.leave_repair_mode([os.getpid()]) == 0


def test_a_process_that_is_gone_has_none() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    assert tcp_repair.leave_repair_mode([pid]) == 0
