# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CRIU does not restore of a socket: options, multicast memberships, the present name of a Unix socket.

They are read before the freeze. In the freeze, while CRIU dumps, those of new sockets are read, and those of the others
once more as long as that takes no time of the downtime. The target sets them on the restored, stopped process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import MigrationError
from ..host import libc, processes
from . import multicast, socket_options, unix_names
from .multicast import Membership
from .socket_options import SocketDefaults

_SHADOW_S = 0.002
"""CRIU's dump takes longer on another CPU, also of the smallest process."""


@dataclass(frozen=True)
class SocketState:
    """What the target must set on one socket.

    Attributes:
        pid: of a process that has it open, in the container.
        descriptor: of that process.
        kind: family, type and protocol.
        options: that differ from those of a new socket.
        groups: of which it is a member.
        path: what its file is called now, where that is not what was bound.
    """

    pid: int
    descriptor: int
    kind: tuple[int, int, int]
    options: list[tuple[int, int, str]] = field(default_factory=list)
    groups: list[Membership] = field(default_factory=list)
    path: str = ""


class SocketReader:
    """Reads the states of the sockets of processes that share a network namespace.

    Args:
        pid: a process in the namespace, which stays.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._defaults = SocketDefaults(pid)
        self._known: dict[str, SocketState | None] = {}

    def read(self, pids: list[int]) -> list[SocketState]:
        """All of them; takes some 0.3 ms a socket."""
        return self._read(pids, float("inf"))

    def refresh(self, pids: list[int]) -> list[SocketState]:
        """All of them; sockets that were known are read again for 2 ms at most."""
        return self._read(pids, time.monotonic() + _SHADOW_S)

    def _read(self, pids: list[int], until: float) -> list[SocketState]:
        open_now = dict(_sockets(pids))
        present = multicast.groups(self._pid)
        for name in sorted(open_now, key=lambda name: name in self._known):
            if name not in self._known or time.monotonic() < until:
                self._known[name] = self._look(*open_now[name], present)
        return [state for name in open_now if (state := self._known[name]) is not None]

    def _look(self, pid: int, descriptor: int, present: multicast.Groups) -> SocketState | None:
        duplicate = processes.duplicate_socket(pid, descriptor)
        if duplicate is None:
            return None
        with duplicate:
            options = self._defaults.changed(duplicate)
            groups = multicast.memberships(duplicate, present) if present else []
            path = unix_names.renamed_to(duplicate)
            if not options and not groups and not path:
                return None
            kind = socket_options.kind_of(duplicate)
        return SocketState(processes.pid_inside(pid), descriptor, kind, options, groups, path)


def _sockets(pids: list[int]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each socket by its name, with a process and a descriptor by which it is reached."""
    for pid in pids:
        for descriptor, target in processes.descriptors(pid):
            if target.startswith("socket:"):
                yield target, (pid, descriptor)


def check(pid: int, states: list[SocketState]) -> None:
    """See that this host takes the options, on new sockets in the network namespace of ``pid``.

    Raises:
        MigrationError: it does not.
    """
    for kind, options in {(state.kind, tuple(state.options)) for state in states}:
        socket_options.check(pid, kind, list(options))


def apply(states: list[SocketState], pids: Mapping[int, int], namespace_of: int) -> None:
    """Set them on restored processes, which are stopped.

    Args:
        pids: PIDs on the host, by those in the container.
        namespace_of: a process in their network namespace.

    Raises:
        MigrationError: one cannot be set.
    """
    if not states:
        return
    with libc.network_namespace(namespace_of):
        indices = socket_options.interface_indices()
    renamed: set[tuple[str, str]] = set()
    for state in states:
        pid = pids.get(state.pid)
        one = None if pid is None else processes.duplicate_socket(pid, state.descriptor)
        if one is None:
            raise MigrationError(f"Process {state.pid} was restored without its socket {state.descriptor}.")
        with one:
            socket_options.apply(one, state.options, indices)
            multicast.join(one, state.groups, indices)
            if state.path:
                renamed.add((one.getsockname(), state.path))
    unix_names.rename(renamed, namespace_of)
