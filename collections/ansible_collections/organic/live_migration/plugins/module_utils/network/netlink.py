# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink sockets on which a process gets the kernel's notifications about interfaces, routes or addresses.

CRIU refuses such a socket while it has unread data (criu/sk-netlink.c: "The socket has data to read"), and switching
the address is itself a change. The process must not see that one: on the target its interface is as it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import MigrationError
from ..host import libc, processes

_GROUPS, _UNREAD_BYTES, _INODE = 3, 4, 9
"""Columns of /proc/net/netlink; net/netlink/af_netlink.c, netlink_native_seq_show."""
POLL_INTERVAL_S = 0.0005


@dataclass(frozen=True)
class NetlinkSockets:
    """Netlink sockets with a subscription, of processes that share a network namespace.

    Attributes:
        sockets: PID on the host, and descriptor, by the socket's inode.
    """

    sockets: dict[int, tuple[int, int]]

    @classmethod
    def of(cls, pids: list[int]) -> NetlinkSockets:
        """The present ones; takes some 10 us for each descriptor, and no time where none is subscribed."""
        listening = {inode for inode, (groups, _unread) in _table(pids[0]).items() if groups}
        found: dict[int, tuple[int, int]] = {}
        for pid in pids if listening else []:
            for descriptor, target in processes.descriptors(pid):
                kind, _bracket, inode = target.partition(":[")
                if kind == "socket" and int(inode.rstrip("]")) in listening:
                    found[int(inode.rstrip("]"))] = (pid, descriptor)
        return cls(found)

    def __bool__(self) -> bool:
        return bool(self.sockets)

    @property
    def pending(self) -> list[tuple[int, int]]:
        """The sockets that have unread data: PID and descriptor."""
        if not self.sockets:
            return []
        pid = next(iter(self.sockets.values()))[0]
        return [self.sockets[inode] for inode, (_groups, unread) in _table(pid).items()
                if unread and inode in self.sockets]  # fmt: skip

    def await_read(self, timeout_s: float) -> None:
        """Wait until the running processes have read their notifications.

        Raises:
            MigrationError: one does not.
        """
        deadline = time.monotonic() + timeout_s
        while pending := self.pending:
            if time.monotonic() > deadline:
                raise _unread(pending)
            time.sleep(POLL_INTERVAL_S)  # the kernel has no event for it; the process still runs

    def check(self) -> None:
        """Check that the processes, which have just been frozen, have read everything.

        Raises:
            MigrationError: one has not; its notifications must not be discarded.
        """
        if pending := self.pending:
            raise _unread(pending)

    def drain(self) -> None:
        """Discard the notifications that came since :meth:`check`: they are about the switch of the address."""
        for pid, descriptor in self.pending:
            pidfd = os.pidfd_open(pid)
            try:
                duplicate = socket.socket(fileno=libc.pidfd_getfd(pidfd, descriptor))
            finally:
                os.close(pidfd)
            with duplicate, contextlib.suppress(BlockingIOError):
                while True:
                    try:
                        duplicate.recv(1 << 16, socket.MSG_DONTWAIT)
                    except OSError as error:
                        if error.errno != errno.ENOBUFS:  # notifications were lost; netlink(7)
                            raise


def _unread(pending: list[tuple[int, int]]) -> MigrationError:
    pid, descriptor = pending[0]
    return MigrationError(
        f"Process {pid} has not read the kernel's notifications on its netlink socket, descriptor {descriptor}. "
        "CRIU cannot move them; try again when the program is less busy."
    )


def _table(pid: int) -> dict[int, tuple[int, int]]:
    """Groups and unread bytes of the netlink sockets in the network namespace of ``pid``, by inode."""
    lines = (line.split() for line in Path(f"/proc/{pid}/net/netlink").read_text().splitlines()[1:])
    return {int(fields[_INODE]): (int(fields[_GROUPS], 16), int(fields[_UNREAD_BYTES])) for fields in lines}
