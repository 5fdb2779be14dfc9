# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets the TCP time stamps of a restored copy ahead of those of a process that runs on.

CRIU continues the time stamps where the dump found them. The other copy has sent later ones since, and its peers drop
segments whose TSval is older than what they have seen (PAWS, RFC 7323 section 5).
"""

from __future__ import annotations

import contextlib
import socket
import struct

from ..host import processes

_TCP_REPAIR, _TCP_TIMESTAMP = 19, 24
_ON, _OFF_SILENTLY = 1, -1
"""TCP_REPAIR_OFF_NO_WP: without the window probe that else ends repair mode."""
_TIMESTAMPS_PER_S = 1000


def set_ahead(pids: list[int], timestamps: dict[tuple[str, int, str, int], int], elapsed_ms: float) -> int:
    """Give each connection the time stamp that it would have had, and somewhat more; returns for how many.

    Args:
        pids: of stopped processes: in repair mode a write() fails.
        timestamps: at the dump, by local address and port, peer address and port.
        elapsed_ms: since the dump, at least.
    """
    done = 0
    for pid in pids:
        for descriptor, target in processes.descriptors(pid):
            if not target.startswith("socket:"):
                continue
            duplicate = processes.duplicate_socket(pid, descriptor)
            if duplicate is None:
                continue
            with duplicate, contextlib.suppress(OSError):  # not TCP, or not connected
                at_dump = timestamps.get((*duplicate.getsockname()[:2], *duplicate.getpeername()[:2]), 0)
                if at_dump and duplicate.type == socket.SOCK_STREAM:
                    # bit 0 would have the connection count microseconds (Linux 6.7 and later)
                    value = (at_dump + round(elapsed_ms * _TIMESTAMPS_PER_S / 1000)) % (1 << 32) & ~1
                    duplicate.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _ON)
                    try:
                        duplicate.setsockopt(socket.IPPROTO_TCP, _TCP_TIMESTAMP, struct.pack("=I", value))
                    finally:
                        duplicate.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _OFF_SILENTLY)
                    done += 1
    return done
