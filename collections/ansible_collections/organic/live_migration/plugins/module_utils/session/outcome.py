# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a migration ended: the only thing that the processes of a host, and a host and the controller, say about that."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ..errors import Cancelled, Failure, ProcessEnded
from . import states
from .progress import Snapshot


class Verdict(Enum):
    """Where the process is when the migration has ended."""

    COMPLETED = "completed"
    """It runs on the target host."""
    ROLLED_BACK = "rolled_back"
    """The migration failed before its commit point; the process runs on the source host as before."""
    CANCELLED = "cancelled"
    """The same, because a user cancelled it."""
    IN_DOUBT = "in_doubt"
    """The migration failed at its commit point or later; the target host must be asked, and the copy on the source
    host stays frozen until then."""
    STATE_LOST = "state_lost"
    """Post-copy failed after the process had run on the target host; it is stopped on both hosts."""
    PROCESS_EXITED = "process_exited"
    """The process exited by itself, or was killed, before the commit point."""


class Notice(Enum):
    """What the user of a completed migration is warned of."""

    EXITED_ON_TARGET = "exited_on_target"
    """The process exited soon after it had begun to run on the target host."""
    MADVISE_CHANGED = "madvise_changed"
    """The process changed flags of its memory mappings right before the freeze; the change did not go along."""


FINAL_STATE = {
    Verdict.COMPLETED: states.COMPLETED,
    Verdict.CANCELLED: states.CANCELLED,
    Verdict.ROLLED_BACK: states.FAILED,
    Verdict.STATE_LOST: states.FAILED,
    Verdict.PROCESS_EXITED: states.FAILED,
}
"""The state in which a migration ends. One that is in doubt has not ended."""


@dataclass
class Outcome:
    """How a migration ended, and what it took.

    Attributes:
        verdict: where the process is.
        message: why it is not on the target host, in whole sentences; where it is instead is for the controller to say.
        details: for programs, for example ``criu_log``.
        traceback: of an error that nobody foresaw.
        process_downtime_ms: from the freeze until the process ran.
        bytes_sent: payload bytes that the source sent.
        steps: of the source, each with ``name``, ``start_ms`` and ``duration_ms``.
        target_steps: of the target.
        held_packets: that arrived in the downtime and were delivered afterwards.
        lost_packets: that arrived in the downtime and were not delivered.
        statistics: the last progress.
        criu: CRIU's own statistics of ``dump`` and ``restore``.
        commands: that were run on ``source`` and ``target``.
        notices: what to warn of.
    """

    verdict: Verdict
    message: str = ""
    details: dict[str, object] = field(default_factory=dict)
    traceback: str = ""
    process_downtime_ms: float = 0.0
    bytes_sent: int = 0
    steps: list[dict[str, object]] = field(default_factory=list)
    target_steps: list[dict[str, object]] = field(default_factory=list)
    held_packets: int = 0
    lost_packets: int = 0
    statistics: Snapshot | None = None
    criu: dict[str, object] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    @classmethod
    def failed(cls, failure: Failure, verdict: Verdict = Verdict.ROLLED_BACK) -> Outcome:
        return cls(verdict, failure.message, failure.details, failure.traceback)

    @classmethod
    def of_error(cls, error: Exception) -> Outcome:
        """Of an exception before the commit point, after everything was undone."""
        verdict = Verdict.ROLLED_BACK
        if isinstance(error, Cancelled):
            verdict = Verdict.CANCELLED
        elif isinstance(error, ProcessEnded):
            verdict = Verdict.PROCESS_EXITED
        return cls.failed(Failure.of(error), verdict)

    @property
    def state(self) -> str:
        """The state in which users see the migration at its end."""
        return FINAL_STATE.get(self.verdict, states.FAILED)


@dataclass
class Pending:
    """A migration that has not ended, and how far it is."""

    progress: Snapshot
