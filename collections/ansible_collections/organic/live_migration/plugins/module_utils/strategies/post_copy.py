# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""post_copy: freeze, move the minimal state, restore, fetch the other pages on demand."""

from __future__ import annotations

import contextlib
import select
import time

from ..errors import MigrationError, PeerFailed, PeerGone, PeerLost
from ..host.steps import now_ms
from ..memory.pager import Answer, PagesLost
from ..session import messages, states
from . import cost_model
from .base import Strategy
from .context import SourceContext, TargetContext
from .cost_model import Costs, Limits, Load, Prediction
from .freeze_and_copy import FreezeAndCopy
from .memory_transfer import MemoryTransfer

NO_TIMEOUT_S = 24 * 3600.0
"""For what takes as long as it takes; a broken link is noticed by itself."""
_FAILURE_REASON_TIMEOUT_S = 5
_RETRY_S = 0.2
"""Time until a broken link is tried again."""


class PostCopy(FreezeAndCopy):
    """The shortest downtime, whatever the process writes; until all pages are there, it depends on both hosts."""

    name = "post_copy"
    needs_source_after_commit = True
    places_directly = True
    final_command = "final_bitmap"

    @classmethod
    def predict(cls, load: Load, limits: Limits, costs: Costs) -> Prediction:
        degraded_ms = 1000 * load.memory_bytes / costs.on_demand_bytes_per_s(load)
        downtime_ms = costs.shortest_downtime_ms(load)
        return cost_model.prediction(cls.name, costs, downtime_ms, load.memory_bytes, degraded_ms=degraded_ms)

    def copy_live(self, source: SourceContext) -> Strategy:
        """Send the shared memory, whose pages cannot be fetched on demand."""

        def on_progress(progress: Answer) -> None:
            source.memory.report(progress)
            source.progress.check()

        with source.steps.step("precopy"):
            source.pager.order("send_shared")
            source.memory.report_done(source.pager.expect("send_shared", source.plan.timeout_s, on_progress))
        return super().copy_live(source)

    def process_runs(self, source: SourceContext) -> None:
        with contextlib.suppress(MigrationError):  # a pager that is lost is replaced: see after_commit
            source.memory.start_push(source.pager)

    def after_commit(self, memory: MemoryTransfer, is_running: bool = True) -> None:
        """Push what is left. Pages that were sent and not received when a link or a pager fails are sent again.

        Raises:
            PeerFailed: the target has stopped the process.
            PeerGone: nobody listens on the target, and the process is not known to run there.
            PeerLost: nothing could be sent for longer than postcopy_timeout_s.
        """
        deadline_ms = 0.0
        while True:
            before = memory.sent.bytes
            try:
                control, pager = memory.control, memory.pager
                if control is None or pager is None:
                    control, pager = memory.reconnect()
                    memory.progress.set_state(states.POSTCOPY_ACTIVE)
                if not memory.is_pushing:
                    memory.start_push(pager)
                memory.report_done(pager.expect("push", NO_TIMEOUT_S, memory.report))
                with contextlib.suppress(PeerLost):  # all pages are there, whatever becomes of the link or of the agent
                    control.send(messages.PUSH_DONE)
                    control.expect(messages.PLACED_ALL, NO_TIMEOUT_S)
                return
            except PeerFailed:
                raise
            except MigrationError as error:
                if isinstance(error, PeerGone) and not is_running:  # a firewall may refuse for a process that runs
                    raise
                sent_some = memory.sent.bytes > before
                memory.disconnect()
                memory.progress.set_state(states.POSTCOPY_PAUSED)
                if sent_some or not deadline_ms:
                    deadline_ms = now_ms() + memory.plan.options.postcopy_timeout_s * 1000
                if now_ms() > deadline_ms:
                    raise PeerLost(
                        f"The link broke in post-copy and did not come back within "
                        f"{memory.plan.options.postcopy_timeout_s} s (postcopy_timeout_s). {error}"
                    ) from None
                time.sleep(_RETRY_S)

    def complete(self, target: TargetContext) -> None:
        """Wait until the source has sent all. While the link is broken, the process waits for pages that it needs."""
        pager = target.pager
        while True:
            try:
                while (
                    target.control.fileno() not in select.select([target.control.fileno(), pager.fileno()], [], [])[0]
                ):
                    with contextlib.suppress(PagesLost):  # the source says why, or is silent as well
                        pager.check()
                        continue
                    break
                target.control.expect(messages.PUSH_DONE, _FAILURE_REASON_TIMEOUT_S)
                return
            except PeerLost:
                target.control.close()
            if pager.is_complete:
                return
            self._reconnect(target)

    @staticmethod
    def _reconnect(target: TargetContext) -> None:
        deadline = time.monotonic() + target.plan.options.postcopy_timeout_s
        while True:
            control = target.listener.accept(max(0.0, deadline - time.monotonic()))
            try:
                control.expect(messages.RECONNECT, 10)
                connections = target.accept_pager()
                target.pager.order("reconnect", connections)
                for connection in connections:
                    connection.close()
                target.pager.expect("reconnect", 60)
                target.control = control
                return
            except (PeerLost, PagesLost):
                control.close()
