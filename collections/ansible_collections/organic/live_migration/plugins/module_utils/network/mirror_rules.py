# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packet filter rules and the kernel queues of the packet mirror (src/mirror), one set in each network namespace.

The rules are made like those of :mod:`.packet_hold`: marked with the migration's id, so that :func:`remove` finds them
after a crash, and installed early. On the source they have ``--queue-bypass`` and do nothing until a queue is bound. On
the target they do not: without the mirror all packets of the clone are dropped.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
import socket
import struct

from ..errors import MigrationError
from ..host import commands, libc

_NETLINK_NETFILTER = 12
_SOL_NETLINK, _NO_ENOBUFS = 270, 5
_SO_RCVBUFFORCE, _RECEIVE_BYTES = 33, 32 << 20
_VERDICT_BATCH, _CONFIG = 3 << 8 | 3, 3 << 8 | 2
"""Messages of nfnetlink_queue (linux/netfilter/nfnetlink_queue.h), with the subsystem's number."""
_NLM_F_REQUEST, _VERDICT_HEADER, _CFG_CMD, _UNBIND, _ACCEPT = 1, 2, 1, 2, 1
_ALL = 1 << 30
"""Added to no packet number; the kernel compares signed distances (nfq_id_after), and numbers start at 1."""
QUEUES = 3
"""Queues of one end, by consecutive numbers: see src/mirror/mirror.h, ``enum queue``."""
INPUT, OUTPUT, OPENING = range(QUEUES)
TUN = "organic-mirror"
"""Name of the device by which the clone gets its input (src/mirror/mirror.h)."""


class MirrorQueues:
    """The netlink socket to which the kernel gives the packets, held open here as well.

    Packets of a queue are lost when its socket is closed. If the mirror is killed, this descriptor is still there, and
    :meth:`let_pass` gives the source what was held for it.
    """

    def __init__(self, pid: int) -> None:
        self.first = secrets.randbelow(0xFFFF - QUEUES) + 1
        """Number of the first queue; fresh ones, since a queue that is being closed lets packets pass."""
        with libc.network_namespace(pid):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._socket.bind((0, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
        self._socket.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)

    def fileno(self) -> int:
        return self._socket.fileno()

    def let_pass(self) -> None:
        """Let in and out all that is held, in order, and end the queues; for a mirror that has ended."""
        for queue in range(self.first, self.first + QUEUES):
            self._send(queue, _VERDICT_BATCH, _VERDICT_HEADER, struct.pack(">II", _ACCEPT, _ALL))
            self._send(queue, _CONFIG, _CFG_CMD, struct.pack(">BxH", _UNBIND, socket.AF_INET))

    def _send(self, queue: int, kind: int, attribute: int, value: bytes) -> None:
        body = struct.pack(">BBH", 0, 0, queue) + struct.pack("<HH", 4 + len(value), attribute) + value
        with contextlib.suppress(OSError):  # the namespace is gone
            self._socket.send(struct.pack("<IHHII", 16 + len(body), kind, _NLM_F_REQUEST, 1, 0) + body)

    def close(self) -> None:
        """Close this descriptor; what is still held is dropped when the mirror's is closed as well."""
        self._socket.close()


def source_rules(addresses: list[str], first: int) -> dict[str, list[str]]:
    """Rules of the source: by family, chain and match, and the target. They do nothing until a queue is bound."""
    rules: dict[str, list[str]] = {"ip": [], "ip6": []}
    for address in addresses:
        rules[_family(address)].append(f"PREROUTING -d {address} ! -i lo {_target(first + INPUT, bypass=True)}")
    for lines in rules.values():
        if lines:  # the one that is inserted last comes first
            lines.append(f"OUTPUT ! -o lo {_target(first + OUTPUT, bypass=True)}")
            lines.append(f"OUTPUT ! -o lo -p tcp --syn {_target(first + OPENING, bypass=True)}")
    return rules


def target_rules(first: int, families: list[str]) -> dict[str, list[str]]:
    """Rules of the target: nothing that the clone says leaves, and nothing comes to it but by the mirror's device.

    Both families whatever the addresses are: a kernel announces itself by IPv6 unasked (MLD, duplicate address
    detection).
    """
    lines = [
        f"OUTPUT ! -o lo {_target(first + OUTPUT)}",
        f"PREROUTING ! -i lo {_target(first + INPUT)}",
        f"PREROUTING -i {TUN} -j ACCEPT",
    ]
    return dict.fromkeys(families, lines)


def families() -> list[str]:
    """Protocol families of this kernel."""
    return ["ip", "ip6"] if os.path.exists("/proc/net/if_inet6") else ["ip"]


def _family(address: str) -> str:
    return "ip6" if ipaddress.ip_address(address).version == 6 else "ip"


def _target(queue: int, bypass: bool = False) -> str:
    return f"-j NFQUEUE --queue-num {queue}" + (" --queue-bypass" if bypass else "")


def comment(owner: str) -> str:
    """What the rules of a migration are marked with."""
    return f"organic-mirror-{owner}"


def install(pid: int, owner: str, rules: dict[str, list[str]]) -> None:
    """Install rules in the network namespace of ``pid``."""
    for family, lines in rules.items():
        if lines:
            marked = [f"-I {line} -m comment --comment {comment(owner)}" for line in lines]
            _restore(pid, family, marked)


def remove(pid: int, owner: str) -> None:
    """Remove a migration's rules from a namespace, also after a crash; idempotent."""
    for family in families():
        saved = commands.run(_inside(pid, f"{family}tables-save", "--table", "raw"))
        marks = (f"--comment {comment(owner)} ", f'--comment "{comment(owner)}" ')
        ours = [line for line in saved.splitlines() if line.startswith("-A") and any(mark in line for mark in marks)]
        if ours:
            _restore(pid, family, ["-D" + line[2:] for line in ours])


def _restore(pid: int, family: str, lines: list[str]) -> None:
    try:
        commands.run(
            _inside(pid, f"{family}tables-restore", "--noflush", "--wait"), "\n".join(["*raw", *lines, "COMMIT\n"])
        )
    except MigrationError as error:
        raise MigrationError(
            f"The packet mirror cannot install its rules: {error}. The kernel needs the table raw and the xtables "
            "target NFQUEUE."
        ) from None


def _inside(pid: int, *command: str) -> list[str]:
    return ["nsenter", "--target", str(pid), "--net", *command]
