# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process holds that CRIU refuses to dump, and what to do about each kind.

Sources: CRIU's criu/sockets.c, criu/pipes.c, criu/sk-inet.c, criu/fsnotify.c, criu/tty.c; criu.org "What cannot be
checkpointed".
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection
from dataclasses import dataclass

from .processes import descriptors, duplicate_socket, lines

_SO_PROTOCOL = 38
_TERMINALS = "/dev/pts/"
_IPPROTO_SCTP = 132
_IPPROTO_MPTCP = 262


@dataclass(frozen=True)
class Undumpable:
    """A resource that CRIU refuses.

    Attributes:
        what: its kind, with descriptor and process.
        remedy: what a user can do, an imperative.
    """

    what: str
    remedy: str


_SOCKETS = {
    _IPPROTO_SCTP: (
        "SCTP",
        "Have another container hold the association and pass its messages on by TCP, or use SCTP in user space",
    ),
    _IPPROTO_MPTCP: (
        "MPTCP",
        "Start the container with the sysctl net.mptcp.enabled=0, or a program in Go with GODEBUG=multipathtcp=0",
    ),
}


def undumpable(pid: int, overlay_device: int | None, terminals: Collection[int] = ()) -> list[Undumpable]:
    """Resources of this process that CRIU refuses to dump.

    Args:
        pid: the process.
        overlay_device: device number of the container's root when that is an overlay file system.
        terminals: numbers of those that the processes which move have made, see :func:`made_terminals`.
    """
    found = []
    for descriptor, target in sorted(descriptors(pid)):
        where = f"descriptor {descriptor} of process {pid}"
        if target.startswith("socket:"):
            protocol = _stream_protocol(pid, descriptor)
            if protocol in _SOCKETS:
                name, remedy = _SOCKETS[protocol]
                found.append(Undumpable(f"{name} socket {_socket_name(pid, descriptor)}({where})", remedy))
        elif target.startswith("pipe:") and _flags(pid, descriptor) & os.O_DIRECT:
            found.append(Undumpable(f"pipe in packet mode ({where})", "Have the program open it without O_DIRECT"))
        elif "[io_uring]" in target:
            found.append(Undumpable(f"io_uring ({where})", "Configure the program to do without io_uring"))
        elif target.endswith("inotify"):
            if overlay_device is not None and overlay_device in _inotify_devices(pid, descriptor):
                remedy = "Have the program watch a volume or a tmpfs, or configure it to do without inotify"
                found.append(Undumpable(f"inotify on the overlay file system ({where})", remedy))
        elif (number := _terminal(target)) is not None and number not in terminals:
            found.append(Undumpable(f"terminal {target} ({where})", "Start the container without -t"))
    return found


def made_terminals(tree: list[int]) -> set[int]:
    """Numbers of the pseudoterminals whose master (pty(7)) one of these processes has open: CRIU moves both ends."""
    return {
        int(line.partition(":")[2])
        for pid in tree
        for descriptor, target in descriptors(pid)
        if target.endswith("/ptmx")
        for line in lines(f"/proc/{pid}/fdinfo/{descriptor}")
        if line.startswith("tty-index:")
    }


def _flags(pid: int, descriptor: int) -> int:
    """With which it was opened (proc(5), fdinfo)."""
    for line in lines(f"/proc/{pid}/fdinfo/{descriptor}"):
        if line.startswith("flags:"):
            return int(line.split()[1], 8)
    return 0


def _terminal(target: str) -> int | None:
    number = target[len(_TERMINALS) :] if target.startswith(_TERMINALS) else ""
    return int(number) if number.isdigit() else None


def _stream_protocol(pid: int, descriptor: int) -> int | None:
    """Protocol of a socket; None for a raw one, whose protocol CRIU can dump whatever it is (as usrsctp opens them)."""
    duplicate = duplicate_socket(pid, descriptor)
    if duplicate is None:
        return None
    with duplicate:
        if duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_RAW:
            return None
        return duplicate.getsockopt(socket.SOL_SOCKET, _SO_PROTOCOL)


def _socket_name(pid: int, descriptor: int) -> str:
    duplicate = duplicate_socket(pid, descriptor)
    if duplicate is None:
        return ""
    with duplicate, contextlib.suppress(OSError):
        address = duplicate.getsockname()
        return f"{address[0]}:{address[1]} "
    return ""


def _inotify_devices(pid: int, descriptor: int) -> set[int]:
    """Device numbers of the watched inodes; the kernel prints its own dev_t in hexadecimal, 20 bits of minor."""
    devices = set()
    for line in lines(f"/proc/{pid}/fdinfo/{descriptor}"):
        for word in line.split():
            if line.startswith("inotify") and word.startswith("sdev:"):
                device = int(word[5:], 16)
                devices.add(os.makedev(device >> 20, device & 0xFFFFF))
    return devices
