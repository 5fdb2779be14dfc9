# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a socket can hold that cannot be read, or that CRIU refuses: each is named."""

from __future__ import annotations

import errno
import re
import socket
import struct
import time
from collections.abc import Iterator

from ..errors import Blocker
from ..host import commands, processes

MAX_QUEUED_BYTES = 64 << 20
"""As much may wait in all TCP connections together: the images have room for twice as much."""
_ACCEPT_PATIENCE_S = 0.5
"""A program that is only busy accepts within this time."""
_POLL_INTERVAL_S = 0.01
_TCP_LISTEN = "0A"
_IP_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_TCP_ULP, _TCP_AO_INFO = 31, 40
_UDP_CORK = 1
_SO_GET_FILTER = 26
_AO_INFO_BYTES = 64
_PEER = struct.Struct("iII")
_NOBODY = 0xFFFFFFFF
"""User of a peer that there is none of: a socket that is not connected."""
_MD5 = re.compile(r"^(\S.*?)\n\s.*\bmd5keys:", re.MULTILINE)
"""In the answer of ss(8), which has a socket on one line and its information on the next."""


def blockers(pids: list[int]) -> list[Blocker]:
    """Everything of this kind in processes that share a network namespace, each once."""
    found = [*_with_md5_keys(pids[0]), *_unaccepted(pids[0]), *_long_queues(pids[0])]
    seen: set[str] = set()
    for pid in pids:
        for descriptor, target in processes.descriptors(pid):
            if not target.startswith("socket:") or target in seen:
                continue
            seen.add(target)
            one = processes.duplicate_socket(pid, descriptor)
            if one is not None:
                with one:
                    where = f"(descriptor {descriptor} of process {pid})"
                    found += [*_of_socket(one, where), *_peer_credentials(one, pid, where)]
    return found


def _with_md5_keys(pid: int) -> Iterator[Blocker]:
    for line in _MD5.findall(commands.run(["nsenter", "--target", str(pid), "--net", "ss", "-Htani"])):
        fields = line.split()
        yield Blocker(
            "tcp_keys",
            f"The TCP socket {fields[3]} has MD5 keys (RFC 2385), which would be lost: it would take unsigned segments",
            "Close it before the migration, or redeploy the container instead",
        )


def _unaccepted(pid: int) -> Iterator[Blocker]:
    """Listeners whose connections nobody accepts while they are watched; CRIU cannot dump these connections."""
    until = time.monotonic() + _ACCEPT_PATIENCE_S
    waiting = _waiting(pid)
    while waiting and time.monotonic() < until:
        time.sleep(_POLL_INTERVAL_S)  # the kernel has no event for it
        now = _waiting(pid)
        waiting = {address: count for address, count in waiting.items() if now.get(address, 0) >= count}
    for address, count in sorted(waiting.items()):
        yield Blocker(
            "accept_queue",
            f"{count} connections to {address} are open and wait to be accepted, and the program does not accept them",
            "Have the program accept them, or close its listening socket",
        )


def _waiting(pid: int) -> dict[str, int]:
    """Connections that wait, by the address of the listening socket."""
    found: dict[str, int] = {}
    for fields in tcp_sockets(pid):
        count = int(fields[4].partition(":")[2], 16)
        if fields[3] == _TCP_LISTEN and count:
            found[_readable(fields[1])] = count
    return found


def _readable(address: str) -> str:
    """An address of /proc/net/tcp: words as this machine has them in memory, and the port."""
    words, _colon, port = address.partition(":")
    packed = b"".join(struct.pack("=I", int(words[at : at + 8], 16)) for at in range(0, len(words), 8))
    name = socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
    return f"{name}:{int(port, 16)}" if len(packed) == 4 else f"[{name}]:{int(port, 16)}"


def tcp_sockets(pid: int) -> Iterator[list[str]]:
    """The fields of each TCP socket of a network namespace (Documentation/networking/proc_net_tcp.rst)."""
    for table in ("tcp", "tcp6"):
        for line in processes.lines(f"/proc/{pid}/net/{table}")[1:]:
            yield line.split()


def _long_queues(pid: int) -> Iterator[Blocker]:
    """What TCP connections hold is sent while the process is stopped, and kept in memory on both hosts."""
    held = [
        sum(int(part, 16) for part in fields[4].split(":")) for fields in tcp_sockets(pid) if fields[3] != _TCP_LISTEN
    ]
    if sum(held) > MAX_QUEUED_BYTES:
        yield Blocker(
            "tcp_queues",
            f"{sum(map(bool, held))} TCP connections hold {sum(held) >> 20} MiB that was not read, or not acknowledged "
            f"by their peers; at most {MAX_QUEUED_BYTES >> 20} MiB can be moved",
            "Wait until the programs at their ends read again, or have the connections closed",
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


def _peer_credentials(one: socket.socket, pid: int, where: str) -> Iterator[Blocker]:
    """CRIU connects restored Unix sockets as root, which is then what their ends take each other for (unix(7)).

    A peer of the same user, as of a socket pair within a process, gains nothing by that.
    """
    if one.family != socket.AF_UNIX or one.type == socket.SOCK_DGRAM:
        return
    credentials = _answers(one, socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    uid = _PEER.unpack(credentials)[1] if len(credentials) == _PEER.size else _NOBODY
    if uid not in (0, _NOBODY, processes.effective_uid(pid)):
        yield Blocker(
            "peer_credentials",
            f"A Unix socket {where} is connected to a process of user {uid}, and would be to one of user 0 (root) for "
            "whoever asks (SO_PEERCRED)",
            "Have the programs connect again after the migration, or run as one user",
        )


def _answers(one: socket.socket, level: int, number: int, length: int) -> bytes:
    """The value of an option; empty where the kernel or the socket has none."""
    try:
        return one.getsockopt(level, number, length)
    except OSError:
        return b""
