# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for the packet mirror's tests: a client, the process and its clone, in network namespaces on one switch.

The process and the clone are two servers (mirror_server.py) with the same address. The clone's connections are made
like those that CRIU restores, by TCP_REPAIR (include/uapi/linux/tcp.h).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.network.mirror import SourceMirror, TargetMirror
from ansible_collections.organic.live_migration.plugins.module_utils.network.mirror_state import Position

SERVER = Path(__file__).with_name("mirror_server.py")
PORT = 9000
MAC = "02:00:00:00:00:50"
CLIENT_MAC = "02:00:00:00:00:02"
ADDRESSES = {socket.AF_INET: ("192.0.2.50", "192.0.2.2"), socket.AF_INET6: ("2001:db8::50", "2001:db8::2")}
OWNER = "0123456789abcdef"
LIMIT_S = 10.0
_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ, _TCP_REPAIR_OPTIONS, _TCP_REPAIR_WINDOW = 19, 20, 21, 22, 29
_RECEIVE_QUEUE, _SEND_QUEUE, _OFF_WITHOUT_PROBE = 1, 2, -1
_OPTION_MSS, _MSS = 2, 1400
_PACKET_OUTGOING = 4
_ETH_P_ALL = 3


def run(pid: int, *command: str) -> None:
    subprocess.run(["nsenter", "--target", str(pid), "--net", *command], check=True, capture_output=True)


@dataclass
class Client:
    """Requests on given sockets, in turn, each awaited; in a thread.

    Attributes:
        answers: by request.
        longest_s: time that a request waited for its answer.
    """

    ends: list[socket.socket]
    interval_s: float = 0.0
    answers: list[bytes] = field(default_factory=list)
    longest_s: float = 0.0
    failed: str = ""
    next_prefix: bytes = b""

    def start(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(LIMIT_S * 2)
        assert not self.failed

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            end = self.ends[number % len(self.ends)]
            prefix, self.next_prefix = self.next_prefix, b""
            count = f"{number:08d}".encode()
            request = prefix + count[len(prefix) :] + count
            began = time.monotonic()
            try:
                end.sendall(request)
                said = end.recv(16)
                while 0 < len(said) < 16:
                    said += end.recv(16 - len(said))
            except OSError as error:
                self.failed = f"request {number}: {error!r}"
                return
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            if said[:8] != request[:8]:
                self.failed = f"request {number}: {said!r}"
                return
            self.answers.append(said)
            number += 1
            self._stop.wait(self.interval_s)


class Hosts:
    """Namespaces ``client``, ``source`` and ``target``, each held by a process; and what runs in them."""

    def __init__(self, stack: contextlib.ExitStack, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.stack = stack
        self.family = family
        self.address, self.client_address = ADDRESSES[family]
        self.client, self.source, self.target = (self._namespace() for _ in range(3))
        run(self.client, "ip", "link", "add", "switch", "address", CLIENT_MAC, "type", "bridge")
        for pid, name in ((self.source, "source"), (self.target, "target")):
            if pid == self.target:  # as a container's link: nothing is announced
                run(pid, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=8")
            run(self.client, "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "address", MAC,
                "netns", str(pid))  # fmt: skip
            run(self.client, "ip", "link", "set", name, "master", "switch", "up")
        run(self.client, "sysctl", "-qw", "net.ipv4.tcp_timestamps=0", "net.ipv4.tcp_sack=0",
            "net.ipv4.tcp_window_scaling=0")  # fmt: skip
        self._link(self.client, "switch", self.client_address, self.address, MAC)

    def link_up(self) -> None:
        """The servers' links; the target's when nothing can leave it any more."""
        for pid in (self.source, self.target):
            self._link(pid, "eth0", self.address, self.client_address, CLIENT_MAC)

    def _link(self, pid: int, name: str, address: str, peer: str, peer_mac: str) -> None:
        length = "24" if self.family == socket.AF_INET else "64"
        options = [] if self.family == socket.AF_INET else ["nodad"]
        run(pid, "ip", "address", "add", f"{address}/{length}", "dev", name, *options)
        run(pid, "ip", "link", "set", name, "up")
        run(pid, "ip", "neigh", "replace", peer, "lladdr", peer_mac, "dev", name, "nud", "permanent")

    def _namespace(self) -> int:
        program = "import signal; print('ready', flush=True); signal.pause()"
        process = subprocess.Popen(
            ["unshare", "--net", sys.executable, "-ISc", program], stdout=subprocess.PIPE, text=True
        )
        self.stack.callback(self._end, process)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        return process.pid

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        process.kill()
        process.communicate()

    def open_socket(self, pid: int, kind: int) -> socket.socket:
        with libc.network_namespace(pid):
            made = self.stack.enter_context(socket.socket(self.family, kind))
        made.settimeout(LIMIT_S)
        return made

    def serve(self, pid: int, sockets: list[socket.socket], threads: int) -> subprocess.Popen[str]:
        """Start a server with these sockets, in the namespace of ``pid``."""
        given = [one.fileno() for one in sockets]
        process = subprocess.Popen(
            [
                "nsenter",
                "--target",
                str(pid),
                "--net",
                sys.executable,
                "-IS",
                str(SERVER),
                str(threads),
                *map(str, given),
            ],
            pass_fds=given,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.stack.callback(self._end, process)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        return process

    def connections(self, count: int) -> tuple[list[socket.socket], list[socket.socket], socket.socket]:
        """Connections from the client to the source: the client's ends, the source's, and the listening socket."""
        listener = self.open_socket(self.source, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, PORT))
        listener.listen()
        ends, accepted = [], []
        for _connection in range(count):
            end = self.open_socket(self.client, socket.SOCK_STREAM)
            end.connect((self.address, PORT))
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ends.append(end)
            accepted.append(self.stack.enter_context(listener.accept()[0]))
            accepted[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return ends, accepted, listener

    def datagram_sockets(self) -> tuple[socket.socket, socket.socket, socket.socket]:
        """The client's, the source's and the target's; the latter when its link is up."""
        servers = []
        for pid in (self.source, self.target):
            servers.append(self.open_socket(pid, socket.SOCK_DGRAM))
            servers[-1].bind((self.address, PORT))
        client = self.open_socket(self.client, socket.SOCK_DGRAM)
        client.connect((self.address, PORT))
        return client, servers[0], servers[1]

    def duplicate(self, one: socket.socket) -> tuple[socket.socket, Position]:
        """The clone's socket for a quiet connection of the source, and where it stands."""
        made = self.open_socket(self.target, socket.SOCK_STREAM)
        own, peer = one.getsockname(), one.getpeername()
        numbers = {}
        one.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
        made.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
        made.bind(own)
        for queue in (_SEND_QUEUE, _RECEIVE_QUEUE):
            one.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR_QUEUE, queue)
            made.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR_QUEUE, queue)
            numbers[queue] = one.getsockopt(socket.IPPROTO_TCP, _TCP_QUEUE_SEQ) & 0xFFFFFFFF
            made.setsockopt(socket.IPPROTO_TCP, _TCP_QUEUE_SEQ, struct.pack("I", numbers[queue]))
        made.connect(peer)
        made.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR_OPTIONS, struct.pack("II", _OPTION_MSS, _MSS))
        window = one.getsockopt(socket.IPPROTO_TCP, _TCP_REPAIR_WINDOW, 20)
        made.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR_WINDOW, window)
        for end in (one, made):
            end.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _OFF_WITHOUT_PROBE)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made, Position(
            own[0], own[1], peer[0], peer[1], numbers[_SEND_QUEUE], numbers[_RECEIVE_QUEUE]
        )  # fmt: skip


class Sniffer:
    """What comes from the source's and from the target's link, at the switch: the time of each IP frame."""

    def __init__(self, hosts: Hosts) -> None:
        self.times: dict[str, list[float]] = {"source": [], "target": []}
        self._stop = threading.Event()
        self._sockets = {}
        for name in self.times:
            with libc.network_namespace(hosts.client):
                one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
                one.bind((name, _ETH_P_ALL))
            one.settimeout(0.05)
            self._sockets[name] = hosts.stack.enter_context(one)
        self._threads = [threading.Thread(target=self._read, args=(name,), daemon=True) for name in self.times]
        hosts.stack.callback(self.stop)
        for thread in self._threads:
            thread.start()

    def _read(self, name: str) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                frame, address = self._sockets[name].recvfrom(2048)
                if address[2] != _PACKET_OUTGOING and frame[6:12] == bytes.fromhex(MAC.replace(":", "")):
                    self.times[name].append(time.monotonic())

    def stop(self) -> None:
        """Idempotent."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Repeater:
    """Sends each third TCP frame of the client once more, after those that came meanwhile: an old segment.

    Attributes:
        sent: how many.
    """

    def __init__(self, hosts: Hosts) -> None:
        self.sent = 0
        self._stop = threading.Event()
        with libc.network_namespace(hosts.client):
            self._wire = hosts.stack.enter_context(
                socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
            )
            self._wire.bind(("source", _ETH_P_ALL))
        self._wire.settimeout(0.05)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        hosts.stack.callback(self.stop)

    def _run(self) -> None:
        seen: list[bytes] = []
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                frame, address = self._wire.recvfrom(4096)
                if address[2] != _PACKET_OUTGOING or frame[23] != socket.IPPROTO_TCP:
                    continue
                seen.append(frame)
                if len(seen) == 4:
                    self._wire.send(seen[0])
                    self.sent += 1
                    seen = []

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@dataclass
class Pair:
    """Both mirrors, both servers, and the client between them."""

    hosts: Hosts
    source: SourceMirror
    target: TargetMirror
    process: subprocess.Popen[str]
    clone: subprocess.Popen[str]
    client: Client


def armed(
    hosts: Hosts,
    connections: int = 4,
    datagrams: bool = True,
    interval_s: float = 0.0,
    max_wait_ms: float = 1000,
    threads: int = 0,
    frozen_in: Path | None = None,
) -> Pair:
    """Bring the process and its clone in step: from here on both run."""
    ours, theirs = socket.socketpair()
    source, target = SourceMirror(hosts.source, OWNER, max_wait_ms), TargetMirror(hosts.target, OWNER)
    target.arm([hosts.address], theirs)
    hosts.stack.callback(target.discard)
    hosts.link_up()
    ends, accepted, listener = hosts.connections(connections)
    served, cloned = [listener, *accepted], [hosts.open_socket(hosts.target, socket.SOCK_STREAM)]
    cloned[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if datagrams:
        client_end, at_source, at_target = hosts.datagram_sockets()
        ends.append(client_end)
        served.append(at_source)
        cloned.append(at_target)
    process = hosts.serve(hosts.source, served, threads)
    source.arm([process.pid], [hosts.address], ours)
    hosts.stack.callback(source.release)
    ours.close()
    theirs.close()
    source.hold()
    assert source.await_quiet(LIMIT_S)
    source.mark()
    cloned[0].bind((hosts.address, PORT))
    cloned[0].listen()
    duplicates = [hosts.duplicate(one) for one in accepted]
    clone = hosts.serve(hosts.target, [*cloned, *(one for one, _position in duplicates)], threads)
    if frozen_in is not None:
        (frozen_in / "cgroup.procs").write_text(str(clone.pid))
        (frozen_in / "cgroup.freeze").write_text("1")
        wait_for(lambda: "frozen 1" in (frozen_in / "cgroup.events").read_text(), "the clone is frozen")
    target.go([clone.pid], [position for _one, position in duplicates])
    source.open_turnstile()
    for one in (*served, *cloned, *(one for one, _position in duplicates)):
        one.close()
    client = Client(ends, interval_s)
    return Pair(hosts, source, target, process, clone, client)


@contextlib.contextmanager
def hosts(family: socket.AddressFamily = socket.AF_INET) -> Iterator[Hosts]:
    with contextlib.ExitStack() as stack:
        yield Hosts(stack, family)


def wait_for(condition: object, what: str, limit_s: float = LIMIT_S) -> None:
    assert callable(condition)
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.001)
