# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.network.netlink import NetlinkSockets

LISTEN = """
import socket
__import__('ctypes').CDLL(None).setns(os.open(f'/proc/{sys.argv[1]}/ns/net', os.O_RDONLY), 0)
quiet = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
told = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
told.bind((0, int(sys.argv[2])))
"""
LINKS = 1


@pytest.fixture
def listener(spawn: Any, wire: Any) -> int:
    pid: int = spawn.python(LISTEN, str(wire.here), str(LINKS)).pid
    return pid


def change(wire: Any) -> None:
    wire.inside(wire.here, "ip", "link", "set", "dev", wire.interface, "mtu", "1400")


def test_who_is_told_nothing_is_not_looked_at(spawn: Any, wire: Any) -> None:
    pid = spawn.python(LISTEN, str(wire.here), "0").pid
    assert not NetlinkSockets.of([wire.here, pid])
    assert not NetlinkSockets.of([wire.here])


def test_what_was_told_is_forgotten(listener: int, wire: Any) -> None:
    listeners = NetlinkSockets.of([wire.here, listener])
    [(pid, descriptor)] = listeners.sockets.values()
    assert pid == listener
    assert os.readlink(f"/proc/{pid}/fd/{descriptor}").startswith("socket:")
    listeners.check()
    change(wire)
    assert listeners.pending == [(pid, descriptor)]
    listeners.drain()
    assert listeners.pending == []
    listeners.check()


def test_what_was_told_before_is_not_taken_away(listener: int, wire: Any) -> None:
    listeners = NetlinkSockets.of([listener])
    listeners.await_read(0)
    change(wire)
    with pytest.raises(MigrationError, match="try again"):
        listeners.check()
    with pytest.raises(MigrationError, match=f"Process {listener} has not read"):
        listeners.await_read(0.01)
    assert listeners.pending
