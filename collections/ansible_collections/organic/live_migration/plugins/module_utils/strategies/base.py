# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One class a strategy: how a process gets to the target host (paper section 3.3).

The migration calls a strategy's methods in this order (compare QEMU's save_setup, save_live_iterate and
save_complete): on the source :meth:`Strategy.copy_live`, :meth:`Strategy.switch_over`, then, after the commit,
:meth:`Strategy.process_runs` and :meth:`Strategy.after_commit`; on the target :meth:`Strategy.complete`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ..session.channel import Message
from ..session.options import Plan
from .context import SourceContext, TargetContext
from .cost_model import Costs, Limits, Load, Prediction
from .memory_transfer import MemoryTransfer


class Strategy(ABC):
    """One object a migration and end; the same class serves both ends. Everything is resolved before the freeze."""

    name: ClassVar[str]
    methods: ClassVar[tuple[str, ...]] = ("resident",)
    """Methods of container_migrate that know this strategy."""
    tracks_writes: ClassVar[bool] = False
    """The source's kernel must be able to find pages that were written."""
    needs_source_after_commit: ClassVar[bool] = False
    """Until the process has all its memory on the target, losing the source means losing the process."""
    runs_before_commit: ClassVar[bool] = False
    """The restored process runs, and is not heard, before the commit; until then the source's copy runs as well."""
    places_directly: ClassVar[bool] = False
    """The target's pager keeps nothing: pages that come before there is a process wait in the connections."""

    @classmethod
    @abstractmethod
    def predict(cls, load: Load, limits: Limits, costs: Costs) -> Prediction:
        """What it would cost, by the formulas of :mod:`cost_model`."""

    @classmethod
    def attempts(cls, clones: int) -> tuple[str, ...]:
        """Names of the strategies that are tried in turn, each where the clone of the one before was lost.

        Args:
            clones: how many may be made (``ppm_attempts``).
        """
        del clones
        return (cls.name,)

    def copy_live(self, source: SourceContext) -> Strategy:
        """Copy while the process runs; returns the strategy that finishes the migration, which may be another one.

        Raises:
            MigrationError: the process writes faster than its memory can be sent, or not in time.
        """
        source.refresh_files()
        return self

    def copy_after_pause(self, source: SourceContext) -> None:
        """Send what changed while the migration paused before its switchover."""
        source.refresh_files()

    def longest_switchover_ms(self, plan: Plan) -> float:
        """How long the process may be stopped before the commit point, its memory included."""
        return plan.options.switchover_timeout_ms

    @abstractmethod
    def switch_over(self, source: SourceContext) -> Message:
        """The downtime: from the freeze until the target has reported that the process is restored, and stopped.

        Returns:
            The target's message "restored".

        Raises:
            MigrationError: it was not restored; the process is still complete on the source.
        """

    def commit(self, source: SourceContext) -> bytes:
        """Called once the commit is written down; returns packets that the target is given with the message of it."""
        del source
        return b""

    def process_runs(self, source: SourceContext) -> None:
        """Called as soon as the process runs on the target."""
        del source

    def after_commit(self, memory: MemoryTransfer, is_running: bool = True) -> None:
        """Bring what is still on the source to the target.

        Args:
            memory: may be without connections, which are made again.
            is_running: the process is known to run on the target.

        Raises:
            PeerFailed: the target has stopped the process, whose memory is lost.
            PeerLost: the target cannot be reached; it may have all it needs.
        """
        del memory, is_running

    def complete(self, target: TargetContext) -> None:
        """On the target: wait until the source has sent everything.

        Raises:
            MigrationError: some memory is lost.
        """
        del target
