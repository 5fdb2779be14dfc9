# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ppm: parallel process migration. A clone runs on the target host before the process moves (paper section 3.3).

The process stops only for the dump: its restore, and the switch of its addresses, are no part of the pause. Then both
copies get the same packets in the same order, and what they say is compared; the clone is not heard. When it has said
the same for a while it takes over, which takes a millisecond. Until the commit the process on the source is the true
one: whatever fails, it goes on, and the clone is destroyed.
"""

from __future__ import annotations

import time
from dataclasses import replace

from ..criu import tcp_streams
from ..criu.tcp_streams import TcpStream
from ..errors import CloneVoid, MigrationError
from ..host.steps import now_ms
from ..memory.pager import Answer
from ..network.mirror import SourceMirror
from ..session import messages, states
from ..session.channel import Message
from ..session.stall import STALL_TIMEOUT_S, StallDetector
from . import handover
from .base import Strategy
from .context import SourceContext
from .cost_model import Costs, Limits, Load, Prediction
from .handover import Handover, void_if_target_fails
from .pre_copy import PreCopy

_PAUSE_SHARE = 0.6
"""What freeze and dump take of pre_copy's downtime; restore and switch of addresses are no part of the pause."""
_PARALLEL_MS = 150.0
"""From the pause until the clone takes over: its restore, and ``ppm_verify_ms``."""
_QUIET_ATTEMPTS = 50
"""How often the process is asked to sleep before it is cloned; each time it may take ``ppm_max_wait_ms``."""


class Ppm(PreCopy):
    """The clone gets the same input as the process, and takes over once it has said the same for a while."""

    name = "ppm"
    runs_before_commit = True

    @classmethod
    def predict(cls, load: Load, limits: Limits, costs: Costs) -> Prediction:
        one = super().predict(load, limits, costs)
        pause_ms, parallel_ms = _PAUSE_SHARE * one.downtime_ms, _PARALLEL_MS + one.downtime_ms
        return replace(
            one,
            downtime_ms=round(pause_ms, 1),
            migration_time_ms=round(one.migration_time_ms + parallel_ms, 1),
        )

    @classmethod
    def attempts(cls, clones: int) -> tuple[str, ...]:
        return (*[cls.name] * clones, PreCopy.name)

    def __init__(self) -> None:
        self._handover: Handover | None = None
        self._is_cloned = False
        self._frozen_at_ms = 0.0

    def copy_live(self, source: SourceContext) -> Strategy:
        if source.tuns:
            raise MigrationError(
                f"The process has the TUN device {source.tuns[0].name} open: a packet that it reads from it would have "
                "to be read twice. Use strategy pre_copy."
            )
        return super().copy_live(source)

    def switch_over(self, source: SourceContext) -> Message:
        mirror = self._prepare(source)
        self._handover = Handover(source, mirror)
        try:
            restored, streams = self._clone(source, mirror)
            self._handover.run_in_step(streams, self._frozen_at_ms)
            self._handover.take_over()
        except BaseException:
            if self._is_cloned:  # else CRIU may hold the process: the rollback knows what to do
                self._handover.give_up()
            raise
        return restored

    def commit(self, source: SourceContext) -> bytes:
        if source.mirror is not None:
            source.mirror.forward_late()  # with those that open a connection
        return b""

    def process_runs(self, source: SourceContext) -> None:
        if self._handover is not None:
            self._handover.finish()

    @staticmethod
    def _prepare(source: SourceContext) -> SourceMirror:
        """Arm the mirrors on both hosts, and have the target take the addresses in silence."""
        with source.steps.step("prepare_clone"):
            mirror = SourceMirror(
                source.container.init.pid, source.plan.migration_id, source.plan.options.ppm_max_wait_ms
            )
            source.mirror = mirror
            source.record.mirrored = True
            source.record.save()
            source.control.send(messages.PREPARE_CLONE)
            addresses = [address for one in source.links.interfaces for address in one.ip_addresses]
            with source.memory.connect_mirror().plain as stream:  # the mirror's alone: its end is the connection's
                mirror.arm([source.root.pid], addresses, stream)
            with void_if_target_fails():
                source.control.expect(messages.CLONE_PREPARED, STALL_TIMEOUT_S)
        return mirror

    def _clone(self, source: SourceContext, mirror: SourceMirror) -> tuple[Message, list[TcpStream]]:
        """Copy the process, which stops for the dump alone.

        Returns:
            The target's message "restored", and where the process's connections stood.

        Raises:
            MigrationError: there is no copy; the process runs on, or is to be thawed by the rollback.
        """
        control, pager, steps, timeout_s = source.control, source.pager, source.steps, source.plan.timeout_s
        self._enter(source)
        began_ms = self._await_quiet(source, mirror)
        stall = self._freeze(source)
        mirror.mark()
        with steps.step("dump"):
            archive, gone, unread = self._dump(source, stall)
            self._finish_dump(source, stall)
            self._is_cloned = True

        def on_progress(progress: Answer) -> None:
            source.memory.report(progress)
            stall.check()

        with steps.step("final_memory"):  # it is read from the stopped process
            pager.expect("lists", timeout_s, on_progress)
            source.final = pager.expect("final", timeout_s, on_progress)
        with steps.step("thaw"):
            source.freezer.thaw()
            mirror.open_turnstile()
        source.stop_deadline()
        source.clone.clone_pause_ms = round(now_ms() - began_ms, 2)
        self._frozen_at_ms, source.frozen_at_ms = source.frozen_at_ms, 0.0
        source.record.save(states.CLONED)
        source.progress.set_state(states.CLONED)
        with steps.step("restore"):
            streams = tcp_streams.streams(self._send_images(source, archive, gone, unread))
            handed_over = source.stream.bytes_sent + control.blob_bytes_sent
            stall = StallDetector(source.bytes_moved, source.current_step, at_work_bytes=handed_over)

            def on_poll() -> None:
                stall.check()
                handover.check_mirror(mirror)

            return control.expect(messages.RESTORED, timeout_s, on_poll, mirror), streams

    @staticmethod
    def _await_quiet(source: SourceContext, mirror: SourceMirror) -> float:
        """Hold the input once the process has handled all that came; returns since when it is held."""
        limit_s = source.plan.options.ppm_max_wait_ms / 1000
        for _attempt in range(_QUIET_ATTEMPTS):
            began_ms = now_ms()
            mirror.hold()
            if mirror.await_quiet(limit_s):
                return began_ms
            mirror.open_turnstile()
            handover.check_mirror(mirror)
            source.progress.check()
            time.sleep(limit_s)  # the process works on what was held
        raise CloneVoid(
            f"The process was never at rest: in {_QUIET_ATTEMPTS} attempts some thread of it ran on for "
            f"{source.plan.options.ppm_max_wait_ms} ms after its last input.",
            "never_quiet",
        )

    def _hold_connections(self, source: SourceContext) -> None:
        if source.mirror is not None:  # it is armed before
            source.mirror.hold_connections()

    def _start_readers(self, source: SourceContext) -> None:
        """Nothing but the mirror holds packets."""
