# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that came for a process while it was moved, and did not reach it, by the kernel's own counters.

They belong to the network namespace of the container: datagrams that found the receive buffer of their socket full, and
packets for which a hold had no room.
"""

from __future__ import annotations

from ..host import processes

_PROTOCOL = "Udp: "
_FULL, _FULL_IPV6 = "RcvbufErrors", "Udp6RcvbufErrors"
_DROPPED, _USER_DROPPED = 5, 6
"""Columns of nfnetlink_queue: packets for which the queue had no room, or whose message found none in its socket.

Both are dropped (net/netfilter/nfnetlink_queue.c, __nfqnl_enqueue_packet).
"""


def counted(pid: int) -> int:
    """How many the kernel has counted in the network namespace of ``pid``; 0 when that is gone."""
    return _full_buffers(pid) + _full_queues(pid)


def _full_buffers(pid: int) -> int:
    lines = [line[len(_PROTOCOL) :] for line in processes.lines(f"/proc/{pid}/net/snmp") if line.startswith(_PROTOCOL)]
    counters = dict(zip(*(line.split() for line in lines))) if len(lines) == 2 else {}
    sixth = [line.split()[1] for line in processes.lines(f"/proc/{pid}/net/snmp6") if line.startswith(_FULL_IPV6)]
    return int(counters.get(_FULL, 0)) + sum(map(int, sixth))


def _full_queues(pid: int) -> int:
    rows = [line.split() for line in processes.lines(f"/proc/{pid}/net/netfilter/nfnetlink_queue")]
    return sum(int(row[_DROPPED]) + int(row[_USER_DROPPED]) for row in rows if len(row) > _USER_DROPPED)
