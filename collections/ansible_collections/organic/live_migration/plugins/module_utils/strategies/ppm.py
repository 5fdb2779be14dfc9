# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ppm: parallel process migration. A clone runs on the target host before the process moves (paper section 3.3).

The process stops only for the dump: its restore, and the switch of its addresses, are no part of the pause.
"""

from __future__ import annotations

from ..errors import MigrationError
from ..host.steps import now_ms
from ..memory.pager import Answer
from ..session import messages, states
from ..session.channel import Message
from ..session.stall import STALL_TIMEOUT_S, StallDetector
from .base import Strategy
from .context import SourceContext
from .pre_copy import PreCopy


class Ppm(PreCopy):
    """The clone gets the same input as the process, and takes over once it has said the same for a while."""

    name = "ppm"
    runs_before_commit = True

    def copy_live(self, source: SourceContext) -> Strategy:
        if source.tuns:
            raise MigrationError(
                f"The process has the TUN device {source.tuns[0].name} open: a packet that it reads from it would have "
                "to be read twice. Use strategy pre_copy."
            )
        return super().copy_live(source)

    def switch_over(self, source: SourceContext) -> Message:
        self._clone(source)
        raise MigrationError("The clone is discarded: nothing keeps it in step with the process.")

    def _clone(self, source: SourceContext) -> Message:
        """Copy the process, which stops for the dump alone; returns when the copy is restored and stopped.

        Raises:
            MigrationError: there is no copy; the process runs on, or is to be thawed by the rollback.
        """
        control, pager, steps, timeout_s = source.control, source.pager, source.steps, source.plan.timeout_s
        with steps.step("prepare_clone"):
            control.send(messages.PREPARE_CLONE)
            control.expect(messages.CLONE_PREPARED, STALL_TIMEOUT_S)
        self._enter(source)
        stall = self._freeze(source)
        with steps.step("dump"):
            archive, gone, unread = self._dump(source, stall)

        def on_progress(progress: Answer) -> None:
            source.memory.report(progress)
            stall.check()

        with steps.step("final_memory"):  # it is read from the stopped process
            pager.expect("lists", timeout_s, on_progress)
            source.final = pager.expect("final", timeout_s, on_progress)
        with steps.step("thaw"):
            source.freezer.thaw()
        source.stop_deadline()
        source.clone_pause_ms, source.frozen_at_ms = now_ms() - source.frozen_at_ms, 0.0
        source.record.save(states.CLONED)
        source.progress.set_state(states.CLONED)
        with steps.step("restore"):
            self._send_images(source, archive, gone, unread)
            handed_over = source.stream.bytes_sent + control.blob_bytes_sent
            stall = StallDetector(source.bytes_moved, source.current_step, at_work_bytes=handed_over)
            return control.expect(messages.RESTORED, timeout_s, stall.check)

    def _start_readers(self, source: SourceContext) -> None:
        """Nothing is held while the clone is made."""
