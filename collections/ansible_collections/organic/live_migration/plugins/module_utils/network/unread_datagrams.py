# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams that the process had not read before the freeze, as packets that the target injects again.

CRIU drops unread datagrams (criu/sk-inet.c: "Read queue is dropped"), and a lost PFCP request costs seconds. They are
peeked at, or put back, so that the process still has them after a rollback. CRIU refuses to dump connections that wait
for accept(), so their queue must be empty.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import MigrationError
from ..host import processes
from . import unread_packets

_TCP_LISTEN, _TCP_SYN_RECEIVED = "0A", "03"
POLL_INTERVAL_S = 0.0005


def unread(pids: list[int]) -> bytes:
    """All datagrams that are queued in the sockets of these processes, which share a network namespace."""
    of_raw: dict[bytes, None] = {}
    found = b""
    waiting = _waiting_sockets(pids[0])
    for pid in pids if waiting else []:
        for descriptor, target in processes.descriptors(pid):
            if target in waiting:
                waiting.remove(target)
                is_raw, packets = unread_packets.read(pid, descriptor)
                if is_raw:
                    of_raw.update(dict.fromkeys(packets))
                else:
                    found += b"".join(packets)
    # each raw socket had a copy of the same packet, and gets one of what is injected, here for a rollback
    again = b"".join(of_raw)
    deliver(pids[0], again)
    return found + again


def drain_accept_queue(pid: int, timeout_s: float) -> None:
    """Wait until no connection in the network namespace of ``pid`` is being opened or waits for accept().

    Raises:
        MigrationError: some wait, and the program does not accept them.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        opening, waiting = _connections(pid)
        if not opening and not waiting:
            return
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_INTERVAL_S)  # the kernel has no event for it; the process still runs
    if waiting:
        raise MigrationError(
            f"{waiting} connections wait to be accepted, and the program did not accept them within {timeout_s:.1f} s. "
            "CRIU cannot move them; try again when the program is less busy."
        )


def _connections(pid: int) -> tuple[int, int]:
    """Number of connections that are being opened by clients, and of those that are open and not accepted."""
    opening = waiting = 0
    for fields in _sockets(pid, "tcp"):
        if fields[3] == _TCP_SYN_RECEIVED:
            opening += 1
        elif fields[3] == _TCP_LISTEN:
            waiting += int(fields[4].partition(":")[2], 16)
    return opening, waiting


def _sockets(pid: int, protocol: str) -> Iterator[list[str]]:
    """Lines of /proc/net/tcp and the like, of IPv4 and IPv6 (Documentation/networking/proc_net_tcp.rst)."""
    for table in (protocol, f"{protocol}6"):
        path = Path(f"/proc/{pid}/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            yield line.split()


def _waiting_sockets(pid: int) -> set[str]:
    """UDP and raw sockets with something in their receive queue, as descriptors point to them."""
    return {
        f"socket:[{fields[9]}]"
        for protocol in ("udp", "raw")
        for fields in _sockets(pid, protocol)
        if int(fields[4].partition(":")[2], 16)
    }


def deliver(pid: int, packets: bytes) -> tuple[int, int]:
    """Inject packets into the network namespace of ``pid``, with their original senders.

    Broadcasts and multicasts are skipped: this host receives them itself once its links are up. Packets that the kernel
    refuses, for example without a route, are lost.

    Returns:
        How many were injected, and how many were refused.

    Raises:
        ValueError: the peer sent something else than packets.
    """
    if not packets:
        return 0, 0
    injector = unread_packets.Injector(pid)
    try:
        injected = sum(injector.inject(packet) for packet in unread_packets.split(packets))
        return injected, injector.refused
    finally:
        injector.close()
