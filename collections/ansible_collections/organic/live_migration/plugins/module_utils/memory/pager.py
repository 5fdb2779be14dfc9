# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pager: the program that moves the private and the shared memory of a process tree, one at each end (src/pager).

It takes commands as packets and answers with JSON; see src/pager/source.c and src/pager/target.c for the orders.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

from .. import paths
from ..criu.log import failure_lines
from ..errors import MigrationError
from ..host import commands
from ..host.container import Container
from ..host.processes import ProcessId
from . import dirty_tracking

HINTS_BYTES = 16 << 20
"""Size of the file with the pager's hints for CRIU: room for ten times as many mappings as processes have."""

_WATCH_EVERY_S = 0.05
_SO_SNDBUFFORCE, _TOLD_BYTES = 32, 16 << 20
_WITHOUT_CONNECTIONS = ("reconnect", "is_complete", "finish")
"""Commands that are done after the connections have broken, or are no longer needed."""

Answer = dict[str, Any]


class PagesLost(MigrationError):
    """A connection between the two pagers broke."""


class Pager:
    """One pager as its agent sees it.

    Args:
        arguments: of the program, first its side; descriptors are passed by their numbers.
        descriptors: that it inherits.
    """

    def __init__(self, arguments: list[str], descriptors: list[int]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._side = arguments[0]
        self._held: list[int] = []  # userfaultfds that must stay open when the pager dies, see src/pager/target.c
        self._unread: list[Answer] = []
        self._is_closed = False
        self._log = os.memfd_create("pager.log", os.MFD_CLOEXEC)
        command = [paths.PAGER, *arguments]
        commands.log(command)
        with theirs:
            with contextlib.suppress(PermissionError):  # it sends an event a process, and blocks when nobody reads
                theirs.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _TOLD_BYTES)
            self._process = subprocess.Popen(
                command, pass_fds=descriptors, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=self._log
            )

    def await_end(self, timeout_s: float) -> None:
        """Raises MigrationError with its error output when it ends in that time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
            raise self._ended()

    @property
    def process_id(self) -> ProcessId:
        return ProcessId.of(self._process.pid)

    def fileno(self) -> int:
        return self._control.fileno()

    def order(self, text: str, connections: list[socket.socket] | None = None) -> None:
        """Send a command.

        Raises:
            MigrationError: the pager has ended; with its error output.
        """
        try:
            socket.send_fds(self._control, [text.encode()], [one.fileno() for one in connections or []])
        except OSError:
            raise self._ended() from None

    def expect(self, done: str, timeout_s: float, watch: Callable[[Answer], None] | None = None) -> Answer:
        """Wait until a command is done, or for an event; returns the answer with its figures.

        Args:
            done: the command, or the event.
            timeout_s: how long to wait.
            watch: called several times a second with the last progress event, or an empty one; may raise.

        Raises:
            PagesLost: a connection to the other pager broke.
            MigrationError: the pager has ended, or makes no progress.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            answer = self.receive(max(0.0, min(left, _WATCH_EVERY_S) if watch else left))
            if answer is None and left <= 0:
                raise MigrationError(f"The pager did not finish '{done}' within {timeout_s:.0f} s.")
            if watch and (answer is None or answer.get("event") == "progress"):
                watch(answer or {})
            if answer is None:
                continue
            if answer.get("done") == done or answer.get("event") == done:
                if answer.get("connection_lost"):
                    raise PagesLost("A connection for the pages broke.")
                return answer
            if answer.get("event") == "connection_lost" and done not in _WITHOUT_CONNECTIONS:
                raise self._ended() if self._died() else PagesLost("A connection for the pages broke.")

    def look(self, watch: Callable[[Answer], None]) -> None:
        """Handle its progress events while something else is awaited; other answers are kept for :meth:`expect`.

        Raises:
            MigrationError: the pager has ended.
        """
        unread = []
        while (answer := self.receive(0)) is not None:
            if answer.get("event") == "progress":
                watch(answer)
            else:
                unread.append(answer)
        self._unread = unread

    def check(self) -> None:
        """Raises PagesLost when it has reported a broken connection; reads one packet at most."""
        answer = self.receive(0)
        if answer is not None and answer.get("event") == "connection_lost":
            raise PagesLost("A connection for the pages broke.")

    def receive(self, timeout_s: float) -> Answer | None:
        """The next packet; None when there is none in time.

        Raises:
            MigrationError: the pager has ended.
        """
        if self._unread:
            return self._unread.pop(0)
        if not select.select([self._control], [], [], timeout_s)[0]:
            return None
        try:
            data, held, _flags, _address = socket.recv_fds(self._control, 4096, 1)
        except ConnectionResetError:  # it ended with a command unread; its earlier answers can still be read
            data, held, _flags, _address = socket.recv_fds(self._control, 4096, 1)
        if not data:
            raise self._ended()
        answer: Answer = json.loads(data)
        self._held += held
        return answer

    def _died(self) -> bool:
        """Whether it is ending, as it does after it reported a connection that it needs."""
        try:
            self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _ended(self) -> MigrationError:
        try:
            status = self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        lines = self._error_lines()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        said = lines[-1] if lines else f"the {self._side}'s pager {how}"
        kind = PagesLost if "connection to the other host broke" in said else MigrationError
        return kind(f"The memory could not be moved: {said}")

    @property
    def fault(self) -> MigrationError | None:
        """Why it ended, if it did; None when it lost the other pager, which then knows the cause."""
        if self._is_closed or self._process.poll() is None or isinstance(error := self._ended(), PagesLost):
            return None
        return error

    def _error_lines(self) -> list[str]:
        text = os.pread(self._log, 1 << 16, 0).decode(errors="replace")
        return failure_lines(text)

    def close(self) -> None:
        """End it at once; idempotent. It is not killed while it has stopped a process that it traces."""
        if self._is_closed:
            return
        self._is_closed = True
        for descriptor in self._held:
            os.close(descriptor)
        self._held = []
        self._control.close()
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._log)


class Sent:
    """What the pagers of one migration have sent. Each counts from 0; a lost one is replaced by another.

    Attributes:
        acked_bytes: bytes of the present pager that the target host has received.
    """

    def __init__(self) -> None:
        self.bytes = self.zero_pages = 0
        self.acked_bytes: int = 0
        self.bytes_per_s = 0.0
        """Rate of the command that sent most."""
        self._before_bytes = self._before_zero_pages = self._finished_bytes = self._most_bytes = 0

    def count(self, answer: Answer) -> None:
        """Add a pager's progress, or the result of a command."""
        self.bytes = self._before_bytes + answer["bytes_sent"]
        self.acked_bytes = answer.get("bytes_taken", self.bytes)
        self.zero_pages = self._before_zero_pages + answer["zero_pages"]

    def finish(self, done: Answer) -> None:
        """Add the result of a command."""
        self.count(done)
        sent = self.bytes - self._finished_bytes
        self._finished_bytes = self.bytes
        if sent > self._most_bytes:
            self._most_bytes, self.bytes_per_s = sent, round(sent * 1000 / max(done["duration_ms"], 1))

    def restart_counters(self) -> None:
        """Keep the sums: the pager was lost, and the next one counts from 0."""
        self._before_bytes, self._before_zero_pages, self._finished_bytes = self.bytes, self.zero_pages, self.bytes


class SourcePager(Pager):
    """Reads the pages of a process tree and sends them.

    Args:
        root: first process of the tree, on the host.
        connections: to the target's pager.
        tracking: one of :data:`page_tracking.TRACKING_METHODS`, for rounds and counts.
    """

    def __init__(
        self, root: int, connections: list[socket.socket], tracking: str = dirty_tracking.WRITE_PROTECTION
    ) -> None:
        self.hints = os.memfd_create("hints", os.MFD_CLOEXEC)
        os.ftruncate(self.hints, HINTS_BYTES)
        given = [one.fileno() for one in connections]
        super().__init__(["source", str(root), str(self.hints), *map(str, given)], [self.hints, *given])
        if tracking == dirty_tracking.SOFT_DIRTY:
            self.order("use_soft_dirty")
            self.expect("use_soft_dirty", 10)

    def close(self) -> None:
        super().close()
        os.close(self.hints)


class TargetPager(Pager):
    """Receives pages, and places them in the restored processes.

    Args:
        images: descriptor of CRIU's image directory, where it finds the pager's sockets.
        container: whose first process the pager ends if it is alone and cannot get all pages, and to which the shared
            memory is charged.
        connections: to the source's pager.
        direct: store nothing: pages that arrive before their process exists wait in the connections.
    """

    def __init__(self, images: int, container: Container, connections: list[socket.socket], direct: bool) -> None:
        pidfd = os.pidfd_open(container.init.pid)
        allocator, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            command = [paths.PAGER, "allocate", str(theirs.fileno())]
            self._allocator = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], preexec_fn=container.join_cgroups, stdin=subprocess.DEVNULL
            )
            given = [images, pidfd, allocator.fileno(), *(one.fileno() for one in connections)]
            super().__init__(["target", *map(str, given)], given)
        finally:
            allocator.close()
            theirs.close()
            os.close(pidfd)
        self.expect("ready", 10)
        if direct:
            self.order("place_directly")
            self.expect("place_directly", 10)

    def close(self) -> None:
        super().close()
        self._allocator.wait(10)  # it ends with the pager, and was in the container's cgroup

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left that only the source has."""
        self.order("is_complete")
        return bool(self.expect("is_complete", 60)["complete"])


def sample_dirty_pages_per_s(root: int, duration_s: float, tracking: str) -> float:
    """How many pages of 4096 bytes a running process tree writes a second, each counted once; takes ``duration_s``.

    Raises:
        MigrationError: the process ended, or cannot be tracked.
    """
    pager = SourcePager(root, [], tracking)
    try:
        pager.order("sample_dirty")
        pager.expect("sample_dirty", 60)
        begun = time.monotonic()
        time.sleep(duration_s)  # this is the measurement
        pager.order("sample_dirty")
        written = pager.expect("sample_dirty", 60)["pages_written"]
        return float(written) / (time.monotonic() - begun)
    finally:
        pager.close()
