# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds packets while the process moves, and releases them to it afterwards.

Packets go through a netfilter queue (libnetfilter_queue; linux/netfilter/nfnetlink_queue.h). The rule has
``--queue-bypass``: without a listener it is transparent. So it is installed early, and binding the queue, which takes
0.2 ms, starts the hold. From its release on the kernel lets all packets pass by itself, as to a queue that is full and
fails open: on a busy host they would else wait for this program, and overtake each other once the rule is gone. When
the listening process dies, the kernel lets the packets pass. On the target, where the process has not arrived yet, it
drops them.
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
from ..host import commands, libc, processes

_NETLINK_NETFILTER = 12
_NFNL_SUBSYS_QUEUE = 3
_MSG_PACKET, _MSG_CONFIG, _MSG_VERDICT_BATCH = 0, 2, 3
_NLM_F_REQUEST, _NLM_F_ACK = 1, 4
_NLMSG_ERROR = 2
_CFG_CMD, _CFG_PARAMS, _CFG_QUEUE_MAXLEN, _CFG_MASK, _CFG_FLAGS = 1, 2, 3, 4, 5
_FAIL_OPEN = struct.pack(">I", 1)
_COMMAND_BIND, _COMMAND_UNBIND = 1, 2
_COPY_META, _COPY_PACKET = 1, 2
_NFQA_PACKET_HDR, _NFQA_VERDICT_HDR, _NFQA_PAYLOAD = 1, 2, 10
_IP_PROTOCOL, _UDP = 9, b"\x11"
"""Offset of the protocol number in an IPv4 header (RFC 791), and the number of UDP."""
_ACCEPT = 1
_MAX_PACKETS = 16384
_SEQUENCE, _LAST_READ = 1, 2
"""Of our messages; the kernel's answer to the second one comes after all that it had to say before."""
_READ_TIMEOUT_S = 5.0
_ALL_AFTER = 1 << 30
"""Added to the last known packet number to mean "all"; the kernel compares signed distances (nfq_id_after)."""
_SO_RCVBUFFORCE = 33
_LOCAL = "OUTPUT -o lo -p tcp"

_SOCKET_BUFFER = 212_992
"""Bytes that one UDP socket queues before the kernel drops datagrams (net.core.rmem_default)."""
RELEASE_BATCH = 32
"""32 full-size frames use at most half of rmem_default: the rest is for data that was read, but is still charged."""
_READ_EVERY_S = 0.001
_GENTLE_S = 2.0
READER_IDLE_S = 0.25
"""A program that has not read a socket for this long may never read it; the others do not wait for it."""


class PacketHold:
    """Packets to and from a network namespace through given interfaces. This class keeps no copies of them.

    Args:
        pid: a process in the namespace.
        interfaces: names inside it.
        owner: the migration's id, written into the rules so that they can be found after a crash.
        bypass: whether packets pass while nobody listens. False where the process has not arrived yet: the kernel
            would answer such packets by resetting its connections.
    """

    _copied = (0, _COPY_META)
    """How many bytes of each packet the kernel copies to us, and its copy mode."""
    _holds_local = False
    """Whether it also holds TCP between the programs of the namespace themselves, of IPv4 and IPv6."""

    def __init__(self, pid: int, interfaces: list[str], owner: str, bypass: bool = True) -> None:
        self._pid = pid
        self._interfaces = interfaces
        self._owner = owner
        self._bypass = ["--queue-bypass"] if bypass else []
        self._queue = secrets.randbelow(0xFFFE) + 1  # a fresh number: a queue that is being closed lets packets pass
        self._last = self._released = 0
        self._closed = False
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        self._all_read = threading.Event()
        self.held = 0
        with libc.network_namespace(pid):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._socket.bind((0, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)

    def install(self) -> None:
        """Install the rules. Nothing is held yet."""
        match = f"-m comment --comment {rule_comment(self._owner)}"
        target = " ".join([match, "-j NFQUEUE --queue-num", str(self._queue), *self._bypass])
        matches = [match for interface in self._interfaces for match in self._matches(interface)]
        if self._holds_local:
            matches.append(_LOCAL)
            if _has_ipv6(self._pid):
                _restore(self._pid, "ip6tables-restore", [f"-I {_LOCAL} {target}"])
        _restore(self._pid, "iptables-restore", [f"-I {match} {target}" for match in matches])

    def _matches(self, interface: str) -> list[str]:
        """Chains and the packets that are held in them."""
        return [f"PREROUTING -i {interface}", f"OUTPUT -o {interface}"]

    def start(self) -> None:
        """Start the hold and its reader."""
        self.bind()
        self.start_reader()

    def bind(self) -> None:
        """Start the hold; takes about 0.1 ms. Messages of the kernel are queued until :meth:`start_reader`."""
        # in one message: a queue that is bound, but has no parameters yet, drops packets
        self._configure(
            (_CFG_CMD, struct.pack(">BxH", _COMMAND_BIND, socket.AF_INET)),
            (_CFG_PARAMS, struct.pack(">IB", *self._copied)),
            (_CFG_QUEUE_MAXLEN, struct.pack(">I", _MAX_PACKETS)),
        )

    def start_reader(self) -> None:
        """Start the thread that reads the kernel's messages about held packets; takes 1 ms on a busy host."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _configure(self, *attributes: tuple[int, bytes]) -> None:
        self._socket.send(self._message(_MSG_CONFIG, *attributes, flags=_NLM_F_REQUEST | _NLM_F_ACK))
        while struct.unpack_from("<H", reply := self._socket.recv(1 << 16), 4)[0] != _NLMSG_ERROR:
            self._handle(reply)  # a packet that came before the answer
        error = struct.unpack_from("<i", reply, 16)[0]
        if error:
            raise MigrationError(
                f"Packets cannot be held: the netfilter queue failed with '{os.strerror(-error)}'. "
                "The kernel needs NFNETLINK_QUEUE and the xtables target NFQUEUE."
            )

    def _message(
        self, kind: int, *attributes: tuple[int, bytes], flags: int = _NLM_F_REQUEST, sequence: int = _SEQUENCE
    ) -> bytes:
        body = struct.pack(">BBH", 0, 0, self._queue)
        for attribute, value in attributes:
            body += struct.pack("<HH", 4 + len(value), attribute) + value + b"\0" * (-len(value) % 4)
        return struct.pack("<IHHII", 16 + len(body), _NFNL_SUBSYS_QUEUE << 8 | kind, flags, sequence, 0) + body

    def _read(self) -> None:
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    continue  # messages were dropped; the number in the next one includes their packets
                return
            if not data or self._closed:
                return
            self._handle(data)
            if struct.unpack_from("<HHI", data, 4)[::2] == (_NLMSG_ERROR, _LAST_READ):
                self._all_read.set()

    def _handle(self, data: bytes) -> None:
        with self._lock:
            self._record(data)
            for number in packet_numbers(data):
                self._last = number
                self.held += 1

    def _record(self, data: bytes) -> None:
        """Handle the kernel's messages about held packets; here nothing is kept."""

    def _verdict(self, last: int) -> bytes:
        """The message by which the kernel accepts all packets up to this number."""
        return self._message(_MSG_VERDICT_BATCH, (_NFQA_VERDICT_HDR, struct.pack(">II", _ACCEPT, last & 0xFFFFFFFF)))

    def release_some(self, count: int) -> bool:
        """Release the oldest ``count`` of the held packets; returns whether there are more."""
        with self._lock:
            self._released = min(self._released + count, self._last)
            if self._released:
                self._socket.send(self._verdict(self._released))
            return self._released < self._last

    def release_paced(self) -> None:
        """Release them as fast as the programs read them: all at once would overflow a UDP socket."""
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
        """Release all held packets, in order, and have the kernel let new ones pass.

        The kernel handles the four messages in one call: a packet that comes in between waits for microseconds. With
        the flag and the length in one message, one that comes between the two would be dropped.
        """
        everything = self._verdict(self._last + _ALL_AFTER)
        fail_open = self._message(_MSG_CONFIG, (_CFG_MASK, _FAIL_OPEN), (_CFG_FLAGS, _FAIL_OPEN))
        no_room = self._message(_MSG_CONFIG, (_CFG_QUEUE_MAXLEN, bytes(4)))
        self._socket.send(everything + fail_open + no_room + everything)

    def remove(self) -> None:
        """Release held packets, remove the rules and close the queue."""
        self.release()
        remove_rules(self._pid, self._owner)
        self._socket.send(self._verdict(self._last + _ALL_AFTER))  # closing would drop what a rule still queued
        self._close()

    def discard(self) -> None:
        """Close the queue and drop what it holds: for the source after the commit, where no process is left.

        The rules stay without a listener; they disappear with the container's namespace.
        """
        self._close()

    def _close(self) -> None:
        self._closed = True
        if self._reader is not None:
            with contextlib.suppress(OSError):  # its answer also wakes the reader, which keeps the socket open
                command = struct.pack(">BxH", _COMMAND_UNBIND, socket.AF_INET)
                self._socket.send(self._message(_MSG_CONFIG, (_CFG_CMD, command), flags=_NLM_F_REQUEST | _NLM_F_ACK))
                self._reader.join(1)
        self._socket.close()


class OutgoingHold(PacketHold):
    """Holds what is sent from here.

    The kernel still sends for a frozen process, for example a delayed acknowledgement. A switch that sees such a frame
    after the address has moved would forward frames for the address to this host again. Between two sockets that are
    both here, what one has sent must not arrive after the other was dumped.
    """

    _holds_local = True

    def _matches(self, interface: str) -> list[str]:
        return [f"OUTPUT -o {interface}"]


class TargetHold(PacketHold):
    """Holds what arrives before the process does, and what its kernel would send.

    CRIU sends again what a socket had not sent (soccr/soccr.c, "not-sent send queue"): to a socket of the same
    container that CRIU has not made yet, which the kernel would answer with a reset.
    """

    _holds_local = True


class InboundHold(PacketHold):
    """Holds what arrives, and keeps copies of the datagrams: they were on their way when the address moved."""

    _copied = (0xFFFF, _COPY_PACKET)

    def __init__(self, pid: int, interfaces: list[str], owner: str) -> None:
        super().__init__(pid, interfaces, owner)
        self._packets = bytearray()

    def _matches(self, interface: str) -> list[str]:
        return [f"PREROUTING -i {interface}"]

    def copies(self) -> bytes:
        """Of all that has arrived until now, one after the other, as IPv4 packets.

        To be called between :meth:`start_reader` and :meth:`release`.

        Raises:
            MigrationError: the reader does not come to an end.
        """
        self._all_read.clear()
        last = struct.pack(">I", _MAX_PACKETS)  # changes nothing, and is answered
        self._socket.send(
            self._message(
                _MSG_CONFIG, (_CFG_QUEUE_MAXLEN, last), flags=_NLM_F_REQUEST | _NLM_F_ACK, sequence=_LAST_READ
            )
        )
        if not self._all_read.wait(_READ_TIMEOUT_S):
            raise MigrationError("The packets that arrived during the freeze could not be read in time; try again.")
        with self._lock:
            return bytes(self._packets)

    def _record(self, data: bytes) -> None:
        self._packets += b"".join(packet for packet in packet_contents(data) if self._is_kept(packet))

    def _is_kept(self, packet: bytes) -> bool:
        """Only UDP: TCP and SCTP repeat what is lost."""
        return packet[_IP_PROTOCOL : _IP_PROTOCOL + 1] == _UDP


class SynHold(InboundHold):
    """Holds the first packet of each connection that a client opens, and keeps a copy of it.

    Install it after the :class:`InboundHold`: its rule comes first then, so that these packets do not reach that one.
    """

    def _matches(self, interface: str) -> list[str]:
        return [f"PREROUTING -i {interface} -p tcp --syn"]

    def _is_kept(self, packet: bytes) -> bool:
        return True


def unread_bytes(pid: int) -> int:
    """Bytes queued in the fullest UDP socket of a namespace (proc_net(5)); 0 if the namespace is gone."""
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
    """Attributes of each message about a packet; stops at a truncated one."""
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


def _has_ipv6(pid: int) -> bool:
    """Whether the namespace has an IPv6 address, if only that of its loopback link."""
    return bool(processes.lines(f"/proc/{pid}/net/if_inet6"))


def _restore(pid: int, program: str, rules: list[str]) -> None:
    commands.run(_in_namespace(pid, program, "--noflush", "--wait"), "\n".join(["*raw", *rules, "COMMIT\n"]))


def drop_sent(pid: int, addresses: list[str], owner: str) -> None:
    """Drop all that a namespace sends from these addresses, by whatever link; :func:`remove_rules` ends it."""
    for program, is_ipv6 in (("iptables-restore", False), ("ip6tables-restore", True)):
        chosen = [address for address in addresses if (":" in address) == is_ipv6]
        if chosen:
            comment = f"-m comment --comment {rule_comment(owner)}"
            _restore(pid, program, [f"-I OUTPUT -s {address} {comment} -j DROP" for address in chosen])


def remove_rules(pid: int, owner: str) -> None:
    """Remove a migration's rules from a namespace, also after a crash; idempotent."""
    for family in ("ip", "ip6") if _has_ipv6(pid) else ("ip",):
        _remove_rules(pid, owner, family)


def _remove_rules(pid: int, owner: str, family: str) -> None:
    saved = commands.run(_in_namespace(pid, f"{family}tables-save", "--table", "raw"))
    marks = (f"--comment {rule_comment(owner)} ", f'--comment "{rule_comment(owner)}" ')
    rules = [line for line in saved.splitlines() if line.startswith("-A") and any(mark in line for mark in marks)]
    if rules:
        _restore(pid, f"{family}tables-restore", ["-D" + rule[2:] for rule in rules])
