# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of the memory to the target host: in rounds before the freeze (pre-copy), and after it (post-copy).

What is sent in the freeze is :class:`source.Source`'s to order, as all that makes the downtime. Paper section 3.3.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

from ..errors import MigrationError, PeerFailed, PeerGone, PeerLost
from ..host.steps import now_ms
from ..memory import dirty_tracking
from ..memory.pager import Answer, Sent, SourcePager
from ..session import channel
from ..session.channel import Channel, PageStream
from ..session.options import Plan
from ..session.progress import POSTCOPY_ACTIVE, POSTCOPY_PAUSED, Progress
from . import convergence
from .convergence import PAGE_BYTES, Convergence, Round

NO_TIMEOUT_S = 24 * 3600.0
"""For what takes as long as it takes; a link that breaks is noticed by itself."""
_AGAIN_S = 0.2
"""After so long a link that broke is tried again."""


class MemoryTransfer:
    """The connections of one migration as the source has them, and what goes over them of the memory.

    Args:
        plan: the controller's orders.
        addresses: of the target host, in the order in which they are tried.
        port: of the target's agent.
        root: first process of the tree, as the host counts.
        monitor: is told of the progress.

    Attributes:
        control: for the messages; None while there is none.
        pager: at work on this host; None while there is none. In post-copy it may be another one than before.
        sent: what the pagers have sent.
    """

    def __init__(self, plan: Plan, addresses: list[str], port: int, root: int, monitor: Progress) -> None:
        self._plan = plan
        self._addresses = addresses
        self._port = port
        self._root = root
        self._progress = monitor
        self.control: Channel | None = None
        self.pager: SourcePager | None = None
        self.sent = Sent()
        self._pushes = False
        self._pages_found = 0
        self._stopped_ms = 0.0

    def connect(self) -> tuple[Channel, PageStream, list[socket.socket]]:
        """One connection for the messages, and, authenticated the same way, one for CRIU's pages and the pager's."""
        control = Channel.connect(self._addresses, self._port, self._plan.credentials, 10)
        control.send("hello", strategy=self._plan.options.strategy, connections=self._plan.options.connections)
        stream, for_pager = self._connect_for_pages("pages"), self._connect_pager()
        self.control = control
        return control, stream, for_pager

    def _connect_pager(self) -> list[socket.socket]:
        connections = [self._connect_for_pages("pager").plain for _number in range(self._plan.options.connections)]
        for connection in connections:
            channel.enlarge_buffer(connection, receives=False)
        return connections

    def _connect_for_pages(self, purpose: str) -> PageStream:
        connection = Channel.connect(self._addresses, self._port, self._plan.credentials, 10)
        connection.send(purpose)
        return connection.to_stream(self._plan.options.is_encrypted)

    def start_pager(self, connections: list[socket.socket]) -> SourcePager:
        """Start the pager, to which the connections belong from then on."""
        self.pager = self._make_pager(connections)
        return self.pager

    def _make_pager(self, connections: list[socket.socket]) -> SourcePager:
        pager = SourcePager(self._root, connections, self._tracking())
        for connection in connections:
            connection.close()  # the pager's alone: its end is the connection's
        if self._plan.options.compression == "zstd":
            pager.order("compress")
            pager.expect("compress", 10)
        if self._plan.options.max_bandwidth:
            pager.order(f"limit {self._plan.options.max_bandwidth}")
            pager.expect("limit", 10)
        return pager

    def _tracking(self) -> str:
        """How the pager is to find what was written; of no matter where there are no rounds."""
        options = self._plan.options
        if not options.tracks_pages:
            return dirty_tracking.WRITE_PROTECTION
        tracking = dirty_tracking.choose(options.page_tracking, dirty_tracking.missing_kernel_features())
        self._progress.update(page_tracking=tracking)
        return tracking

    def report(self, progress: Answer) -> None:
        """Tell of what the pager does at this moment, or nothing."""
        if progress:
            self.sent.count(progress)
            self._report_pages(remaining_bytes=progress["pages_left"] * PAGE_BYTES)

    def report_done(self, done: Answer) -> None:
        """Tell of what came of an order to the pager."""
        self.sent.finish(done)
        self._report_pages()
        self._progress.update(throughput_bytes_per_s=self.sent.bytes_per_s)

    def _report_pages(self, **figures: float) -> None:
        self._progress.update(transferred_bytes=self.sent.bytes, duplicate_pages=self.sent.zero_pages, **figures)

    # Pre-copy: rounds, while the process runs

    def copy_while_running(self, pager: SourcePager, throttle: Callable[[int], None]) -> bool:
        """Send the memory, then what was written meanwhile, until what is left can be sent in the downtime.

        Args:
            pager: that was started.
            throttle: takes so many percent of its CPU time from the process.

        Returns:
            Whether the rest is better sent after the freeze.

        Raises:
            MigrationError: what is left does not get less, or not in time.
        """
        options = self._plan.options
        converging = Convergence(options.downtime_limit_ms, options.max_rounds, options.on_no_convergence)
        deadline = now_ms() + self._plan.timeout_s * 1000
        number, verdict, scanned_ms = 0, convergence.ITERATE, now_ms()
        while verdict in (convergence.ITERATE, convergence.THROTTLE):
            number += 1
            started_ms = now_ms()
            if started_ms > deadline:
                raise MigrationError(
                    f"The memory was not copied within {self._plan.timeout_s} s (timeout_s); the process writes "
                    f"{converging.dirty_pages_per_s:.0f} pages a second."
                )
            before = self.sent.bytes
            done = self.round(pager, number, (deadline - started_ms) / 1000)
            sent = self.sent.bytes - before
            verdict = converging.next_action(
                Round(done["pages_written"], started_ms - scanned_ms, sent, done["duration_ms"])
            )
            scanned_ms = started_ms
            self._report_round(converging)
            if verdict == convergence.THROTTLE:
                throttle(converging.throttle_percent)
        if verdict == convergence.FAIL:
            raise MigrationError(
                f"The memory does not converge: the process writes {converging.dirty_pages_per_s:.0f} pages a "
                f"second, the expected downtime is {converging.expected_downtime_ms:.0f} ms and at most "
                f"{options.downtime_limit_ms} ms are allowed (downtime_limit_ms). Raise it, or set "
                "on_no_convergence to throttle or post_copy."
            )
        return verdict == convergence.POST_COPY

    def round(self, pager: SourcePager, number: int, timeout_s: float) -> Answer:
        """Send what was written since the last round.

        Raises:
            Cancelled: that was ordered meanwhile.
        """
        self._progress.update(round=number)
        pager.order("round")
        done = pager.expect("round", timeout_s, self._on_progress)
        self.report_done(done)
        self._pages_found += done["pages_written"]
        self._stopped_ms += done["tracking_stop_ms"]
        self._progress.update(
            skipped_pages=self._pages_found - done["pages_sent"] - done["zero_pages"],
            tracking_stop_ms=round(self._stopped_ms, 2),
        )
        return done

    def _on_progress(self, progress: Answer) -> None:
        """Called while the pager works: tell of it, and see whether it is to be given up."""
        self.report(progress)
        self._progress.check()

    def _report_round(self, converging: Convergence) -> None:
        self._progress.update(
            remaining_bytes=int(converging.remaining_pages * PAGE_BYTES),
            dirty_pages_per_s=round(converging.dirty_pages_per_s, 1),
            throughput_bytes_per_s=round(converging.bytes_per_ms * 1000),
            expected_downtime_ms=round(converging.expected_downtime_ms, 1),
        )

    # Post-copy: the process runs on the target, its pages are still here

    def start_push(self, pager: SourcePager) -> None:
        """Have the pager send what is left, as it is asked for and one after the other; :meth:`push` awaits the end."""
        pager.order("push")
        self._pushes = True

    def push(self, it_runs: bool = True) -> None:
        """Send what is left. What was sent and not received when a link or a pager fails is still here, and sent again.

        Args:
            it_runs: the process is known to run on the target, which then listens until it has all. A firewall may
                refuse for it meanwhile.

        Raises:
            PeerFailed: the target has stopped the process.
            PeerGone: nobody listens on the target, and the process is not known to run there.
            PeerLost: for too long nothing could be sent.
        """
        deadline_ms = 0.0
        while True:
            before = self.sent.bytes
            try:
                control, pager = self.control, self.pager
                if control is None or pager is None:
                    control, pager = self.reconnect()
                    self._progress.set_state(POSTCOPY_ACTIVE)
                if not self._pushes:
                    self.start_push(pager)
                self.report_done(pager.expect("push", NO_TIMEOUT_S, self.report))
                with contextlib.suppress(PeerLost):  # all pages are there, whatever becomes of the link or of the agent
                    control.send("push_done")
                    control.expect("placed_all", NO_TIMEOUT_S)
                return
            except PeerFailed:
                raise
            except MigrationError as error:
                if isinstance(error, PeerGone) and not it_runs:
                    raise
                got_on = self.sent.bytes > before
                self.disconnect()
                self._progress.set_state(POSTCOPY_PAUSED)
                if got_on or not deadline_ms:
                    deadline_ms = now_ms() + self._plan.options.postcopy_timeout_s * 1000
                if now_ms() > deadline_ms:
                    raise PeerLost(
                        f"The link broke in post-copy and did not come back within "
                        f"{self._plan.options.postcopy_timeout_s} s (postcopy_timeout_s). {error}"
                    ) from None
                time.sleep(_AGAIN_S)

    def disconnect(self) -> None:
        """End the pager and the connections."""
        self._pushes = False
        if self.pager is not None:
            self.pager.close()
            self.pager = None
            self.sent.restart_counters()
        if self.control is not None:
            self.control.close()
            self.control = None

    def reconnect(self) -> tuple[Channel, SourcePager]:
        """Make new connections, and a new pager, which is told by the target what it has.

        Raises:
            PeerLost: the link is still broken.
        """
        control = Channel.connect(self._addresses, self._port, self._plan.credentials, 3)
        control.send("resume")
        pager = self._make_pager(self._connect_pager())
        try:
            pager.order("resume")
            pager.expect("resume", 60)
        except MigrationError:
            pager.close()
            raise
        self.control, self.pager = control, pager
        return control, pager
