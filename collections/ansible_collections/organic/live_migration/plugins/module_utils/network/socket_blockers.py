# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a socket can hold that cannot be read, or that CRIU refuses: each is named."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator

from ..errors import Blocker
from ..host import commands, processes

_IP_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_TCP_ULP, _TCP_AO_INFO = 31, 40
_UDP_CORK = 1
_SO_GET_FILTER = 26
_AO_INFO_BYTES = 64
_MD5 = re.compile(r"^(\S.*?)\n\s.*\bmd5keys:", re.MULTILINE)
"""In the answer of ss(8), which has a socket on one line and its information on the next."""


def blockers(pids: list[int]) -> list[Blocker]:
    """Everything of this kind in processes that share a network namespace, each once."""
    found = list(_with_md5_keys(pids[0]))
    seen: set[str] = set()
    for pid in pids:
        for descriptor, target in processes.descriptors(pid):
            if not target.startswith("socket:") or target in seen:
                continue
            seen.add(target)
            one = processes.duplicate_socket(pid, descriptor)
            if one is not None:
                with one:
                    found += _of_socket(one, f"(descriptor {descriptor} of process {pid})")
    return found


def _with_md5_keys(pid: int) -> Iterator[Blocker]:
    for line in _MD5.findall(commands.run(["nsenter", "--target", str(pid), "--net", "ss", "-Htani"])):
        fields = line.split()
        yield Blocker(
            "tcp_keys",
            f"The TCP socket {fields[3]} has MD5 keys (RFC 2385), which would be lost: it would take unsigned segments",
            "Close it before the migration, or redeploy the container instead",
        )


def _of_socket(one: socket.socket, where: str) -> Iterator[Blocker]:
    if one.family in _IP_FAMILIES and one.type == socket.SOCK_STREAM:
        if _answers(one, socket.IPPROTO_TCP, _TCP_AO_INFO, _AO_INFO_BYTES):
            yield Blocker(
                "tcp_keys",
                f"A TCP socket {where} has keys of TCP-AO (RFC 5925), which would be lost: it would take unsigned "
                "segments",
                "Close it before the migration, or redeploy the container instead",
            )
        protocol = _answers(one, socket.IPPROTO_TCP, _TCP_ULP, 16).rstrip(b"\0")
        if protocol not in (b"", b"mptcp"):  # MPTCP is refused as what CRIU cannot dump
            yield Blocker(
                "tcp_keys",
                f"A TCP socket {where} has the kernel's {protocol.decode('ascii', 'replace').upper()} with its keys, "
                "which would be lost",
                "Configure the program to do without kTLS",
            )
    is_udp = one.family in _IP_FAMILIES and one.type == socket.SOCK_DGRAM
    if is_udp and any(_answers(one, socket.IPPROTO_UDP, _UDP_CORK, 4)):
        yield Blocker(
            "undumpable",
            f"CRIU cannot dump this: UDP socket that is corked, with a datagram that is not complete {where}",
            "Configure the program to do without UDP_CORK",
        )
    try:
        one.getsockopt(socket.SOL_SOCKET, _SO_GET_FILTER, 0)
    except OSError as error:
        if error.errno == errno.EACCES:
            yield Blocker(
                "socket_filter",
                f"A socket {where} has a filter of the extended BPF, which cannot be read",
                "Have the program attach a classic BPF filter (SO_ATTACH_FILTER), or none",
            )


def _answers(one: socket.socket, level: int, number: int, length: int) -> bytes:
    """The value of an option; empty where the kernel or the socket has none."""
    try:
        return one.getsockopt(level, number, length)
    except OSError:
        return b""
