# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel knows of a TCP connection: struct tcp_info (linux/tcp.h)."""

from __future__ import annotations

import socket
import struct

from ..errors import MigrationError

_BYTES = 256
_BYTES_SENT = 200  # offset of tcpi_bytes_sent, since 4.19
_ANSWERS = struct.Struct("<2xBB52xI")
"""tcpi_retransmits, tcpi_probes and tcpi_last_ack_recv (in ms), at its beginning."""
_MANY_PROBES = 3


def _read(connection: socket.socket) -> bytes:
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES)
    except OSError as error:
        raise MigrationError(f"TCP statistics cannot be read: {error}") from None


def bytes_sent(connection: socket.socket) -> int:
    """Payload bytes that a TCP socket has sent, retransmissions included."""
    info = _read(connection)
    if len(info) < _BYTES_SENT + 8:
        return 0
    return int(struct.unpack_from("<Q", info, _BYTES_SENT)[0])


def unanswered_ms(connection: socket.socket) -> int:
    """For how long the peer has answered neither data that was sent again nor probes; 0 if it has.

    A peer that reads nothing answers, too: with a window of zero.
    """
    retransmits, probes, since_ms = _ANSWERS.unpack_from(_read(connection))
    return since_ms if retransmits or probes >= _MANY_PROBES else 0
