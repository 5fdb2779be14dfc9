# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mirror's wire protocol (src/mirror/wire.h): a target's mirror with sanitizers, and what no source would send.

An input is what one stream carries. The mirror must give the attempt up or go on, answer its agent, and end without an
error. It runs in a network namespace of its own, whose kernel gets the packets and answers them.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.host import libc

from .pager import CFLAGS, SANITIZER, SOURCES, STALL_TIMEOUT_S, Broken

_FRAME = struct.Struct("<IHHQQ")
MARK, INPUT, OUTPUT, LATE, VOID, REST = range(1, 7)
OWN, PEER = "192.0.2.50", "192.0.2.2"
OWN6, PEER6 = "2001:db8::50", "2001:db8::2"
_NETLINK_NETFILTER = 12
_TCP, _UDP, _SCTP, _ICMP = 6, 17, 132, 1
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_SENT = 0xFFFFF000
"""Position of the known connection: its sequence numbers run over the end of 32 bits."""
_LONGEST = 70_000
_HANDLED_WITHIN_S = 0.03
"""Inputs may wait for answers that never come."""


def build(directory: Path) -> Path:
    """The mirror as it is, but with AddressSanitizer and UndefinedBehaviorSanitizer."""
    program = directory / "mirror"
    subprocess.run(
        ["gcc", *CFLAGS, "-o", str(program), *map(str, sorted((SOURCES / "mirror").glob("*.c")))], check=True
    )
    return program


class Namespace:
    """A network namespace with the addresses, and the clone, which sends each datagram back."""

    def __init__(self) -> None:
        program = (
            "import socket\n"
            "one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\n"
            "one.bind(('::', 9000))\n"
            "print('ready', flush=True)\n"
            "while True:\n"
            "    one.sendto(*one.recvfrom(65536))\n"
        )
        self._process = subprocess.Popen(
            ["unshare", "--net", sys.executable, "-ISc", program], stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None and self._process.stdout.readline() == "ready\n"
        commands = ["link add eth0 type veth peer name peer0", "link set eth0 up", "link set peer0 up"]
        for own, peer, length in ((OWN, PEER, 24), (OWN6, PEER6, 64)):
            commands += [f"address add {own}/{length} dev eth0 {'nodad' if ':' in own else ''}"]
            commands += [f"neigh replace {peer} lladdr 02:00:00:00:00:02 dev eth0 nud permanent"]
        for command in commands:
            subprocess.run(["nsenter", "--target", str(self.pid), "--net", "ip", *command.split()], check=True)
        rule = "-A OUTPUT ! -o lo -j NFQUEUE --queue-num 2"
        for tool in ("iptables", "ip6tables"):
            command = ["nsenter", "--target", str(self.pid), "--net", tool, "-t", "raw", *rule.split()]
            subprocess.run(command, check=True)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Mirror:
    """A target's mirror for one stream."""

    def __init__(self, program: Path, namespace: Namespace) -> None:
        self._control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._peer, stream = socket.socketpair()
        self._log = os.memfd_create("log")
        net = os.open(f"/proc/{namespace.pid}/ns/net", os.O_RDONLY)
        with libc.network_namespace(namespace.pid):
            queues = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        given = [net, queues.fileno(), stream.fileno()]
        self._process = subprocess.Popen(
            [str(program), "target", *map(str, given), "1", OWN],
            stdin=control, stdout=subprocess.DEVNULL, stderr=self._log, pass_fds=given,
            env={**os.environ, **SANITIZER},
        )  # fmt: skip
        os.close(net)
        for one in (control, stream, queues):
            one.close()
        self._hear("ready")
        self._order(f"position {OWN} 9000 {PEER} 1024 {_SENT} {_SENT}")
        self._order(f"go {namespace.pid}")

    def _order(self, text: str) -> dict[str, Any]:
        with contextlib.suppress(OSError):
            self._control.send(text.encode())
        return self._hear(text.split(" ")[0])

    def _hear(self, what: str) -> dict[str, Any]:
        while True:
            if not select.select([self._control], [], [], STALL_TIMEOUT_S)[0]:
                raise Broken(f"the mirror does not say '{what}'; {self._said()}")
            packet = b""
            with contextlib.suppress(ConnectionResetError):
                packet = self._control.recv(1 << 16)
            if not packet:
                raise Broken(f"the mirror ended; {self._said()}")
            answer: dict[str, Any] = json.loads(packet)
            if what in (answer.get("event"), answer.get("done")):
                return answer

    def _said(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        log = os.pread(self._log, 1 << 20, 0).decode(errors="replace")
        return f"status {self._process.returncode}: {log[-3000:]}"

    def take(self, data: bytes) -> dict[str, Any]:
        """What the stream carries; returns the mirror's state after it."""
        self._peer.settimeout(STALL_TIMEOUT_S)
        with contextlib.suppress(OSError):  # it has given up
            self._peer.sendall(data)
            deadline = time.monotonic() + _HANDLED_WITHIN_S
            while not (state := self._order("state"))["void"] and time.monotonic() < deadline:
                if state["inputs"] and not state["lag_ms"]:
                    break  # all was handled
            self._peer.shutdown(socket.SHUT_WR)
        while not (state := self._order("state"))["void"]:  # at the latest for the end of the stream
            pass
        self._control.close()
        if self._process.wait(STALL_TIMEOUT_S) != 0:
            raise Broken(f"the mirror failed; {self._said()}")
        return state

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._control.close()
        self._peer.close()
        os.close(self._log)


def fuzz(program: Path, inputs: int, seed: int) -> Iterator[int]:
    """Gives mirrors inputs that follow from the seed; yields each one's number before it is taken."""
    namespace = Namespace()
    try:
        for number in range(seed, seed + inputs):
            yield number
            mirror = Mirror(program, namespace)
            try:
                mirror.take(Frames(Random(number)).stream())
            finally:
                mirror.close()
    finally:
        namespace.close()


def raw_frame(
    kind: int, inputs: int, outputs: int, packet: bytes = b"", flags: int = 0, size: int | None = None
) -> bytes:
    """A frame, whose size may be another than it says."""
    return _FRAME.pack(len(packet) if size is None else size, kind, flags, inputs, outputs) + packet


def ip_packet(
    protocol: int, body: bytes, is_input: bool, version: int = 4, offset: int = 0, total: int | None = None
) -> bytes:
    """An IPv4 or IPv6 packet without a checksum: the kernel drops it, if not before."""
    if version == 6:
        ends = [socket.inet_pton(socket.AF_INET6, text) for text in ((PEER6, OWN6) if is_input else (OWN6, PEER6))]
        length = len(body) if total is None else total
        return struct.pack(">IHBB", 6 << 28, length & 0xFFFF, protocol, 64) + b"".join(ends) + body
    ends = [socket.inet_aton(text) for text in ((PEER, OWN) if is_input else (OWN, PEER))]
    length = 20 + len(body) if total is None else total
    header = struct.pack(">BBHHHBBH", 0x45, 0, length & 0xFFFF, 1, offset, 64, protocol, 0) + b"".join(ends)
    check = sum(struct.unpack(">10H", header))
    check = (check & 0xFFFF) + (check >> 16)
    check = ~((check & 0xFFFF) + (check >> 16)) & 0xFFFF
    return header[:10] + struct.pack(">H", check) + header[12:] + body


def checksum6(body: bytes) -> int:
    """Of a UDP datagram over IPv6."""
    ends = b"".join(socket.inet_pton(socket.AF_INET6, text) for text in (OWN6, PEER6))
    data = ends + struct.pack(">II", len(body), _UDP) + body + b"\0" * (len(body) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF or 0xFFFF


@dataclass
class Frames:
    """Makes what goes over a stream, out of chance."""

    random: Random
    inputs: int = 0
    outputs: int = 0
    sent: dict[int, int] = field(default_factory=dict)

    def stream(self) -> bytes:
        """Some frames, mostly such as a mirror sends; now and then with a few bytes changed, or cut short."""
        random = self.random
        frames = [raw_frame(MARK, 0, 0)] if random.random() < 0.97 else []
        frames += [self.frame() for _frame in range(random.randrange(1, 40))]
        data = bytearray(b"".join(frames))
        if data and random.random() < 0.2:
            for _change in range(random.randrange(1, 4)):
                data[random.randrange(min(len(data), 2048))] = random.getrandbits(8)
        if data and random.random() < 0.2:
            del data[random.randrange(len(data)) :]
        return bytes(data)

    def frame(self) -> bytes:
        random = self.random
        if random.random() < 0.02:
            return raw_frame(
                random.choice((MARK, LATE, VOID, REST, REST, REST, 0, 7, random.getrandbits(16))),
                self.inputs,
                self.outputs,
            )
        if random.random() < 0.3:
            return self.echo()
        is_input = random.random() < 0.5
        return self.record(is_input, self.packet(is_input))

    def record(self, is_input: bool, packet: bytes) -> bytes:
        random = self.random
        self.inputs += is_input
        self.outputs += not is_input
        size = len(packet) if random.random() < 0.99 else random.choice((0, 1, _LONGEST, _LONGEST + 1, 1 << 31))
        lie = int(random.random() < 0.005)
        kind = INPUT if is_input else OUTPUT
        return raw_frame(kind, self.inputs + lie, self.outputs, packet, random.getrandbits(1), size)

    def echo(self) -> bytes:
        """A datagram and what the process and the clone answer; seldom the process does not."""
        random = self.random
        version, payload = random.choice((4, 6)), random.randbytes(random.choice((0, 1, 16, 1400)))
        frames = []
        for is_input in (True, False):
            ports = (1024, 9000) if is_input else (9000, 1024)
            if not is_input and random.random() < 0.05:
                payload = payload[:-1] + b"?"
            body = struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload
            if version == 6:  # UDP needs a checksum there (RFC 8200, 8.1)
                body = body[:6] + struct.pack(">H", checksum6(body)) + body[8:]
            frames.append(self.record(is_input, ip_packet(_UDP, body, is_input, version)))
        return b"".join(frames)

    def packet(self, is_input: bool) -> bytes:
        random = self.random
        version = random.choice((4, 4, 6))
        protocol = random.choice((_TCP, _TCP, _TCP, _TCP, _UDP, _SCTP))
        if is_input and random.random() < 0.1:
            protocol = random.choice((_ICMP, 58, 0, 43, 44, random.getrandbits(8)))
        peer_port = random.choice((1024, 1025))
        ports = (peer_port, 9000) if is_input else (9000, peer_port)
        payload = random.randbytes(66_000 if random.random() < 0.01 else random.choice((0, 1, 7, 16, 600, 1400)))
        body = struct.pack(">HH", *ports)
        if protocol == _TCP:
            body += self.segment(peer_port, is_input, len(payload)) + payload
        elif protocol == _UDP:
            body += struct.pack(">HH", 8 + len(payload) & 0xFFFF, 0) + payload
        else:
            body += payload
        if random.random() < 0.01:
            body = body[: random.randrange(len(body) + 1)]
        offset = random.choice((0x2000, 0x0010)) if is_input and random.random() < 0.03 else 0
        total = random.choice((0, 1, 19, 20, 0xFFFF)) if random.random() < 0.01 else None
        return ip_packet(protocol, body, is_input, version, offset, total)

    def segment(self, port: int, is_input: bool, bytes_: int) -> bytes:
        """The rest of a TCP header: mostly in order, on two connections of which one is known."""
        random = self.random
        flow = port * 2 + is_input
        seq = self.sent.get(flow, _SENT)
        flags = random.choice((_ACK, _ACK, _ACK, _ACK, _ACK | _FIN, _RST, _SYN, _SYN | _ACK, random.getrandbits(8)))
        if random.random() < 0.1:
            seq = random.choice((seq - 1, seq - 1000, seq + 1, seq + (1 << 31), random.getrandbits(32)))
        else:
            self.sent[flow] = seq + bytes_ + (flags & _FIN)
        ack = random.choice((_SENT, self.sent.get(port * 2 + (not is_input), _SENT), random.getrandbits(32)))
        header = random.choice((5, 5, 8, 15)) if random.random() < 0.98 else random.choice((4, 0))
        options = random.randbytes(max(0, header - 5) * 4)
        return struct.pack(">IIBBHHH", seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, header << 4, flags, 65535, 0, 0) + options
