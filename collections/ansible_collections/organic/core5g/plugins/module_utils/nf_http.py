# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 to an NF of this host, out of the NF's own network namespace."""

from __future__ import annotations

import http.client
import socket

from ansible_collections.organic.core5g.plugins.module_utils.errors import StateError
from ansible_collections.organic.live_migration.plugins.module_utils.host.libc import network_namespace


def connect(address: str, port: int, pid: int, timeout_s: float) -> socket.socket:
    """A TCP connection out of the network namespace of process ``pid``.

    A macvlan container cannot be reached from its own host; its namespace always can be entered.
    """
    where = f"http://{address}:{port}"
    try:
        with network_namespace(pid):
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    except FileNotFoundError as error:
        raise StateError(f"{where} does not answer: process {pid} of its container has ended") from error
    try:
        made.settimeout(timeout_s)
        made.connect((address, port))
    except OSError as error:
        made.close()
        raise StateError(f"{where} does not answer: {error}") from error
    return made


def connection(address: str, port: int, pid: int, timeout_s: float) -> http.client.HTTPConnection:
    """The same as an HTTP connection, which is open."""
    made = http.client.HTTPConnection(address, port, timeout=timeout_s)
    made.sock = connect(address, port, pid, timeout_s)
    return made
