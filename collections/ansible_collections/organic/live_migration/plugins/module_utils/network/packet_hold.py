# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding packets while the process moves, and letting them go to it afterwards.

Packets go through a netfilter queue (libnetfilter_queue; linux/netfilter/nfnetlink_queue.h). The rule has
``--queue-bypass``: without a listener it is transparent, so it is installed early, and binding the queue, which takes
0.2 ms, is what begins the hold. When the listening process dies, the kernel lets the packets pass; on the target, where
the process is still to come, they are lost.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import struct
import threading
import time
from collections.abc import Iterator

from ..errors import MigrationError
from ..host import commands, libc

_NETLINK_NETFILTER = 12
_NFNL_SUBSYS_QUEUE = 3
_MSG_PACKET, _MSG_CONFIG, _MSG_VERDICT_BATCH = 0, 2, 3
_NLM_F_REQUEST, _NLM_F_ACK = 1, 4
_NLMSG_ERROR = 2
_CFG_CMD, _CFG_PARAMS, _CFG_QUEUE_MAXLEN = 1, 2, 3
_COMMAND_BIND, _COMMAND_UNBIND = 1, 2
_COPY_META, _COPY_PACKET = 1, 2
_NFQA_PACKET_HDR, _NFQA_VERDICT_HDR, _NFQA_PAYLOAD = 1, 2, 10
_IP_PROTOCOL, _UDP = 9, b"\x11"
"""Place of the protocol's number in an IPv4 header (RFC 791), and that of UDP."""
_ACCEPT = 1
_MAX_PACKETS = 16384
_ALL_AFTER = 1 << 30
"""Beyond the last known packet; numbers are compared by their distance, with a sign (nfq_id_after)."""
_SO_RCVBUFFORCE = 33

_SOCKET_BUFFER = 212_992
"""Bytes that wait in one UDP socket before the kernel throws datagrams away (net.core.rmem_default)."""
RELEASE_BATCH = 32
"""So many packets of an Ethernet's size fit in twice, and what was read, but is counted still, besides."""
_READ_EVERY_S = 0.001
_GENTLE_S = 2.0
READER_IDLE_S = 0.25
"""A program that has not read for so long may never read that socket; others are not to wait for it."""


class PacketHold:
    """Packets to and from a network namespace by given interfaces; this one keeps no copies of them.

    Args:
        pid: a process in the namespace.
        interfaces: names inside it.
        owner: the migration's id, written into the rules so that they are found again after a crash.
        bypass: without a listener packets pass. Else they are lost: where the process is still to come, the kernel
            would answer them by resetting its connections.
    """

    _copied = (0, _COPY_META)
    """How many bytes of each packet the kernel tells, and what."""

    def __init__(self, pid: int, interfaces: list[str], owner: str, bypass: bool = True) -> None:
        self._pid = pid
        self._interfaces = interfaces
        self._owner = owner
        self._bypass = ["--queue-bypass"] if bypass else []
        self._queue = secrets.randbelow(0xFFFE) + 1  # a number of its own: a queue that is going away lets packets pass
        self._last = self._released = 0
        self._open = self._closed = False
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        self.held = 0
        with libc.network_namespace(pid):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._socket.bind((0, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)

    def install(self) -> None:
        """Install the rules. Nothing is held yet."""
        match = f"-m comment --comment {rule_comment(self._owner)}"
        target = " ".join([match, "-j NFQUEUE --queue-num", str(self._queue), *self._bypass])
        lines = ["*raw"]
        for interface in self._interfaces:
            lines += [f"-I {match} {target}" for match in self._matches(interface)]
        commands.run(
            _in_namespace(self._pid, "iptables-restore", "--noflush", "--wait"), "\n".join([*lines, "COMMIT\n"])
        )

    def _matches(self, interface: str) -> list[str]:
        """Chains and what is held in them."""
        return [f"PREROUTING -i {interface}", f"OUTPUT -o {interface}"]

    def start(self) -> None:
        """Hold from now on, and take in what the kernel tells of it."""
        self.bind()
        self.start_reader()

    def bind(self) -> None:
        """Hold from now on. About 0.1 ms; what the kernel tells waits until :meth:`follow`."""
        # in one message: a queue that is bound, but knows no parameters yet, throws packets away
        self._configure(
            (_CFG_CMD, struct.pack(">BxH", _COMMAND_BIND, socket.AF_INET)),
            (_CFG_PARAMS, struct.pack(">IB", *self._copied)),
            (_CFG_QUEUE_MAXLEN, struct.pack(">I", _MAX_PACKETS)),
        )

    def start_reader(self) -> None:
        """Take in what the kernel tells of held packets. Where the CPUs are busy, to start a thread takes 1 ms."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _configure(self, *attributes: tuple[int, bytes]) -> None:
        self._send(_MSG_CONFIG, _NLM_F_REQUEST | _NLM_F_ACK, *attributes)
        while struct.unpack_from("<H", reply := self._socket.recv(1 << 16), 4)[0] != _NLMSG_ERROR:
            self._handle(reply)  # a packet that came before the answer
        error = struct.unpack_from("<i", reply, 16)[0]
        if error:
            raise MigrationError(
                f"Packets cannot be held: netfilter queue says {os.strerror(-error)}. "
                "The kernel needs NFNETLINK_QUEUE and the xtables target NFQUEUE."
            )

    def _send(self, kind: int, flags: int, *attributes: tuple[int, bytes]) -> None:
        body = struct.pack(">BBH", 0, 0, self._queue)
        for attribute, value in attributes:
            body += struct.pack("<HH", 4 + len(value), attribute) + value + b"\0" * (-len(value) % 4)
        self._socket.send(struct.pack("<IHHII", 16 + len(body), _NFNL_SUBSYS_QUEUE << 8 | kind, flags, 1, 0) + body)

    def _read(self) -> None:
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    continue  # more packets than messages; the next one's number stands for those missed too
                return
            if not data or self._closed:
                return
            self._handle(data)

    def _handle(self, data: bytes) -> None:
        with self._lock:
            self._record(data)
            for number in packet_numbers(data):
                self._last = number
                self.held += 1
            if self._open:
                self._accept(self._last)

    def _record(self, data: bytes) -> None:
        """Look at what the kernel tells of held packets."""

    def _accept(self, last: int) -> None:
        if last:
            last &= 0xFFFFFFFF
            self._send(_MSG_VERDICT_BATCH, _NLM_F_REQUEST, (_NFQA_VERDICT_HDR, struct.pack(">II", _ACCEPT, last)))

    def release_some(self, count: int) -> bool:
        """Let that many of the held packets go, the oldest; returns whether there are more."""
        with self._lock:
            self._released = min(self._released + count, self._last)
            self._accept(self._released)
            return self._released < self._last

    def release_paced(self) -> None:
        """Let them go as fast as the programs read them: all at once they overflow a socket, and UDP loses them."""
        read_at = time.monotonic()
        deadline, least = read_at + _GENTLE_S, _SOCKET_BUFFER
        while read_at + READER_IDLE_S > time.monotonic() < deadline:
            unread = unread_bytes(self._pid)
            if unread <= _SOCKET_BUFFER // 4:
                if not self.release_some(RELEASE_BATCH):
                    break
                read_at, least = time.monotonic(), _SOCKET_BUFFER
                continue  # they are in their sockets already
            if unread < least:
                read_at, least = time.monotonic(), unread
            time.sleep(_READ_EVERY_S)
        self.release()

    def release(self) -> None:
        """Let all held packets go, in order, and those to come pass."""
        with self._lock:
            self._open = True
            self._accept(self._last)

    def remove(self) -> None:
        """Take the rules away and close the queue; held packets are released before."""
        self.release()
        remove_rules(self._pid, self._owner)
        with self._lock:  # closing throws away what came before that, and whose message was not read yet
            self._accept(self._last + _ALL_AFTER)
        self._close()

    def discard(self) -> None:
        """Close the queue and throw away what it holds: on the source after the commit, where nobody is left to get it.

        The rules stay, without their listener: they go with the container's namespace.
        """
        self._close()

    def _close(self) -> None:
        self._closed = True
        if self._reader is not None:
            with contextlib.suppress(OSError):  # its answer also wakes the reader, which keeps the socket open
                command = struct.pack(">BxH", _COMMAND_UNBIND, socket.AF_INET)
                self._send(_MSG_CONFIG, _NLM_F_REQUEST | _NLM_F_ACK, (_CFG_CMD, command))
                self._reader.join(1)
        self._socket.close()


class OutgoingHold(PacketHold):
    """Holds what is sent from here.

    For a process that stands still its kernel goes on to speak, an acknowledgement that is due for example. A switch
    that hears it after the address has gone elsewhere takes this host for the way to it again.
    """

    def _matches(self, interface: str) -> list[str]:
        return [f"OUTPUT -o {interface}"]


class InboundHold(PacketHold):
    """Holds what comes in and keeps copies of the datagrams: they were under way when the address went elsewhere."""

    _copied = (0xFFFF, _COPY_PACKET)

    def __init__(self, pid: int, interfaces: list[str], owner: str) -> None:
        super().__init__(pid, interfaces, owner)
        self._packets = bytearray()

    def _matches(self, interface: str) -> list[str]:
        return [f"PREROUTING -i {interface}"]

    @property
    def packets(self) -> bytes:
        """The copies, one after the other, as IPv4 packets."""
        with self._lock:
            return bytes(self._packets)

    def _record(self, data: bytes) -> None:
        self._packets += b"".join(packet for packet in packet_contents(data) if self._is_kept(packet))

    def _is_kept(self, packet: bytes) -> bool:
        """TCP and SCTP send again what is lost."""
        return packet[_IP_PROTOCOL : _IP_PROTOCOL + 1] == _UDP


class SynHold(InboundHold):
    """Holds the first packet of each connection that a client opens, and keeps a copy of it.

    To be installed after the hold of what comes in, which these then do not reach.
    """

    def _matches(self, interface: str) -> list[str]:
        return [f"PREROUTING -i {interface} -p tcp --syn"]

    def _is_kept(self, packet: bytes) -> bool:
        return True


def unread_bytes(pid: int) -> int:
    """Memory of the datagrams that wait in the fullest UDP socket of a namespace (man proc_net(5)); 0 if it is gone."""
    fullest = 0
    for table in ("udp", "udp6"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/net/{table}", encoding="ascii") as sockets:
            next(sockets)
            fullest = max([fullest, *(int(line.split()[4].partition(":")[2], 16) for line in sockets)])
    return fullest


def packet_numbers(data: bytes) -> list[int]:
    """The kernel's numbers of the packets in one read of the queue's socket."""
    headers = (attributes.get(_NFQA_PACKET_HDR, b"") for attributes in _messages(data))
    return [struct.unpack_from(">I", header)[0] for header in headers if len(header) >= 4]


def packet_contents(data: bytes) -> list[bytes]:
    """The packets themselves in one read of the queue's socket."""
    return [attributes[_NFQA_PAYLOAD] for attributes in _messages(data) if _NFQA_PAYLOAD in attributes]


def _messages(data: bytes) -> Iterator[dict[int, bytes]]:
    """Attributes of each message about a packet; what is truncated ends them."""
    position = 0
    while position + 16 <= len(data):
        length, kind = struct.unpack_from("<IH", data, position)
        if length < 16:
            break
        if kind == _NFNL_SUBSYS_QUEUE << 8 | _MSG_PACKET:
            found = {}
            attribute = position + 20
            while attribute + 4 <= min(position + length, len(data)):
                size, name = struct.unpack_from("<HH", data, attribute)
                if size < 4:
                    break
                if attribute + size <= len(data):
                    found[name & 0x7FFF] = data[attribute + 4 : attribute + size]
                attribute += (size + 3) & ~3
            yield found
        position += (length + 3) & ~3


def rule_comment(owner: str) -> str:
    return f"organic-{owner}"


def _in_namespace(pid: int, *command: str) -> list[str]:
    return ["nsenter", "--target", str(pid), "--net", *command]


def remove_rules(pid: int, owner: str) -> None:
    """Remove a migration's rules from a namespace, also those of a process that crashed."""
    saved = commands.run(_in_namespace(pid, "iptables-save", "--table", "raw"))
    marks = (f"--comment {rule_comment(owner)} ", f'--comment "{rule_comment(owner)}" ')
    rules = [line for line in saved.splitlines() if line.startswith("-A") and any(mark in line for mark in marks)]
    if rules:
        lines = ["*raw", *("-D" + rule[2:] for rule in rules), "COMMIT\n"]
        commands.run(_in_namespace(pid, "iptables-restore", "--noflush", "--wait"), "\n".join(lines))
