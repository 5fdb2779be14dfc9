# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that measure a network from a container's network namespace: ICMP echo (RFC 792) and raw Ethernet frames."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import math
import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.host import libc

ETHERTYPE = 0x88B5
"""IEEE 802, local experimental EtherType 1: no protocol of anybody else."""
ICMP_HEADER = 8
IP_HEADER = 20
_ECHO, _ECHO_REPLY = 8, 0
_WARM_UP = 100
"""Packets that are not counted: neighbour tables and caches are filled by them."""
_MIN_FRAME = 60


@contextlib.contextmanager
def network_of(pid: int | None) -> Iterator[None]:
    """Be in the network namespace of a process; None: stay in that of the host."""
    if pid is None:
        yield
        return
    with open("/proc/self/ns/net", "rb") as own, open(f"/proc/{pid}/ns/net", "rb") as theirs:
        libc.setns(theirs.fileno(), libc.CLONE_NEWNET)
        try:
            yield
        finally:
            libc.setns(own.fileno(), libc.CLONE_NEWNET)


def checksum(data: bytes) -> int:
    """Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(identifier: int, sequence: int, size: int) -> bytes:
    """An ICMP message of ``size`` bytes."""
    header = struct.pack("!BBHHH", _ECHO, 0, 0, identifier, sequence)
    body = bytes(max(0, size - ICMP_HEADER) // 2 * 2)
    return struct.pack("!BBHHH", _ECHO, 0, checksum(header + body), identifier, sequence) + body


def is_reply(packet: bytes, identifier: int, sequence: int) -> bool:
    """Whether an IP packet is the answer to an echo request."""
    start = (packet[0] & 0xF) * 4
    if len(packet) < start + ICMP_HEADER:
        return False
    kind, _code, _sum, theirs, number = struct.unpack_from("!BBHHH", packet, start)
    return (kind, theirs, number) == (_ECHO_REPLY, identifier, sequence)


@dataclasses.dataclass(frozen=True)
class RoundTrips:
    """Round-trip times of one packet size.

    Attributes:
        size: bytes of the IP packet.
        packets: how many were sent.
        lost: how many had no answer within the time limit.
        median_us: microseconds, as are the others; None where no packet was answered.
    """

    size: int
    packets: int
    lost: int
    median_us: float | None
    p99_us: float | None
    min_us: float | None

    @classmethod
    def of(cls, size: int, packets: int, durations_ns: Sequence[int]) -> RoundTrips:
        ordered = sorted(durations_ns)
        values = [percentile(ordered, share) for share in (0.5, 0.99, 0)]
        return cls(size, packets, packets - len(ordered), *values)

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def percentile(ordered: Sequence[int], share: float) -> float | None:
    """Microseconds, by the nearest rank, of nanoseconds in ascending order."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)] / 1000, 1)


class Pinger:
    """ICMP echo from the network namespace that the process is in."""

    def __init__(self, address: str, timeout_s: float = 1) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._identifier = os.getpid() & 0xFFFF

    def reaches(self, tries: int = 3) -> bool:
        """Whether the address answers at least once."""
        try:
            with self._socket() as link:
                return any(self._round_trip(link, number, 64) is not None for number in range(tries))
        except OSError:  # no route to it, or refused by a rule
            return False

    def measure(self, size: int, packets: int) -> RoundTrips:
        """Send one packet after another, each when the one before was answered."""
        with self._socket() as link:
            for number in range(_WARM_UP):
                self._round_trip(link, number, size)
            durations = []
            for number in range(packets):
                duration = self._round_trip(link, (_WARM_UP + number) & 0xFFFF, size)
                if duration is not None:
                    durations.append(duration)
        return RoundTrips.of(size, packets, durations)

    @contextlib.contextmanager
    def _socket(self) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as link:
            link.settimeout(self._timeout_s)
            link.connect((self._address, 0))
            yield link

    def _round_trip(self, link: socket.socket, sequence: int, size: int) -> int | None:
        """Nanoseconds; None without an answer in time."""
        request = echo_request(self._identifier, sequence, size - IP_HEADER)
        start = time.perf_counter_ns()
        try:
            link.send(request)
            while True:
                answer = link.recv(65535)
                duration = time.perf_counter_ns() - start
                if is_reply(answer, self._identifier, sequence):
                    return duration
                if duration > self._timeout_s * 1e9:
                    return None
        except socket.timeout:
            return None


def send_frames(interface: str, destination: str, text: str, frames: int = 5) -> bool:
    """Send Ethernet frames of ETHERTYPE with a text to a MAC address.

    Returns:
        False: the kernel drops them, as ipvlan in mode l3 does with all that is not IP (drivers/net/ipvlan).
    """
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE)) as link:
        link.bind((interface, 0))
        own = link.getsockname()[4]
        header = bytes.fromhex(destination.replace(":", "")) + own + struct.pack("!H", ETHERTYPE)
        frame = (header + text.encode()).ljust(_MIN_FRAME, b"\0")
        try:
            for _number in range(frames):
                link.send(frame)
        except OSError as error:
            if error.errno == errno.ENOBUFS:  # NET_XMIT_DROP
                return False
            raise
    return True


FRAME_LISTENER = f"""
import socket
seen = open("/probe/seen", "a", buffering=1)
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons({ETHERTYPE}))
print("ready", file=seen)
while True:
    print(link.recv(2048)[14:].rstrip(bytes(1)).decode("ascii", "replace"), file=seen)
"""
"""Program of a container that writes the text of each frame of ETHERTYPE that it receives to a file."""
IDLE = "import signal; signal.pause()"
"""Program of a container that does nothing."""
