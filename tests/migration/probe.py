# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NF of these tests: holds one of everything that must go along, and tells on request what has become of it.

Runs in the container, from Python's standard library alone. Every claim is checked from inside, against what the
program's own memory says.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import mmap
import os
import shutil
import signal
import socket
import stat
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

CONTROL_PORT, ECHO_PORT, PEER_PORT = 7001, 7002, 7003
DATA = Path("/data")
OWNER = (4711, 4712)
HARD_NAMES = [b"with space", b"new\nline", b"tab\there", b"-dash", b"back\\slash", b"quote'\"", "ünï".encode(),
              b"\xff\xfe", b"x" * 255]  # fmt: skip
OUTSIDE = "/run/organic-migration-outside"
"""An absolute link leads here: inside the container's root, never to the host's directory of this name."""
IMAGE_FILE_REMOVED = Path("/usr/bin/minicore")
IMAGE_FILE_CHANGED = Path("/etc/passwd")
IMAGE_DIRECTORY_REMOVED = Path("/opt/minicore/minicore")
IMAGE_DIRECTORY_REPLACED = next(Path("/opt/minicore").glob("*.dist-info"))
FAR_TIMER_S = 1.0


def content(seed: int, size: int = 10_000) -> bytes:
    return bytes((seed * 31 + index * 7) % 251 for index in range(size))


class Files:
    """Files written once; ``check`` says what is not as it was left."""

    def __init__(self) -> None:
        DATA.mkdir()
        DATA.chmod(0o711)
        (DATA / "new").write_bytes(content(1))
        (DATA / "empty").touch()
        (DATA / "a/b/c").mkdir(parents=True)
        (DATA / "a/b/c/deep").write_bytes(content(2))
        (DATA / "run.sh").write_bytes(b"#!/bin/true\n")
        (DATA / "run.sh").chmod(0o755)
        (DATA / "owned").write_bytes(content(3))
        os.chown(DATA / "owned", *OWNER)
        (DATA / "owned").chmod(0o4640)
        (DATA / "link").symlink_to("a/b/c/deep")
        Path(OUTSIDE).mkdir()
        (DATA / "absolute").symlink_to(OUTSIDE)
        (DATA / "absolute/inside").write_bytes(content(4))
        (DATA / "dangling").symlink_to("/nowhere/at/all")
        os.link(DATA / "new", DATA / "hard")
        os.mkfifo(DATA / "fifo", 0o620)
        for number, name in enumerate(HARD_NAMES):
            Path(os.fsdecode(bytes(DATA) + b"/" + name)).write_bytes(content(number, 10))
        IMAGE_FILE_REMOVED.unlink()
        IMAGE_FILE_CHANGED.write_bytes(IMAGE_FILE_CHANGED.read_bytes() + b"probe:x:4711:4712::/:/\n")
        shutil.rmtree(IMAGE_DIRECTORY_REMOVED)
        shutil.rmtree(IMAGE_DIRECTORY_REPLACED)
        IMAGE_DIRECTORY_REPLACED.mkdir()
        (IMAGE_DIRECTORY_REPLACED / "only").write_bytes(content(5))
        self._left = self._look()
        self._left_names = IMAGE_FILE_CHANGED.read_bytes()

    @staticmethod
    def _look() -> dict[str, Any]:
        """All of the directories, by name: kind, mode, owner, and content or where a link leads."""
        found: dict[str, Any] = {}
        for top in (DATA, Path(OUTSIDE), IMAGE_DIRECTORY_REPLACED, IMAGE_DIRECTORY_REPLACED.parent):
            for path in [top, *sorted(top.rglob("*"))]:
                status = path.lstat()
                what: object = None
                if stat.S_ISLNK(status.st_mode):
                    what = os.readlink(path)
                elif stat.S_ISREG(status.st_mode):
                    what = hash(path.read_bytes())  # of this process alone, as is the comparison
                found[repr(os.fsencode(path))] = [status.st_mode, status.st_uid, status.st_gid, what]
        return found

    def check(self) -> list[str]:
        now = self._look()
        faults = [f"{path}: {self._left.get(path)} became {now.get(path)}"
                  for path in self._left.keys() | now.keys() if self._left.get(path) != now.get(path)]  # fmt: skip
        if IMAGE_FILE_CHANGED.read_bytes() != self._left_names:
            faults.append(f"{IMAGE_FILE_CHANGED} is not as it was changed")
        faults += [f"{path} is there again" for path in (IMAGE_FILE_REMOVED, IMAGE_DIRECTORY_REMOVED) if path.exists()]
        if (DATA / "new").stat().st_ino != (DATA / "hard").stat().st_ino:
            faults.append("a hard link became a copy")
        return faults


class Log:
    """A file that grows all the time; at any moment it must hold exactly what this process wrote."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)
        self.lines = 0

    def write(self) -> None:
        self.lines += 1
        self._file.write(b"%09d\n" % self.lines)

    def check(self) -> list[str]:
        lines = self._path.read_bytes().split()
        expected = [b"%09d" % number for number in range(1, self.lines + 1)]
        return [] if lines == expected else [f"{self._path} has {len(lines)} lines of {self.lines}: {lines[-3:]}"]


class Replaced:
    """A file of constant size that is replaced all the time: by a rename, and another in place."""

    def __init__(self, directory: Path) -> None:
        self._renamed, self._rewritten = directory / "renamed", directory / "rewritten"
        self._number = 0
        self.write()

    def write(self) -> None:
        self._number += 1
        new = self._renamed.with_name("renamed.new")
        new.write_bytes(b"%09d" % self._number)
        new.rename(self._renamed)
        self._rewritten.write_bytes(b"%09d" % self._number)

    def check(self) -> list[str]:
        expected = b"%09d" % self._number
        return [f"{path} holds {path.read_bytes()!r}, not {expected!r}"
                for path in (self._renamed, self._rewritten) if path.read_bytes() != expected]  # fmt: skip


class Mapping:
    """A counter in a file that is mapped shared: its writes show in no time stamp."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_bytes(bytes(8192))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8192)
        self._count = 0

    def write(self) -> None:
        self._count += 1
        struct.pack_into("<Q", self._map, 4096, self._count)

    def check(self) -> list[str]:
        [mapped] = struct.unpack_from("<Q", self._map, 4096)
        [read] = struct.unpack_from("<Q", self._path.read_bytes(), 4096)
        return [] if mapped == read == self._count else [f"{self._path}: {mapped}, {read}, not {self._count}"]


class OpenFiles:
    """Descriptors: one in the middle of a file, one of a deleted file, one that holds a lock, a memfd."""

    def __init__(self) -> None:
        path = Path("/srv-offset")
        path.write_bytes(content(6))
        self._half_read: BinaryIO = path.open("rb", buffering=0)
        self._half_read.seek(5000)
        gone = Path("/srv-deleted")
        self._deleted = gone.open("w+b", buffering=0)
        self._deleted.write(content(7, 3 << 20))
        gone.unlink()
        self._locked = os.open("/srv-locked", os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._locked, fcntl.LOCK_EX)
        self._memory = os.fdopen(os.memfd_create("probe"), "w+b", buffering=0)
        self._memory.write(content(8))

    def check(self) -> list[str]:
        faults = []
        if self._half_read.tell() != 5000 or self._half_read.read(100) != content(6)[5000:5100]:
            faults.append("a half read file does not go on where it was")
        self._half_read.seek(5000)
        self._deleted.seek(0)
        if self._deleted.read() != content(7, 3 << 20):
            faults.append("a deleted file that is open lost its content")
        if Path("/srv-deleted").exists():
            faults.append("a deleted file is there again")
        with Path("/srv-locked").open("wb") as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                faults.append("a lock was lost")
            except BlockingIOError:
                pass
        self._memory.seek(0)
        if self._memory.read() != content(8):
            faults.append("a memfd lost its content")
        return faults


CLOCKS = {"monotonic": time.CLOCK_MONOTONIC, "boottime": time.CLOCK_BOOTTIME}


class Clock:
    """What this process's clocks do from one millisecond to the next."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._last = self._now()
        self.longest_ms = dict.fromkeys(CLOCKS, 0.0)
        self.shortest_ms = dict.fromkeys(CLOCKS, 0.0)

    def _now(self) -> dict[str, int]:
        return {name: time.clock_gettime_ns(number) for name, number in CLOCKS.items()}

    def look(self) -> None:
        now = self._now()
        for name, value in now.items():
            step_ms = (value - self._last[name]) / 1e6
            self.longest_ms[name] = max(self.longest_ms[name], step_ms)
            self.shortest_ms[name] = min(self.shortest_ms[name], step_ms)
        self._last = now

    def watch(self) -> None:
        while True:
            self.look()
            time.sleep(0.001)

    def report(self) -> dict[str, Any]:
        return {"longest_ms": self.longest_ms, "shortest_ms": self.shortest_ms}


class Timers:
    """Deadlines on the monotonic clock, by asyncio and by timerfd; at any time some lie ahead."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.fired = {"asyncio": 0, "timerfd": 0}
        self._timer = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK)
        loop.add_reader(self._timer, self._timerfd_fired)
        self.forget()
        self._set_timerfd()
        self._set_asyncio()

    def forget(self) -> None:
        self.latest_ms = self.earliest_ms = 0.0

    def _note(self, name: str, deadline: float) -> None:
        late_ms = (time.monotonic() - deadline) * 1000
        self.latest_ms, self.earliest_ms = max(self.latest_ms, late_ms), min(self.earliest_ms, late_ms)
        self.fired[name] += 1

    def _set_timerfd(self) -> None:
        self._deadline = time.monotonic() + FAR_TIMER_S
        os.timerfd_settime(self._timer, flags=os.TFD_TIMER_ABSTIME, initial=self._deadline)

    def _timerfd_fired(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._timer, 8)
            self._note("timerfd", self._deadline)
            self._set_timerfd()

    def _set_asyncio(self) -> None:
        deadline = self._loop.time() + FAR_TIMER_S

        def fired() -> None:
            self._note("asyncio", deadline)
            self._set_asyncio()

        self._loop.call_at(deadline, fired)

    def report(self) -> dict[str, Any]:
        return {"fired": self.fired, "latest_ms": self.latest_ms, "earliest_ms": self.earliest_ms}


class EchoDatagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._transport.sendto(data, address)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()


class Watch:
    """A child that watches clocks and timers, and echoes. It touches no file: no disk and no thread holds it up."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            ours.close()
            asyncio.run(self._be_child(theirs))
            os._exit(0)
        theirs.close()
        self._talk = ours.makefile("rw")

    def ask(self, order: str) -> dict[str, Any]:
        self._talk.write(f"{order}\n")
        self._talk.flush()
        answer: dict[str, Any] = json.loads(self._talk.readline())
        return answer

    async def _be_child(self, pair: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(EchoDatagrams, local_addr=("0.0.0.0", ECHO_PORT))
        await asyncio.start_server(echo, "0.0.0.0", ECHO_PORT)
        clock, timers = Clock(), Timers(loop)
        threading.Thread(target=clock.watch, daemon=True).start()
        reader, writer = await asyncio.open_unix_connection(sock=pair)
        while order := await reader.readline():
            if order == b"forget\n":
                clock.forget()
                timers.forget()
            writer.write(json.dumps({**clock.report(), **timers.report()}).encode() + b"\n")


class Family:
    """A thread, a forked child with a thread of its own, memory shared with it, and a socket pair to it."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 4096)
        self._ours, theirs = socket.socketpair()
        self._parent = os.getpid()
        self.child = os.fork()
        if self.child == 0:
            self._ours.close()
            self._be_child(theirs)
        theirs.close()
        self._asked = 0

    def _be_child(self, pair: socket.socket) -> None:
        def count() -> None:
            while True:
                struct.pack_into("<Q", self._shared, 0, struct.unpack_from("<Q", self._shared, 0)[0] + 1)
                time.sleep(0.001)

        threading.Thread(target=count, daemon=True).start()
        while data := pair.recv(64):
            pair.send(data[::-1])
        os._exit(0)

    def check(self) -> list[str]:
        faults = []
        [before] = struct.unpack_from("<Q", self._shared, 0)
        self._asked += 1
        question = b"question %d" % self._asked
        self._ours.settimeout(5)
        self._ours.send(question)
        if self._ours.recv(64) != question[::-1]:
            faults.append("the child does not answer over the socket pair")
        deadline = time.monotonic() + 5
        while struct.unpack_from("<Q", self._shared, 0)[0] == before:
            if time.monotonic() > deadline:
                faults.append("the child's thread does not count in the shared memory")
                break
            time.sleep(0.001)
        if os.getpid() != self._parent:
            faults.append("the process has another PID")
        return faults


class Outgoing:
    """A connection that this process opened: what it sends comes back, in order, nothing twice."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.answered = 0
        self.faults: list[str] = []

    async def run(self) -> None:
        reader, writer = await asyncio.open_connection(self._address, PEER_PORT)
        try:
            while True:
                line = b"%09d\n" % self.answered
                writer.write(line)
                answer = await reader.readexactly(len(line))
                if answer != line:
                    self.faults.append(f"the outgoing connection returned {answer!r} for {line!r}")
                self.answered += 1
                await asyncio.sleep(0.005)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.faults.append(f"the outgoing connection broke: {error!r}")


class Probe:
    def __init__(self, peer: str) -> None:
        self._said = 0
        self._family = Family()  # first: what is made later is not the child's
        self._watch = Watch()
        for name in ("/tmp", "/dev/shm"):
            (Path(name) / "once").write_bytes(content(9))
        self._files = Files()
        self._open_files = OpenFiles()
        logs = [Log(Path(name)) for name in ("/layer.log", "/tmp/tmpfs.log", "/dev/shm/shm.log")]
        self._mappings = [Mapping(Path(name)) for name in ("/layer.map", "/dev/shm/shm.map")]
        for name in ("/replaced", "/tmp/replaced"):
            Path(name).mkdir()
        replaced = [Replaced(Path(name)) for name in ("/replaced", "/tmp/replaced")]
        self._changing: list[Log | Replaced | Mapping] = [*logs, *replaced, *self._mappings]
        self._outgoing = Outgoing(peer)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self._watch.ask("forget")  # it listens now
        await asyncio.start_server(self._control, "0.0.0.0", CONTROL_PORT)
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        connection = asyncio.create_task(self._outgoing.run())
        print("ready", flush=True)
        while not stop.is_set():
            for changing in self._changing:
                changing.write()
            self._said += 1
            if self._said % 20 == 0:
                print(f"line {self._said // 20}", flush=True)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.005)
        connection.cancel()
        print("terminated", flush=True)
        os._exit(42)  # the threads run on; they are not to be waited for

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while order := await reader.readline():
            answer = self._report() if order == b"report\n" else self._watch.ask("forget")
            writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    def _report(self) -> dict[str, Any]:
        once = [f"{name}/once changed" for name in ("/tmp", "/dev/shm")
                if (Path(name) / "once").read_bytes() != content(9)]  # fmt: skip
        return {
            "files": self._files.check(),
            "tmpfs": once,
            "changing": [fault for changing in self._changing for fault in changing.check()],
            "open_files": self._open_files.check(),
            "family": self._family.check(),
            "outgoing": self._outgoing.faults,
            "answered": self._outgoing.answered,
            "lines": self._said // 20,
            **self._watch.ask("report"),
        }


if __name__ == "__main__":
    asyncio.run(Probe(sys.argv[1]).run())
