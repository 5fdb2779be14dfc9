# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes connections out of TCP repair mode, in which CRIU reads them, when CRIU was killed before it could.

In that mode the kernel sends nothing, and a write fails with EINVAL, so that a program closes its connection
(net/ipv4/tcp.c, ``tcp_sendmsg_locked``; criu.org "TCP connection").
"""

from __future__ import annotations

import contextlib
import socket

from ..host import processes

_TCP_REPAIR = 19
_OFF = 0
"""Also sends a window probe, so that both ends know each other's state at once."""


def leave_repair_mode(pids: list[int]) -> int:
    """End repair mode for all TCP sockets of these processes; returns for how many."""
    ended = 0
    for pid in pids:
        for descriptor, target in processes.descriptors(pid):
            if target.startswith("socket:") and (duplicate := processes.duplicate_socket(pid, descriptor)):
                with duplicate, contextlib.suppress(OSError):  # not a TCP socket
                    if duplicate.getsockopt(socket.IPPROTO_TCP, _TCP_REPAIR):
                        duplicate.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _OFF)
                        ended += 1
    return ended
