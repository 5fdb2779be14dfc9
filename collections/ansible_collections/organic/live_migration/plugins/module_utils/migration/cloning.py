# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strategy ppm cannot run twice at once, and what makes it doubtful; both are found by the preflight."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from pathlib import Path

from ..engines.spec import ContainerSpec
from ..errors import Blocker
from ..host import commands, processes
from ..network import interfaces, tun

_OTHER = "Use strategy pre_copy"
_SO_BINDTODEVICE = 25
_ALL_HOSTS = "010000E0"
"""224.0.0.1 as /proc/net/igmp writes it: every host is a member."""
_BUSY_MS, _SAMPLE_EVERY_S = 80, 0.002
_LONGEST_LOOK_S = 5.0
"""A thread that has not run for so long in that time got too little of a processor for a judgement."""
_INODE = 9
"""Column of /proc/net/raw."""
_UNIX_ENDS = re.compile(r"(\d+) \S+ (\d+)\s*$")
"""At the end of a line of ss(8): the inodes of a Unix socket and of its peer, 0 for none."""


def blockers(tree: list[int], spec: ContainerSpec, shared_volumes: list[str]) -> list[Blocker]:
    """Why a process tree cannot have a clone beside it.

    Args:
        tree: first process first.
        spec: its container.
        shared_volumes: writable mounts that both hosts see.
    """
    found = [
        Blocker(
            "clone_tun",
            f"The process has the TUN device {name} open, and both copies would read from theirs",
            _OTHER,
        )
        for name in sorted(tun.attached(tree))
    ]
    found += [
        Blocker(
            "clone_volume",
            f"{mount.destination} is a volume that both hosts see, and both copies would write to it",
            _OTHER,
        )
        for mount in spec.mounts
        if mount.writable and mount.destination in shared_volumes and mount.kind != "tmpfs"
    ]
    return [
        *found,
        *_socket_blockers(tree),
        *_unix_blockers(tree),
        *_multicast_blockers(tree[0]),
        *_link_blockers(tree[0]),
        *_busy_blockers(tree),
    ]


def doubts(tree: list[int]) -> list[str]:
    """What may part a clone from the process; then another strategy moves it."""
    threads = sum(len(_threads(pid)) for pid in tree)
    if threads < 2:
        return []
    return [
        f"The process has {threads} threads. Each packet is handled until all of them sleep, but in which order they "
        "run meanwhile is not the same in both copies: if it shows in an answer, the clone is given up."
    ]


def _socket_blockers(tree: list[int]) -> list[Blocker]:
    raw = {line.split()[_INODE] for line in processes.lines(f"/proc/{tree[0]}/net/raw")[1:]}
    found: dict[str, Blocker] = {}
    for pid in tree:
        for descriptor, target in processes.descriptors(pid):
            if not target.startswith("socket:"):
                continue
            if target[len("socket:[") : -1] in raw:
                found["raw"] = Blocker(
                    "clone_raw_socket",
                    "The process has a raw socket (SCTP in user space, ICMP), and only TCP and UDP are mirrored",
                    _OTHER,
                )
            if device := _device_of(pid, descriptor):
                found[device] = Blocker(
                    "clone_bound_to_device",
                    f"A socket of the process is bound to the device {device} (SO_BINDTODEVICE), and a clone gets its "
                    "packets by another one",
                    f"{_OTHER}, or bind it to an address instead",
                )
    return list(found.values())


def _device_of(pid: int, descriptor: int) -> str:
    duplicate = processes.duplicate_socket(pid, descriptor)
    if duplicate is None:
        return ""
    with duplicate, contextlib.suppress(OSError):  # it has no devices
        return duplicate.getsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, 16).rstrip(b"\0").decode(errors="replace")
    return ""


def _unix_blockers(tree: list[int]) -> list[Blocker]:
    own = {target[len("socket:[") : -1] for pid in tree for _number, target in processes.descriptors(pid)}
    for line in commands.run(["nsenter", "--target", str(tree[0]), "--net", "ss", "-Hxan"]).splitlines():
        ends = _UNIX_ENDS.search(line)
        if ends and ends[1] in own and ends[2] != "0" and ends[2] not in own:
            return [
                Blocker(
                    "clone_unix_socket",
                    f"A Unix socket of the process (inode {ends[1]}) is connected to a process that does not move, and "
                    "both copies would speak to it",
                    "Close it before the migration",
                )
            ]
    return []


def _multicast_blockers(pid: int) -> list[Blocker]:
    groups = [line.split()[0] for line in processes.lines(f"/proc/{pid}/net/igmp")[1:] if line.startswith("\t\t")]
    others = sorted({group for group in groups if group != _ALL_HOSTS})
    if not others:
        return []
    address = socket.inet_ntoa(bytes.fromhex(others[0])[::-1])
    return [Blocker("clone_multicast", f"The container is a member of the multicast group {address}", _OTHER)]


def _link_blockers(pid: int) -> list[Blocker]:
    """A link that hands packets to the other containers of its host by their IP addresses."""
    return [
        Blocker(
            "clone_ipvlan",
            f"The interface {link.name} is an ipvlan link: containers of the target host would reach the clone instead "
            "of the process",
            _OTHER,
        )
        for link in interfaces.read_interfaces(pid)
        if link.kind == "ipvlan"
    ]


def _busy_blockers(tree: list[int]) -> list[Blocker]:
    """A thread that never sleeps: it cannot be told when an input was handled.

    One that waits for a processor does not sleep either, so that what counts is the time that it has run.
    """
    ran_ms = {(pid, thread): _ran_ms(pid, thread) for pid in tree for thread in _threads(pid)}
    deadline = time.monotonic() + _LONGEST_LOOK_S
    while time.monotonic() < deadline:
        ran_ms = {one: began for one, began in ran_ms.items() if _runs(*one)}
        if not ran_ms:
            break
        pid, thread = max(ran_ms, key=lambda one: _ran_ms(*one) - ran_ms[one])
        if _ran_ms(pid, thread) - ran_ms[pid, thread] >= _BUSY_MS:
            return [
                Blocker(
                    "clone_never_sleeps",
                    f"Thread {thread} of process {pid} ({processes.name(pid)}) ran for {_BUSY_MS} ms without sleeping, "
                    "so that it cannot be known when it has handled a packet",
                    _OTHER,
                )
            ]
        time.sleep(_SAMPLE_EVERY_S)  # the measurement
    return []


def _threads(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    return []


def _runs(pid: int, thread: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/task/{thread}/stat").read_text().rpartition(")")[2].split()[0] == "R"
    return False


def _ran_ms(pid: int, thread: int) -> float:
    """How long a thread has been on a processor."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0]) / 1e6
    return 0.0
