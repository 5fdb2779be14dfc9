# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRIU as a worker process (``criu swrk``) inside the namespaces of a running container.

The worker gets its request by RPC (CRIU's images/rpc.proto) and waits at each notification of
``notify_scripts`` until it is answered. So dump and restore are prepared before the freeze, and the restored
process is held until the commit.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import paths
from ..errors import CriuFailed, MigrationError
from ..host import commands, processes
from ..host.container import Container
from ..host.freezer import Freezer
from ..host.unmovable import GHOST_BYTES
from . import protobuf, statistics
from .log import failure_lines

# criu_req_type
_DUMP, _RESTORE, _NOTIFY = 1, 2, 6
_CGROUPS_IGNORE = 0
_NETWORK_LOCK_SKIP = 3
"""We hold the packets, on both hosts, so CRIU need not lock the network."""

_NO_BREAKPOINTS = {"CRIU_FAULT": "130"}
"""Trace system calls instead of setting hardware breakpoints (criu/include/fault-injection.h, FI_NO_BREAKPOINTS).

Setting one in another process takes a grace period of the kernel's RCU, some 10 ms of downtime at 250 Hz.
"""

POST_DUMP = "post-dump"
"""Notification of a dump: all images are written; CRIU has yet to take its code and its traces off the processes."""
PRE_RESUME = "pre-resume"
"""Notification of a restore: all processes are restored and stopped."""
_AFTER_RESTORE = (PRE_RESUME, "post-resume")
"""Notifications that CRIU wants answered before it resumes the processes, and after it."""
_IN_DUMP = 3
"""Notifications of a dump after "pre-dump": network-lock, query-ext-files, post-dump (criu/cr-dump.c)."""
_ANSWER = protobuf.encode([(1, _NOTIFY), (3, True)])


class Interrupted(Exception):
    """Another descriptor became readable while CRIU's next message was awaited."""


@dataclass
class Reply:
    """One message of CRIU: a notification that must be answered, or the end."""

    notification: str | None
    success: bool
    message: str = ""


@dataclass
class CriuWorker:
    """One ``criu swrk`` in a container's namespaces and cgroups; does one dump or one restore.

    Args:
        container: whose namespaces are entered.
        images: descriptor of the image directory on the host; CRIU sees it as ``/proc/self/fd/N``.
        action: ``dump`` or ``restore``, also the name of the log file.
        descriptors: further descriptors that CRIU inherits under the same numbers.
        timens_pid: a process whose time namespace CRIU joins, as it must to dump it. The clocks that CRIU reads there
            go into its images, and the restored time namespace continues them (criu/timens.c).
        freezer: start in it and in the container's other cgroups, so that the restored processes are members.
        freezer_fd: descriptor of the cgroup directory of the dumped processes' freezer (src/leave_repair_mode.c).
        hints: descriptor of the file with the pager's hints about the memory that a dump leaves to it (src/hints.h).
        rpc: the pair of sockets of the RPC, ours first. CRIU continues a restore when the connection ends; as long as
            another process holds ours open, it stays at PRE_RESUME even when this process dies.
        cpu: on which it runs, and the processes that it restores, until they are given others; None: on any.
        carries_ipc: System V objects, see namespaces/ipc.py.
    """

    container: Container
    images: int
    action: str
    descriptors: list[int] = field(default_factory=list)
    timens_pid: int | None = None
    freezer: Freezer | None = None
    freezer_fd: int | None = None
    hints: int | None = None
    rpc: tuple[socket.socket, socket.socket] | None = None
    cpu: int | None = None
    carries_ipc: bool = False

    def __post_init__(self) -> None:
        self._rpc, theirs = self.rpc or socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        time_namespace = (
            [f"--time=/proc/{self.timens_pid}/ns/time"]
            if self.timens_pid and os.path.exists("/proc/self/ns/time")
            else []
        )
        self._answered_ahead = 0
        enter = self.container.enter_command(with_ipc=not self.carries_ipc or self.action == "restore")
        self.command = [*enter, *time_namespace, *paths.CRIU, "swrk", str(theirs.fileno())]
        commands.log(self.command)
        given, environment = [self.images, theirs.fileno(), *self.descriptors], {**os.environ, **_NO_BREAKPOINTS}
        if self.action == "restore":
            environment["CRIU_SHARED_MEMORY"] = "1"  # src/shared_memory.c
        if self.hints is not None:
            given.append(self.hints)
            environment["CRIU_HINTS"] = str(self.hints)
        if self.freezer_fd is not None:
            given.append(self.freezer_fd)
            environment["CRIU_FREEZER"] = str(self.freezer_fd)
        with theirs:
            self._process = subprocess.Popen(
                self.command,
                pass_fds=given,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                preexec_fn=self._join_cgroups,
            )
        self._end = os.pidfd_open(self._process.pid)

    def _join_cgroups(self) -> None:
        if self.freezer is not None:
            self.container.join_cgroups()
            self.freezer.join()
        if self.cpu is not None:
            os.sched_setaffinity(0, {self.cpu})

    def _common_options(self) -> list[tuple[int, protobuf.Value]]:
        return [
            (1, -1),  # images_dir_fd: required by the message, unused with images_dir
            (5, True),  # tcp_established
            (8, True),  # file_locks
            (9, 2),  # log_level: warnings and errors
            (10, f"{self.action}.log"),
            (12, True),  # notify_scripts
            (34, _CGROUPS_IGNORE),
            (35, GHOST_BYTES),
            (64, _NETWORK_LOCK_SKIP),
            (68, f"/proc/self/fd/{self.images}"),
        ]

    def start_dump(self, pid: int, freezer: int, pages: int) -> None:
        """Prepare a dump of the tree below ``pid`` (in the container's namespace); CRIU waits before it starts.

        ``leave_running`` with a frozen ``freezer`` leaves the tree frozen: it is the copy for a rollback.
        Pages are sent over the socket ``pages`` in CRIU's page-server protocol.
        """
        options = [
            *self._common_options(),
            (2, pid),
            (3, True),  # leave_running
            (11, protobuf.encode([(4, pages)])),
            (44, f"/proc/self/fd/{freezer}"),
        ]
        self._request(_DUMP, options)
        self._expect("pre-dump")

    def start_restore(self, inherited: dict[str, int]) -> None:
        """Prepare a restore. CRIU reads ``inventory.img``, a FIFO, first, and so waits for the images.

        The pager, in place of ``criu lazy-pages``, brings the private memory.

        Args:
            inherited: descriptors that replace dumped ones, by the name of the dumped one, such as ``pipe:[4711]``.
        """
        options = [*self._common_options(), (48, True)]  # lazy_pages
        if self.carries_ipc:
            options.append((39, protobuf.encode([(1, "ipc"), (2, self.container.path_inside("ns/ipc"))])))  # join_ns
        for key, descriptor in inherited.items():
            options.append((27, protobuf.encode([(1, key), (2, descriptor)])))
        self._request(_RESTORE, options)

    def _request(self, kind: int, options: list[tuple[int, protobuf.Value]]) -> None:
        self._send(protobuf.encode([(1, kind), (2, protobuf.encode(options))]))

    def _send(self, data: bytes) -> None:
        try:
            self._rpc.send(data)
        except (BrokenPipeError, ConnectionResetError):
            raise CriuFailed(self.action, self.error_lines()) from None

    def answer(self) -> None:
        """Let CRIU continue after a notification.

        Raises:
            CriuFailed: CRIU has ended.
        """
        self._send(_ANSWER)

    def begin_dump(self) -> None:
        """Let a dump that waits at "pre-dump" go on to its end: CRIU never waits for this process to be ready for it.

        An answer too many is never read: CRIU ends after the dump.

        Raises:
            CriuFailed: CRIU has ended.
        """
        self.answer()
        for _notification in range(_IN_DUMP):
            self.answer()
            self._answered_ahead += 1

    def resume(self) -> None:
        """Let a restore at PRE_RESUME continue to its end; its processes may be frozen meanwhile."""
        resume(self._rpc)

    def await_end(self, timeout_s: float) -> None:
        """Wait for the end of a restore after :meth:`resume`.

        Raises:
            MigrationError: it does not end in time, or fails.
        """
        deadline = time.monotonic() + timeout_s
        while (reply := self.receive(max(0.0, deadline - time.monotonic()))).notification is not None:
            pass
        if not reply.success:
            raise CriuFailed(self.action, self.error_lines())

    def receive(
        self,
        timeout_s: float,
        interrupt_fds: Sequence[int] = (),
        on_poll: Callable[[], None] | None = None,
        poll_interval_s: float = 1.0,
    ) -> Reply:
        """Wait for CRIU's next message.

        Args:
            timeout_s: how long to wait.
            interrupt_fds: descriptors; the wait ends when one of them becomes readable.
            on_poll: called again and again meanwhile; may raise.
            poll_interval_s: how often it is called.

        Raises:
            CriuFailed: CRIU ended without a message.
            Interrupted: one of ``interrupt_fds`` is readable.
            MigrationError: no message came in time.
        """
        awaited = [self._rpc.fileno(), self._end, *interrupt_fds]
        deadline = time.monotonic() + timeout_s
        while True:
            left = max(0.0, deadline - time.monotonic())
            ready = select.select(awaited, [], [], min(poll_interval_s, left) if on_poll else left)[0]
            if ready:
                break
            if not left:
                raise MigrationError(f"CRIU made no progress with its {self.action} within {timeout_s:.0f} s")
            if on_poll:
                on_poll()
        if not {self._rpc.fileno(), self._end} & set(ready):
            raise Interrupted
        # the watchdog may hold CRIU's end of the socket open, so its closing is not seen here
        data = b""
        if self._rpc.fileno() in ready:
            try:
                data = self._rpc.recv(65536)
            except ConnectionResetError:  # it ended with an answer unread; its earlier message can still be read
                data = self._rpc.recv(65536)
        if not data:
            raise CriuFailed(self.action, self.error_lines())
        fields = protobuf.decode(data)
        notify = protobuf.message(fields, 5)
        is_notification = protobuf.integer(fields, 1) == _NOTIFY and notify is not None
        return Reply(
            notification=protobuf.text(notify, 1) if is_notification and notify else None,
            success=bool(protobuf.integer(fields, 2)),
            message=protobuf.text(fields, 9),
        )

    def _expect(self, notification: str, timeout_s: float = 30) -> None:
        reply = self.receive(timeout_s)
        if reply.notification != notification:
            raise CriuFailed(self.action, self.error_lines())

    def run_until(
        self,
        notification: str | None,
        timeout_s: float,
        interrupt_fds: Sequence[int] = (),
        on_poll: Callable[[], None] | None = None,
        poll_interval_s: float = 1.0,
    ) -> None:
        """Answer notifications until the named one arrives, or, with None, until success.

        The named one is not answered, unless :meth:`begin_dump` has answered it ahead.

        Raises:
            CriuFailed: with the error lines of CRIU's log.
            Interrupted: see :meth:`receive`.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            reply = self.receive(max(0.0, deadline - time.monotonic()), interrupt_fds, on_poll, poll_interval_s)
            if reply.notification is None:
                if notification is None and reply.success:
                    return
                raise CriuFailed(self.action, self.error_lines())
            is_answered = self._answered_ahead > 0
            self._answered_ahead -= is_answered
            if reply.notification == notification:
                return
            if not is_answered:
                self.answer()

    def error_lines(self) -> list[str]:
        """The lines of CRIU's log that say why it failed, oldest first, at most eight."""
        lines: list[str] = []
        try:
            text = self._in_images(f"{self.action}.log").read_text(errors="replace")
        except OSError:
            text = ""
        lines += failure_lines(text)
        if not lines and self._process.poll() is not None and self._process.stderr:
            lines = self._process.stderr.read().decode(errors="replace").splitlines()
        return lines[-8:]

    def statistics(self) -> dict[str, int]:
        """CRIU's own figures of this dump or restore."""
        return statistics.read(self._in_images(f"stats-{self.action}"), self.action)

    def _in_images(self, name: str) -> Path:
        return Path(f"/proc/self/fd/{self.images}/{name}")

    def pid_of(self, inner: int) -> int:
        """The PID, on the host, of a restored process; ``inner`` is its PID in the container.

        Raises:
            MigrationError: it has died.
        """
        found = self.pids_by_inner().get(inner)
        if found is None:
            raise MigrationError("The restored process was killed on the target host before it ran.")
        return found

    def pids_by_inner(self) -> dict[int, int]:
        """The PIDs, on the host, of all restored processes, by their PIDs in the container."""
        namespace = os.readlink(f"/proc/{self.container.init.pid}/ns/pid")
        found: dict[int, int] = {}
        for pid in processes.tree(self._process.pid):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/ns/pid") == namespace:
                    found[processes.pid_inside(pid)] = pid
        return found

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def close(self) -> None:
        """End the worker by closing the RPC; a dump first removes its code from the process.

        If it must be killed, CRIU is killed before nsenter, which must reap it; else its PID stays in use.
        """
        self._rpc.close()
        if self._process.poll() is None:
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                for child in processes.children(self._process.pid):
                    os.kill(child, 9)
                try:
                    self._process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
        os.close(self._end)


def resume(rpc: socket.socket) -> None:
    """Answer in advance all notifications that a restore at PRE_RESUME has left, so that it needs nobody any more.

    Args:
        rpc: our end of the RPC; idempotent, also after the end of CRIU.
    """
    for _notification in _AFTER_RESTORE:
        with contextlib.suppress(OSError):  # EPIPE, or ECONNRESET of a CRIU that has not read all
            rpc.send(_ANSWER)
