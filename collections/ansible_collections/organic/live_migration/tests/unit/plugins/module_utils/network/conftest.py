# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc


@pytest.fixture
def ends(wire: Any) -> Iterator[tuple[socket.socket, socket.socket]]:
    """UDP sockets: the NF's, which does not wait, and its client's."""
    with libc.network_namespace(wire.here):
        nf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        nf.bind((wire.here_address, 8805))
    with libc.network_namespace(wire.there):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind((wire.there_address, 8805))
    with nf, client:
        nf.settimeout(10)
        client.settimeout(10)
        client.connect((wire.here_address, 8805))
        yield nf, client
