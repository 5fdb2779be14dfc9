# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds of pre-copy: memory is sent while the process runs, and again where it was written meanwhile."""

from __future__ import annotations

from ..errors import MigrationError
from ..host.cpu_time import CpuTime
from ..host.steps import now_ms
from ..memory.pager import Answer
from . import convergence
from .context import SourceContext
from .convergence import PAGE_BYTES, Convergence, Round


class Rounds:
    """The rounds of one migration.

    Args:
        source: its pager must find written pages.
    """

    def __init__(self, source: SourceContext) -> None:
        self._source = source
        self._memory = source.memory
        self._progress = source.progress

    def copy_until_convergence(self) -> bool:
        """Send the memory, then what was written meanwhile, until the rest can be sent in the downtime.

        Returns:
            Whether it can; if not, the user wants the rest to be sent after the freeze.

        Raises:
            Cancelled: the user cancelled the migration.
            MigrationError: the rest does not shrink, or not in time.
        """
        with self._source.steps.step("precopy"):
            return self._copy_until_convergence()

    def _copy_until_convergence(self) -> bool:
        plan = self._source.plan
        options = plan.options
        converging = Convergence(options.downtime_limit_ms, options.max_rounds, options.on_no_convergence)
        deadline = now_ms() + plan.timeout_s * 1000
        number, action, scanned_ms = 0, convergence.ITERATE, now_ms()
        while action in (convergence.ITERATE, convergence.THROTTLE):
            number += 1
            started_ms = now_ms()
            if started_ms > deadline:
                raise MigrationError(
                    f"The memory was not copied within {plan.timeout_s} s (timeout_s); the process writes "
                    f"{converging.dirty_pages_per_s:.0f} pages a second."
                )
            before = self._memory.sent.bytes
            done = self.copy(number, (deadline - started_ms) / 1000)
            sent = self._memory.sent.bytes - before
            action = converging.next_action(
                Round(done["pages_written"], started_ms - scanned_ms, sent, done["duration_ms"])
            )
            scanned_ms = started_ms
            self._report(converging)
            if action == convergence.THROTTLE:
                self._throttle(converging.throttle_percent)
        if action == convergence.FAIL:
            raise MigrationError(
                f"The memory does not converge: the process writes {converging.dirty_pages_per_s:.0f} pages a "
                f"second, the expected downtime is {converging.expected_downtime_ms:.0f} ms and at most "
                f"{options.downtime_limit_ms} ms are allowed (downtime_limit_ms). Raise it, or set "
                "on_no_convergence to throttle or post_copy."
            )
        return action != convergence.POST_COPY

    def copy(self, number: int, timeout_s: float) -> Answer:
        """Send what was written since the last round; returns the pager's figures.

        Raises:
            Cancelled: the user cancelled the migration.
        """
        started_ms, before = now_ms(), self._memory.sent.bytes
        self._progress.update(round=number)
        self._source.pager.order("round")
        done = self._source.pager.expect("round", timeout_s, self._on_progress)
        self._memory.report_done(done)
        self._memory.report_round(done)
        self._progress.add_round(number, started_ms, done, self._memory.sent.bytes - before)
        return done

    def _on_progress(self, progress: Answer) -> None:
        """Called while the pager works."""
        self._memory.report(progress)
        self._progress.check()

    def _report(self, converging: Convergence) -> None:
        self._progress.update(
            remaining_bytes=int(converging.remaining_pages * PAGE_BYTES),
            dirty_pages_per_s=round(converging.dirty_pages_per_s, 1),
            throughput_bytes_per_s=round(converging.bytes_per_ms * 1000),
            expected_downtime_ms=round(converging.expected_downtime_ms, 1),
        )

    def _throttle(self, percent: int) -> None:
        """Take a part of its CPU time from the process. What it had is written down first."""
        record = self._source.record
        bandwidth = CpuTime(self._source.container)
        if not bandwidth.settings().keys() <= record.cpu_limit.keys():
            record.cpu_limit.update(bandwidth.settings())
            record.save()
        bandwidth.set(percent, record.cpu_limit)
        self._progress.update(throttle_percent=percent)
