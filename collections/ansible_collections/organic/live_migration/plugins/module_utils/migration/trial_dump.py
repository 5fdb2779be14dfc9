# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trial dump: what CRIU refuses is known before a migration begins.

It is the source's end of a migration that is rolled back as soon as CRIU has dumped the process. Private memory stays
where it is, and what CRIU sends goes no further than this host. The process is stopped for as long as that takes.
"""

from __future__ import annotations

import secrets
import socket
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from ..criu.page_server import PageServer
from ..engines.base import Engine
from ..errors import Blocker, MigrationError, ProcessEnded
from ..session import supervisor
from ..session.channel import Channel, Credentials, Message, PageStream
from ..session.outcome import Verdict
from ..strategies.base import Strategy
from ..strategies.context import SourceContext
from ..strategies.memory_transfer import MemoryTransfer
from ..strategies.post_copy import PostCopy
from .phases import PlanParameters
from .source import Source

_DUMPED = "dumped"
_READ_BYTES = 1 << 20
_REMEDY = (
    "Configure the program to do without what the message names, or start it again on the target host; if a step took "
    "too long, allow more time with switchover_timeout_ms"
)


class _Dumped(MigrationError):
    """The trial is over: it ends as a migration does that fails at this point."""

    def __init__(self) -> None:
        super().__init__("The trial dump succeeded.", **{_DUMPED: True})


class _Nobody(Channel):
    """Stands where the connection to the target host is: what is sent goes nowhere."""

    bytes_sent = 0

    def __init__(self) -> None:
        self.blob_bytes_sent = 0

    def send(self, kind: str, blob: bytes = b"", /, **fields: object) -> None:
        del kind, blob, fields

    def close(self) -> None: ...


@dataclass
class _LocalStream:
    """CRIU's end of a connection for pages that does not leave this host."""

    plain: socket.socket
    bytes_sent: int = 0


class _LocalTransfer(MemoryTransfer):
    """Connections that end on this host, where nothing is kept.

    Attributes:
        pages: the other end of CRIU's connection.
    """

    pages: socket.socket

    def connect(self) -> tuple[Channel, PageStream, list[socket.socket]]:
        for_criu, self.pages = socket.socketpair()
        for_pager, theirs = socket.socketpair()
        threading.Thread(target=_discard, args=[theirs], daemon=True).start()
        return _Nobody(), _LocalStream(for_criu), [for_pager]


def _discard(connection: socket.socket) -> None:
    with connection:
        while connection.recv(_READ_BYTES):
            pass


class _FreezeAndDump(PostCopy):
    """Stops the process and dumps it, without its memory; the caller rolls back."""

    name = "trial_dump"

    def __init__(self, transfer: _LocalTransfer) -> None:
        self._transfer = transfer

    def copy_live(self, source: SourceContext) -> Strategy:
        del source
        return self

    def copy_after_pause(self, source: SourceContext) -> None: ...

    def switch_over(self, source: SourceContext) -> Message:
        """Raises _Dumped, or says what CRIU refuses."""
        server = PageServer(source.images, self._transfer.pages)
        self._transfer.pages.close()  # CRIU notices the end of the page server by the end of the connection
        try:
            self._enter(source)
            stall = self._freeze(source)
            with source.steps.step("switch_network"):  # packets wait; the address stays
                source.outgoing.bind()
                source.incoming.bind()
            with source.steps.step("dump"):
                self._dump(source, stall)
                self._finish_dump(source, stall)
        finally:
            server.close()
        raise _Dumped


class TrialDump(Source):
    """A trial dump of one container.

    Args:
        tried: plan of the migration of which this is a trial.
        engine: of this host.

    Raises:
        ProcessEnded: the container does not run any more.
    """

    def __init__(self, tried: PlanParameters, engine: Engine) -> None:
        options = replace(tried.options, strategy=PostCopy.name, max_bandwidth=0, compression="none")
        plan = replace(tried, migration_id=secrets.token_hex(8), options=options).decided(Credentials("", "", ""))
        super().__init__(plan, [], 0, engine)
        transfer = _LocalTransfer(plan, [], 0, self._root.pid, self._progress, tracks_writes=False)
        self._memory = transfer
        self._strategy = _FreezeAndDump(transfer)

    @property
    def directory(self) -> Path:
        """Of its journal."""
        return self._record.directory

    def _set_up(self, control: Channel, stream: PageStream, pager_connections: list[socket.socket]) -> SourceContext:
        with self._steps.step("setup"):
            self._source = self._setup(control).prepare(stream, pager_connections, self._progress, self._steps)
            self._record.interfaces = []  # they keep their addresses, so a roll back has nothing to give back
            self._record.save()
        return self._source


@dataclass(frozen=True)
class Trial:
    """What a trial dump found.

    Attributes:
        downtime_ms: for so long the process did not run.
    """

    blockers: list[Blocker]
    downtime_ms: float


def try_dump(tried: PlanParameters, engine: Engine) -> Trial:
    """Dump a container's process and let it run on.

    Raises:
        MigrationError: another run works on this container, or its process has ended.
    """
    trial = TrialDump(tried, engine)
    try:
        outcome = trial.run()
    finally:
        supervisor.remove_files(trial.directory)
    if outcome.verdict is Verdict.PROCESS_EXITED:
        raise ProcessEnded(outcome.message)
    blockers = []
    if _DUMPED not in outcome.details:
        message = f"A trial dump of the process failed: {outcome.message.rstrip('.')}"
        blockers.append(Blocker("trial_dump_failed", message, _REMEDY))
    return Trial(blockers, outcome.process_downtime_ms)
