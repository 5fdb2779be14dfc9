# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packet mirror: gives a clone on the target the input of the process on the source (src/mirror).

Two programs, one in the network namespace of each container, joined by one ordered stream from the source to the
target. The source's holds each packet that arrives and lets it in when all threads of the process sleep, so that both
copies get the same packets one at a time in the same order; a copy goes to the target first. What the process answers
is copied as well. The target's gives the clone the same input, keeps everything that the clone sends, and compares. The
order of one parallel migration::

    source.arm(pids, addresses, stream)           target.arm(addresses, stream)
    source.hold_connections()
    source.hold(); source.await_quiet(5)
    freeze the process
    source.mark()
    dump it with leave-running; thaw it
    source.open_turnstile()                       restore the clone, still stopped
                                                  target.go(pids, positions); resume it
    ... both run: source.state(), target.state() ...
    source.hold(); source.await_quiet(5)
    freeze the process
    end = source.begin_handover()             --> target.await_end(end, limit)
    source.mute()
    COMMIT                                    --> target.unmute(); announce the addresses
    source.forward_late()                         (held and late packets reach the clone by the stream)
    end the process
    source.discard()                              target.finish()

Until the commit the process on the source is the true one. Any failure there: :meth:`SourceMirror.release`, which lets
everything in and out; on the target: :meth:`TargetMirror.discard`, with the clone ended first.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import time

from .. import decoded, paths, typed
from ..decoded import JsonObject
from ..errors import MigrationError
from ..host import commands
from ..host.processes import ProcessId
from . import mirror_rules
from .mirror_rules import MirrorQueues
from .mirror_state import EndOfInput, Position, SourceState, TargetState

MAX_WAIT_MS = 5.0
"""How long one packet waits, at most, until the process sleeps; then all are let in, and the attempt is void."""
_ANSWER_TIMEOUT_S = 5.0
_ERRORS_BYTES = 4096
_STREAM_END_EVERY_S = 0.01


class MirrorEnded(MigrationError):
    """The mirror program has ended; on the source, what it held was let in."""


class _Mirror:
    """One mirror program as its agent sees it.

    Args:
        pid: a process in the container's network namespace, for example its init.
        owner: the migration's id, with which the packet filter rules are marked.
    """

    _side = ""

    def __init__(self, pid: int, owner: str) -> None:
        self._pid = pid
        self._owner = owner
        self._queues = MirrorQueues(pid)
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log = -1

    @property
    def _agent_end(self) -> socket.socket:
        if self._control is None:
            raise MigrationError(f"The {self._side}'s packet mirror is not armed.")
        return self._control

    @property
    def _program(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise MigrationError(f"The {self._side}'s packet mirror is not armed.")
        return self._process

    def _start(self, stream: socket.socket, arguments: list[str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = os.memfd_create("mirror.log", os.MFD_CLOEXEC)
        namespace = os.open(f"/proc/{self._pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        given = [namespace, self._queues.fileno(), stream.fileno()]
        command = [paths.MIRROR, self._side, *map(str, given), str(self._queues.first), *arguments]
        commands.log(command)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    command, pass_fds=given, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=self._log
                )
        except FileNotFoundError:
            raise MigrationError(
                f"The program {paths.MIRROR} is missing on this host. Run the role migration_host."
            ) from None
        finally:
            os.close(namespace)
        self._receive(_ANSWER_TIMEOUT_S)  # "ready"

    @property
    def process_id(self) -> ProcessId:
        """Of the program, for the record: who finds the agent dead ends it, after the rules are removed."""
        return ProcessId.of(self._program.pid)

    def fileno(self) -> int:
        """Becomes readable when the mirror reports by itself that the attempt is void, or has ended; see ``state``."""
        return self._agent_end.fileno()

    def _order(self, text: str, timeout_s: float = _ANSWER_TIMEOUT_S) -> JsonObject:
        """Give a command and return its answer.

        Raises:
            MirrorEnded: the program has ended; with its error output.
            MigrationError: it did not answer in time.
        """
        control = self._agent_end
        name = text.split(" ", 1)[0]
        with contextlib.suppress(OSError):  # it has ended: the answer says so
            control.send(text.encode())
        while (answer := self._receive(timeout_s)).get("done") != name:
            pass  # an event, which the state repeats
        return answer

    def _receive(self, timeout_s: float) -> JsonObject:
        control = self._agent_end
        if not select.select([control], [], [], timeout_s)[0]:
            raise MigrationError(f"The {self._side}'s packet mirror did not answer within {timeout_s:.0f} s.")
        data = b""
        with contextlib.suppress(ConnectionResetError):
            data = control.recv(1 << 16)
        if not data:
            raise self._ended()
        return decoded.parse(data)

    def _ended(self) -> MirrorEnded:
        program = self._program
        try:
            status = program.wait(5)
        except subprocess.TimeoutExpired:
            program.kill()
            status = program.wait()
        said = os.pread(self._log, _ERRORS_BYTES, 0).decode(errors="replace").strip().splitlines()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return MirrorEnded(f"The {self._side}'s packet mirror failed: {said[-1] if said else how}")

    def _end_program(self) -> None:
        """End the program at once; its queues live on in this process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._log >= 0:
            os.close(self._log)
            self._log = -1


class SourceMirror(_Mirror):
    """The mirror beside the process.

    Args:
        pid, owner: see :class:`_Mirror`.
        max_wait_ms: see :data:`MAX_WAIT_MS`.
    """

    _side = "source"

    def __init__(self, pid: int, owner: str, max_wait_ms: float = MAX_WAIT_MS) -> None:
        super().__init__(pid, owner)
        self._max_wait_us = round(max_wait_ms * 1000)

    def arm(self, pids: list[int], addresses: list[str], stream: socket.socket) -> None:
        """Start the program and install the rules. Nothing is held or copied yet. Takes about 20 ms.

        Args:
            pids: roots of the process trees, as the host counts; all their descendants and threads are watched.
            addresses: of the container, IPv4 or IPv6, without prefix length. Only packets to and from them count.
            stream: to the target's mirror; it is inherited, the caller closes his own descriptor when he likes.
        """
        mirror_rules.install(self._pid, self._owner, mirror_rules.source_rules(addresses, self._queues.first))
        self._start(stream, [str(self._max_wait_us), *addresses])
        self._order("watch " + " ".join(map(str, pids)))

    def hold_connections(self) -> None:
        """From now on hold the first packet of each connection that a peer opens.

        When one waits for longer than 200 times ``max_wait_ms``, or than 2 s, the attempt is void.
        """
        self._order("hold_connections")

    def hold(self) -> None:
        """From now on hold all input. New connections, in and out, are held as well; takes 0.2 ms."""
        self._order("hold")

    def await_quiet(self, limit_s: float) -> bool:
        """Wait until all threads sleep, so that all input was taken; false when they do not within that time.

        Then the caller lets the process go on with :meth:`open_turnstile` or :meth:`release`.
        """
        return bool(self._order(f"await_quiet {round(limit_s * 1e6)}", limit_s + _ANSWER_TIMEOUT_S)["quiet"])

    def mark(self) -> None:
        """The process is frozen, right before the dump: what it sends from here on the clone has to say as well."""
        self._order("mark")

    def open_turnstile(self) -> None:
        """The process runs again: let held and new packets in, one at a time, and copy them to the target."""
        self._order("open_turnstile")

    def begin_handover(self) -> EndOfInput:
        """After :meth:`hold`, :meth:`await_quiet` and the freeze: read what the process said last.

        To give the handover up: thaw it, and :meth:`open_turnstile`.
        """
        answer = self._order("begin_handover")
        return EndOfInput(
            decoded.number(answer, "inputs"), decoded.number(answer, "outputs"), decoded.text(answer, "chain")
        )

    def mute(self) -> None:
        """Hold from now on whatever the source's kernel still sends, in all connections; takes 0.1 ms."""
        self._order("mute")

    def forward_late(self) -> None:
        """After the commit: packets that are held, and those that still arrive, go to the clone and nowhere else."""
        self._order("forward_late")

    def release(self) -> None:
        """Let everything in and out, in order, and remove the rules. Also after the program was killed; idempotent."""
        try:
            self._order("release")
        except MigrationError:
            self._queues.let_pass()
        mirror_rules.remove(self._pid, self._owner)  # the program lets pass what comes meanwhile
        self._end_program()
        self._queues.let_pass()
        self._queues.close()

    def let_pass(self) -> None:
        """The program was killed: let the process have at once what was held; :meth:`release` does the rest."""
        self._queues.let_pass()

    def discard(self) -> None:
        """After the commit, when nothing arrives any more: drop what is held. The rules end with the namespace."""
        self._end_program()
        self._queues.close()

    def state(self) -> SourceState:
        """Counters; takes 0.1 ms and disturbs nothing."""
        return typed.from_dict(SourceState, _without_name(self._order("state")))


class TargetMirror(_Mirror):
    """The mirror beside the clone."""

    _side = "target"

    def arm(self, addresses: list[str], stream: socket.socket) -> None:
        """Start the program, install the rules and make the device by which the clone gets its input.

        From here on nothing leaves the namespace and nothing enters it but by the mirror. The interfaces may be up and
        have the addresses, with ARP answers off (``arp_ignore`` 8).
        """
        mirror_rules.remove(self._pid, self._owner)  # of an attempt before: its queues are gone
        rules = mirror_rules.target_rules(self._queues.first, mirror_rules.families())
        mirror_rules.install(self._pid, self._owner, rules)
        self._start(stream, addresses)

    def go(self, pids: list[int], positions: list[Position]) -> None:
        """The clone is restored and about to run: give it its input. Call it just before the resume.

        Args:
            pids: roots of the clone's process trees, as the host counts.
            positions: of all TCP connections of the clone to other hosts.
        """
        for one in positions:
            self._order(
                f"position {one.local_address} {one.local_port} {one.peer_address} {one.peer_port} "
                f"{one.sent & 0xFFFFFFFF} {one.received & 0xFFFFFFFF}"
            )
        self._order("go " + " ".join(map(str, pids)))

    def await_end(self, end: EndOfInput, limit_s: float) -> bool:
        """Wait until the clone got all input of the source and said all that the process said.

        Returns:
            False when it did not in that time, or the two have parted; see :meth:`state`.
        """
        order = f"await_end {end.inputs} {end.outputs} {end.chain} {round(limit_s * 1e6)}"
        return bool(self._order(order, limit_s + _ANSWER_TIMEOUT_S)["in_step"])

    def unmute(self) -> None:
        """After the commit: send what the clone has said beyond the process, in order, and let it speak; 0.1 ms."""
        self._order("unmute")

    def finish(self, limit_s: float = 2.0) -> None:
        """After :meth:`unmute`: remove the rules, wait for the end of the late packets, and remove the device.

        Call it soon: while the rules are there, the clone is cut off if the program is killed.
        """
        mirror_rules.remove(self._pid, self._owner)
        deadline = time.monotonic() + limit_s
        with contextlib.suppress(MigrationError):  # the rules are gone, so nothing depends on the program
            while not self._order("finish")["stream_ended"] and time.monotonic() < deadline:
                time.sleep(_STREAM_END_EVERY_S)
        self._queues.let_pass()
        self._end_program()
        self._queues.close()

    def discard(self) -> None:
        """Before the commit, when the clone has ended: end the program. The rules stay, so nothing can leave."""
        self._end_program()
        self._queues.close()

    def state(self) -> TargetState:
        """Counters; takes 0.1 ms and disturbs nothing."""
        return typed.from_dict(TargetState, _without_name(self._order("state")))


def _without_name(answer: JsonObject) -> JsonObject:
    return {key: value for key, value in answer.items() if key != "done"}
