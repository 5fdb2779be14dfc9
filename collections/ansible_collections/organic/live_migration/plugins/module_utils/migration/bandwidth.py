# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurements for the cost model: how many pages a container writes, and the bandwidth of the link."""

from __future__ import annotations

import socket
import struct
import time

from ..engines.spec import ContainerSpec
from ..errors import MigrationError, PeerLost
from ..host.container import Container
from ..memory import dirty_tracking
from ..memory.pager import sample_dirty_pages_per_s
from ..session import channel, messages, watchdog
from ..session.channel import Channel, Credentials, Listener

_SAMPLE_S = 0.5
"""Long enough for what is written ten times a second, which costs a round of pre-copy, to be seen several times."""
_PROBE_S = 0.3
_PROBE_BYTES = 256 << 20
_CHUNK = bytes(1 << 20)
_COUNT = struct.Struct("<Q")
_CONNECT_S = 30


def dirty_pages_per_s(spec: ContainerSpec, tracking: str) -> float | None:
    """How many pages of 4096 bytes a container's process tree writes a second; None where that cannot be measured."""
    try:
        method = dirty_tracking.choose(tracking, dirty_tracking.missing_kernel_features())
        return round(sample_dirty_pages_per_s(Container(spec.pid).root_process(), _SAMPLE_S, method), 1)
    except ProcessLookupError:
        raise MigrationError(f"Container '{spec.name}' ended during the preflight.") from None
    except MigrationError:
        return None


def start_server(credentials: Credentials) -> int:
    """Start a bandwidth server, a process that takes one client and lives for seconds; returns its port."""
    listener = Listener(credentials)
    watchdog.daemonize(lambda: drain_socket(listener))
    listener.close()
    return listener.port


def drain_socket(listener: Listener) -> None:
    """Take what one client sends, and answer with the number of its bytes."""
    peer = listener.accept(_CONNECT_S)
    listener.close()
    peer.expect(messages.PROBE, 10)
    plain = peer.to_plain_socket()
    channel.enable_keepalive(plain)
    plain.settimeout(10)
    room = memoryview(bytearray(len(_CHUNK)))
    received = 0
    with plain:
        while count := plain.recv_into(room):
            received += count
        plain.sendall(_COUNT.pack(received))


def link_bytes_per_s(addresses: list[str], port: int, credentials: Credentials) -> float:
    """The rate at which a bandwidth server takes what is sent to it for a moment, on one connection.

    Raises:
        PeerLost: the connection broke.
    """
    peer = Channel.connect(addresses, port, credentials, 10)
    peer.send(messages.PROBE)
    plain = peer.to_plain_socket()
    channel.enable_keepalive(plain)
    plain.settimeout(10)
    sent = 0
    begun = time.monotonic()
    try:
        with plain:
            while time.monotonic() - begun < _PROBE_S and sent < _PROBE_BYTES:
                plain.sendall(_CHUNK)
                sent += len(_CHUNK)
            plain.shutdown(socket.SHUT_WR)
            answer = plain.recv(_COUNT.size, socket.MSG_WAITALL)
    except OSError as error:
        raise PeerLost(f"The connection to the other host broke while it was measured: {error}") from None
    took_s = time.monotonic() - begun
    if len(answer) != _COUNT.size or _COUNT.unpack(answer)[0] != sent:
        raise PeerLost("The connection to the other host broke while it was measured.")
    return sent / took_s
