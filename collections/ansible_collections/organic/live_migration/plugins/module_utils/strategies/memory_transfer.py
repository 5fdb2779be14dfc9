# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections of a migration as the source has them, and the pager that sends memory over them."""

from __future__ import annotations

import socket

from ..errors import MigrationError
from ..memory import dirty_tracking
from ..memory.pager import Answer, Sent, SourcePager
from ..session import channel, messages
from ..session.channel import Channel, PageStream
from ..session.options import Plan
from ..session.progress import Progress
from .convergence import PAGE_BYTES


class MemoryTransfer:
    """The connections of one migration, and what is sent of the memory.

    Args:
        plan: of the migration.
        addresses: of the target host, in the order in which they are tried.
        port: of the target's agent.
        root: first process of the tree, as the host counts.
        progress: is updated.
        tracks_writes: the pager must find pages that were written.

    Attributes:
        control: for the messages; None while there is none.
        pager: works on this host; None while there is none. In post-copy another one may follow it.
        is_pushing: the pager was told to send all that is left.
        sent: what the pagers have sent.
    """

    def __init__(
        self, plan: Plan, addresses: list[str], port: int, root: int, progress: Progress, tracks_writes: bool
    ) -> None:
        self.plan = plan
        self._addresses = addresses
        self._port = port
        self._root = root
        self.progress = progress
        self._tracks_writes = tracks_writes
        self.control: Channel | None = None
        self.pager: SourcePager | None = None
        self.sent = Sent()
        self.is_pushing = False
        self._pages_found = 0
        self._stopped_ms = 0.0

    def connect(self) -> tuple[Channel, PageStream, list[socket.socket]]:
        """One connection for the messages, and, authenticated the same way, one for CRIU's pages and the pager's."""
        control = Channel.connect(self._addresses, self._port, self.plan.credentials, 10)
        control.send(messages.HELLO, **messages.hello())
        stream, for_pager = self._connect_for_pages(messages.PAGES), self._connect_pager()
        self.control = control
        return control, stream, for_pager

    def _connect_pager(self) -> list[socket.socket]:
        connections = [
            self._connect_for_pages(messages.PAGER).plain for _number in range(self.plan.options.connections)
        ]
        for connection in connections:
            channel.enlarge_buffer(connection, receives=False)
        return connections

    def _connect_for_pages(self, purpose: str) -> PageStream:
        connection = Channel.connect(self._addresses, self._port, self.plan.credentials, 10)
        connection.send(purpose)
        return connection.to_stream(self.plan.options.is_encrypted)

    def connect_mirror(self) -> PageStream:
        """One more connection, for the packet mirrors; encrypted as those of the pages are."""
        return self._connect_for_pages(messages.MIRROR)

    def start_pager(self, connections: list[socket.socket]) -> SourcePager:
        """Start the pager, to which the connections belong from then on."""
        self.pager = self._make_pager(connections)
        return self.pager

    def _make_pager(self, connections: list[socket.socket]) -> SourcePager:
        pager = SourcePager(self._root, connections, self._tracking())
        for connection in connections:
            connection.close()  # the pager's alone: its end is the connection's
        if self.plan.options.compression == "zstd":
            pager.order("compress")
            pager.expect("compress", 10)
        if self.plan.options.max_bandwidth:
            pager.order(f"limit {self.plan.options.max_bandwidth}")
            pager.expect("limit", 10)
        return pager

    def _tracking(self) -> str:
        """How the pager is to find what was written; of no matter where there are no rounds."""
        if not self._tracks_writes:
            return dirty_tracking.WRITE_PROTECTION
        tracking = dirty_tracking.choose(self.plan.options.page_tracking, dirty_tracking.missing_kernel_features())
        self.progress.update(page_tracking=tracking)
        return tracking

    def report(self, progress: Answer) -> None:
        """Update the progress by what the pager does at this moment.

        Raises:
            PeerLost: the link is dead.
        """
        if self.control is not None:
            self.control.check_link()  # the pager's own connections may be full, which is no fault
        if progress:
            self.sent.count(progress)
            self._report_pages(remaining_bytes=progress["pages_left"] * PAGE_BYTES)

    def report_done(self, done: Answer) -> None:
        """Update the progress by the result of a command of the pager."""
        self.sent.finish(done)
        self._report_pages()
        self.progress.update(throughput_bytes_per_s=self.sent.bytes_per_s)

    def _report_pages(self, **figures: float) -> None:
        self.progress.update(transferred_bytes=self.sent.bytes, duplicate_pages=self.sent.zero_pages, **figures)

    def report_round(self, done: Answer) -> None:
        """Add up what the rounds of pre-copy found."""
        self._pages_found += done["pages_written"]
        self._stopped_ms += done["tracking_stop_ms"]
        self.progress.update(
            skipped_pages=self._pages_found - done["pages_sent"] - done["zero_pages"],
            tracking_stop_ms=round(self._stopped_ms, 2),
        )

    def start_push(self, pager: SourcePager) -> None:
        """Have the pager send what is left, as it is asked for and one page after the other."""
        pager.order("push")
        self.is_pushing = True

    def disconnect(self) -> None:
        """End the pager and the connections."""
        self.is_pushing = False
        if self.pager is not None:
            self.pager.close()
            self.pager = None
            self.sent.restart_counters()
        if self.control is not None:
            self.control.close()
            self.control = None

    def reconnect(self) -> tuple[Channel, SourcePager]:
        """Make new connections and a new pager, which learns from the target which pages that has.

        Raises:
            PeerLost: the link is still broken.
        """
        control = Channel.connect(self._addresses, self._port, self.plan.credentials, 3)
        control.send(messages.RECONNECT)
        pager = self._make_pager(self._connect_pager())
        try:
            pager.order("reconnect_source")
            pager.expect("reconnect_source", 60)
        except MigrationError:
            pager.close()
            raise
        self.control, self.pager = control, pager
        return control, pager
