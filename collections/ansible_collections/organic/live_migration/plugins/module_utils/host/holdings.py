# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What processes hold besides private memory: each thing takes time of the downtime."""

from __future__ import annotations

from dataclasses import dataclass

from . import libc, processes, system_v

_TCP_LISTEN = "0A"


@dataclass(frozen=True)
class Holdings:
    """How much of it there is.

    Attributes:
        processes: of the tree.
        threads: of all of them, besides the first of each.
        connections: TCP connections of their network namespace.
        shared_bytes: shared memory that they have mapped, but that of System V.
        system_v_bytes: shared memory of System V in their IPC namespace.
    """

    processes: int = 1
    threads: int = 0
    connections: int = 0
    shared_bytes: int = 0
    system_v_bytes: int = 0

    @classmethod
    def of(cls, pids: list[int]) -> Holdings:
        """Count it.

        Args:
            pids: of processes that share a network and an IPC namespace; at least one.
        """
        connections = 0
        for table in ("tcp", "tcp6"):
            connections += sum(
                line.split()[3] != _TCP_LISTEN for line in processes.lines(f"/proc/{pids[0]}/net/{table}")[1:]
            )
        threads = sum(max(0, processes.thread_count(pid) - 1) for pid in pids)
        with libc.namespace(pids[0], "ipc"):
            segments = system_v.read().segments
        attached = sum(one.resident_bytes for one in segments if one.is_attached)
        return cls(
            len(pids),
            threads,
            connections,
            max(0, processes.shared_bytes(pids) - attached),
            sum(one.resident_bytes for one in segments),
        )
