# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pager's wire protocol (src/pager/wire.h): a pager with sanitizers, and frames that no pager would send.

An input is what one connection carries. The pager must close it or take it, tell its agent, and take the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

SOURCES = Path(__file__).parents[2] / "collections/ansible_collections/organic/live_migration/src"
CFLAGS = ("-std=gnu11", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-pthread")
SANITIZER = {"ASAN_OPTIONS": "exitcode=99:detect_leaks=0:allocator_may_return_null=1", "UBSAN_OPTIONS": "exitcode=99"}
STALL_TIMEOUT_S = 20
RENEW_EVERY = 1000
"""Inputs that one target's pager takes: it keeps what it was given."""
_FRAME = struct.Struct("<IIQQQ")
_PAGE = 4096
_LONGEST = 256 * _PAGE
KINDS = range(1, 13)
PAGES, COMPRESSED, ZERO, EXTENTS, PRESENT, STALE, BARRIER, BARRIER_DONE, REQUEST, RECEIVED, WIPED, SHARED = KINDS
_SHARED_MEMORY = 1 << 31
"""In place of a PID, with the number of shared memory."""


def raw_frame(
    kind: int, process: int, address: int, length: int, payload: bytes = b"", size: int | None = None
) -> bytes:
    """A frame and its payload, whose size may be another than is said."""
    return _FRAME.pack(kind, process, address, length, len(payload) if size is None else size) + payload


def build(directory: Path) -> Path:
    """The pager as it is, but with AddressSanitizer and UndefinedBehaviorSanitizer."""
    program = directory / "pager"
    sources = [*sorted((SOURCES / "pager").glob("*.c"))]
    subprocess.run(["gcc", *CFLAGS, "-o", str(program), *map(str, sources), "-lzstd"], check=True)
    return program


class Broken(AssertionError):
    """The pager died, or does not answer any more."""


class Pager:
    """A running pager, its agent's end of the control socket, and one connection.

    Args:
        program: see :func:`build`.
        role: ``target``, or ``source`` with a stopped process whose memory it has hidden and keeps.

    Attributes:
        process, base: what it knows: a process, and an address with pages.
    """

    def __init__(self, program: Path, role: str) -> None:
        self._role = role
        self._directory = Path(tempfile.mkdtemp(prefix="organic-fuzz-"))
        self._control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._peer, connection = socket.socketpair()
        self._log = (self._directory / "log").open("w+b")
        self.process, self.base = Frames.process, Frames.base
        images = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        hints = os.memfd_create("hints")
        os.truncate(hints, 1 << 20)
        # what the source moves; to the target, the container's init
        self._other = subprocess.Popen(["sleep", "infinity"])
        init = os.pidfd_open(self._other.pid)
        arguments = ["target", str(images), str(init), "-1"]
        if role == "source":
            os.kill(self._other.pid, signal.SIGSTOP)
            arguments = ["source", str(self._other.pid), str(hints)]
        self._process = subprocess.Popen(
            [str(program), *arguments, str(connection.fileno())],
            stdin=control, stdout=subprocess.DEVNULL, stderr=self._log,
            pass_fds=[images, hints, init, connection.fileno()], env={**os.environ, **SANITIZER},
        )  # fmt: skip
        for descriptor in (images, hints, init):
            os.close(descriptor)
        control.close()
        connection.close()
        if role == "target":
            self._hear("ready")
        else:
            self._order("final_bitmap")
            self._answer_barrier()
            self._hear("lists")

    def _answer_barrier(self) -> None:
        """As the target does, when it has read the lists."""
        while True:
            kind, process, number, _length, size = _FRAME.unpack(self._read(_FRAME.size))
            payload = self._read(size)
            if kind == PRESENT and payload:
                self.process, self.base = process, struct.unpack_from("<Q", payload)[0]
            if kind == BARRIER:
                self._peer.sendall(_FRAME.pack(BARRIER_DONE, 0, number, 0, 0))
                return

    def _read(self, size: int) -> bytes:
        self._peer.settimeout(STALL_TIMEOUT_S)
        data = self._peer.recv(size, socket.MSG_WAITALL) if size else b""
        if len(data) < size:
            raise Broken(f"the pager closed its connection; {self._said()}")
        return data

    def _order(self, text: str, *descriptors: int) -> None:
        if descriptors:
            socket.send_fds(self._control, [text.encode()], list(descriptors))
        else:
            self._control.send(text.encode())

    def _hear(self, what: str) -> dict[str, Any]:
        """The next packet that names this event, or what was done; the others are passed over."""
        deadline = time.monotonic() + STALL_TIMEOUT_S
        while True:
            if not select.select([self._control], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise Broken(f"the pager does not say '{what}'; {self._said()}")
            packet = self._control.recv(4096)
            if not packet:
                raise Broken(f"the pager ended; {self._said()}")
            told: dict[str, Any] = json.loads(packet)
            if what in (told.get("event"), str(told.get("done", "")).split(" ")[0]):
                return told

    def _said(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._log.seek(0)
        return f"status {self._process.returncode}: {self._log.read().decode(errors='replace')[-3000:]}"

    def take(self, data: bytes) -> None:
        """One connection's bytes; then it ends. A target is given another one; a source is of no use any more."""
        self._peer.setblocking(False)
        deadline = time.monotonic() + STALL_TIMEOUT_S
        rest = memoryview(data)
        while True:
            if not rest:
                with contextlib.suppress(OSError):
                    self._peer.shutdown(socket.SHUT_WR)
            readable, writable, _ = select.select([self._peer], [self._peer] if rest else [], [], STALL_TIMEOUT_S)
            try:
                if readable and not self._peer.recv(1 << 20):
                    break
                if writable:
                    rest = rest[self._peer.send(rest) :]
            except BlockingIOError:
                continue
            except OSError:  # it has closed the connection, as it may
                break
            if time.monotonic() > deadline:
                raise Broken(f"the connection does not end; {self._said()}")
        self._hear("connection_lost")
        if self._role == "source":
            return
        self._peer.close()
        self._peer, connection = socket.socketpair()
        self._order("reconnect", connection.fileno())
        connection.close()
        self._peer.setblocking(False)
        deadline = time.monotonic() + STALL_TIMEOUT_S
        while not select.select([self._control], [], [], 0)[0]:  # it tells at once what it has
            if select.select([self._peer, self._control], [], [], 0.1)[0]:
                with contextlib.suppress(BlockingIOError):
                    self._peer.recv(1 << 20)
            if time.monotonic() > deadline:
                raise Broken(f"the pager does not reconnect; {self._said()}")
        self._hear("reconnect")

    def close(self) -> None:
        for process in (self._process, self._other):
            process.kill()
            process.wait()
        self._peer.close()
        self._control.close()
        self._log.close()
        shutil.rmtree(self._directory)


@contextlib.contextmanager
def pager(program: Path, role: str) -> Iterator[Pager]:
    made = Pager(program, role)
    try:
        yield made
    finally:
        made.close()


def fuzz(program: Path, role: str, inputs: int, seed: int) -> Iterator[int]:
    """Gives a pager inputs that follow from the seed; yields each one's number before it is taken."""
    with contextlib.ExitStack() as stack:
        running: Pager | None = None
        for number in range(seed, seed + inputs):
            if running is None or role == "source" or number % RENEW_EVERY == 0:
                stack.close()
                running = stack.enter_context(pager(program, role))
            yield number
            running.take(Frames(Random(number), running.process, running.base).stream())


@dataclass(frozen=True)
class Frames:
    """Makes what goes over a connection, out of chance.

    Args:
        random: the same state makes the same bytes.
        process, base: a process, and an address in it, that the pager knows, or will by these frames.
    """

    random: Random
    process: int = 1
    base: int = 0x7F0000000000

    def stream(self) -> bytes:
        """What one connection carries: some frames, now and then with a few bytes changed, or cut short."""
        random = self.random
        data = bytearray(b"".join(self.frame() for _frame in range(random.randrange(1, 12))))
        if random.random() < 0.2:
            for _change in range(random.randrange(1, 4)):
                data[random.randrange(min(len(data), 512))] = random.getrandbits(8)
        if random.random() < 0.2:
            del data[random.randrange(len(data)) :]
        return bytes(data)

    def frame(self) -> bytes:
        """One frame; mostly such as a pager sends."""
        random = self.random
        kind = random.choice(KINDS)
        process = random.choice((*(self.process,) * 4, 2, 0, random.getrandbits(32)))
        address, length, payload = self._address(), 0, b""
        if kind in (PAGES, COMPRESSED):
            length = self._length()
            room = min(length, random.choice((8 * _PAGE, _LONGEST)))
            payload = random.randbytes(room) if random.random() < 0.2 else bytes(room)
            length = room if random.random() < 0.9 else length
        elif kind in (ZERO, REQUEST):
            length = self._length()
        elif kind in (EXTENTS, PRESENT, STALE, RECEIVED, WIPED):
            payload = self._ranges()
        elif kind == SHARED:
            length, payload = self._length() + random.randrange(3), b"\0name"
        if random.random() < (0.9 if kind == SHARED else 0.2):
            process = _SHARED_MEMORY | random.choice((0, 1, 1023, 1024))
            address = random.choice((7, 8)) if kind == SHARED else random.randrange(64) * _PAGE
        size = len(payload) if random.random() < 0.97 else random.choice((0, 1, _LONGEST + 16, random.getrandbits(64)))
        if random.random() < 0.02:
            kind = random.getrandbits(random.choice((4, 32)))
        return raw_frame(kind, process, address, length, payload, size)

    def _address(self) -> int:
        """A page that others name as well; seldom any number, or one at an end."""
        pick = self.random.random()
        if pick < 0.9:
            return self.base + self.random.randrange(2048) * _PAGE
        if pick < 0.95:
            return self.random.choice((0, _PAGE, (1 << 47) - _PAGE, (1 << 64) - _PAGE, (1 << 64) - 1, 1 << 63))
        return self.random.getrandbits(64)

    def _length(self) -> int:
        if self.random.random() < 0.9:
            return self.random.randrange(1, 32) * _PAGE
        some = (0, 1, _LONGEST, _LONGEST + _PAGE, 1 << 31, 1 << 47, (1 << 64) - _PAGE, self.random.getrandbits(64))
        return self.random.choice(some)

    def _ranges(self) -> bytes:
        random, pairs, at = self.random, [], self.base
        for _range in range(random.choice((0, 1, 2, 5, 300))):
            start = at + random.randrange(8) * _PAGE
            at = start + random.randrange(1, 16) * _PAGE
            pairs.append((start, at))
        if pairs and random.random() < 0.2:
            pairs[random.randrange(len(pairs))] = (self._address(), self._address())
        return b"".join(struct.pack("<QQ", *pair) for pair in pairs)
