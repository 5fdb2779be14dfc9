# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress file and cancel/continue flags of a running migration.

Both lie in the directory of its journal, on the source host: ``progress.json`` is replaced as a whole, and a flag is an
empty file.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import paths, typed
from ..errors import Cancelled, MigrationError
from ..host.steps import now_ms
from . import states

_PROGRESS = "progress.json"
_CANCEL = "cancel"
_CONTINUE = "continue"
_REPORT_EVERY_MS = 200
POLL_INTERVAL_S = 0.01

_WRITE_AT_ONCE = ("round", "queued", "throttle_percent")


@dataclass
class Event:
    """A state that was entered, and when, in milliseconds since the start of the migration's agent."""

    state: str
    at_ms: float


@dataclass
class RoundDone:
    """A round of pre-copy that has ended.

    Attributes:
        number: counted from 1; 0 is what is sent again after a pause before the switchover.
        at_ms: when it began, since the start of the migration's agent.
        duration_ms: of the round.
        pages_written: that it found; in the first, all pages.
        bytes_sent: in it.
    """

    number: int
    at_ms: float
    duration_ms: float
    pages_written: int
    bytes_sent: int


@dataclass
class CloneFigures:
    """How strategy ppm is doing.

    Attributes:
        clone_pause_ms: how long the process was stopped to be cloned, from its last input until it went on.
        parallel_ms: how long both copies have run.
        inputs: packets that the clone got.
        answers_compared: packets of the process that the clone said as well.
        chain: hash over the inputs in their order.
        lag_ms: how far the clone is behind; 0 in step.
        turnstile_wait_ms: how long a packet waited, on average, until the process was at rest.
        handover_ms: from the last input of the process until the clone was heard.
        divergence: where the clone parted from the process: ``flow``, ``offset``, ``source``, ``clone``, ``reason``.
    """

    clone_pause_ms: float = 0.0
    parallel_ms: float = 0.0
    inputs: int = 0
    answers_compared: int = 0
    chain: str = ""
    lag_ms: float = 0.0
    turnstile_wait_ms: float = 0.0
    handover_ms: float = 0.0
    divergence: dict[str, object] = field(default_factory=dict)


@dataclass
class Snapshot:
    """The progress of a migration at one moment; the last one is the ``statistics`` of its result.

    Attributes:
        migration_id: of the migration.
        name: of the container.
        peer: inventory name of the target host.
        strategy: how the memory is copied.
        state: one of ``states.SHOWN``; empty before the first.
        queued: it waits until other migrations have ended.
        round: of pre-copy, counted from 1.
        remaining_bytes: memory still to be sent.
        transferred_bytes: memory that was sent.
        total_bytes: memory in use.
        duplicate_pages: pages of zeros, which were not sent.
        skipped_pages: pages that were unmapped before they were sent.
        dirty_pages_per_s: pages of 4096 bytes that the process wrote.
        page_tracking: the method by which these were found; empty without rounds.
        tracking_stop_ms: how long the process was stopped for that, in all rounds together.
        throughput_bytes_per_s: of memory, at its best.
        expected_downtime_ms: as of the last round.
        downtime_limit_ms: the target downtime that the user set.
        throttle_percent: share of its CPU time that is taken from the container.
        setup_ms: time before the first page.
        elapsed_ms: time since the start.
        started_at: seconds since 1970 by the clock of this host, when the migration's agent began.
        clone: of strategy ppm, once there is a clone.
        events: the states that were entered.
        rounds: of pre-copy that have ended.
    """

    migration_id: str
    name: str = ""
    peer: str = ""
    strategy: str = ""
    state: str = ""
    queued: bool = False
    round: int = 0
    remaining_bytes: int = 0
    transferred_bytes: int = 0
    total_bytes: int = 0
    duplicate_pages: int = 0
    skipped_pages: int = 0
    dirty_pages_per_s: float = 0.0
    page_tracking: str = ""
    tracking_stop_ms: float = 0.0
    throughput_bytes_per_s: float = 0.0
    expected_downtime_ms: float = 0.0
    downtime_limit_ms: int = 0
    throttle_percent: int = 0
    setup_ms: float = 0.0
    elapsed_ms: float = 0.0
    started_at: float = 0.0
    clone: CloneFigures | None = None
    events: list[Event] = field(default_factory=list)
    rounds: list[RoundDone] = field(default_factory=list)

    def enter(self, state: str, at_ms: float) -> None:
        """Enter a state, at a time since the start."""
        states.check_shown(state)
        self.state, self.elapsed_ms = state, at_ms
        self.events.append(Event(state, at_ms))


_FACTS = (
    "migration_id",
    "name",
    "peer",
    "strategy",
    "state",
    "setup_ms",
    "elapsed_ms",
    "started_at",
    "events",
    "rounds",
)
_FIGURES = frozenset(vars(Snapshot("")).keys()) - set(_FACTS)
"""What :meth:`Progress.update` may set."""


class Progress:
    """Progress and flags of one migration. May be used by several threads.

    Args:
        directory: of the migration's journal; made if it is missing.
        facts: fields of a :class:`Snapshot` that are known from the start, ``migration_id`` among them.
    """

    def __init__(self, directory: Path, facts: Mapping[str, object]) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._start_ms = now_ms()
        self._reported_ms = 0.0
        self._snapshot = typed.from_dict(Snapshot, dict(facts))
        self._snapshot.started_at = round(time.time(), 6)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.set_state(states.SETUP)

    def set_state(self, state: str) -> None:
        """The migration is in this state now; entering it again changes nothing."""
        states.check_shown(state)
        with self._lock:
            if self._snapshot.state == state:
                return
            elapsed_ms = round(now_ms() - self._start_ms, 2)
            if self._snapshot.state == states.SETUP:
                self._snapshot.setup_ms = elapsed_ms
            self._snapshot.enter(state, elapsed_ms)
            self._write()

    def update(self, **figures: float | str | CloneFigures) -> None:
        """Set figures. They are written with a new round or state, else at most every 200 ms."""
        if unknown := set(figures) - _FIGURES:
            raise ValueError(f"Not figures of a migration: {', '.join(sorted(unknown))}")
        with self._lock:
            at_once = any(name in figures and figures[name] != getattr(self._snapshot, name) for name in _WRITE_AT_ONCE)
            for name, value in figures.items():
                setattr(self._snapshot, name, value)
            if at_once or now_ms() - self._reported_ms >= _REPORT_EVERY_MS:
                self._write()

    def add_round(self, number: int, started_ms: float, done: Mapping[str, float], bytes_sent: int) -> None:
        """Keep the figures of a round that has ended; they are written with the next ones.

        Args:
            started_ms: on the monotonic clock.
            done: what the pager reports at the end of a round.
        """
        with self._lock:
            at_ms = round(started_ms - self._start_ms, 2)
            self._snapshot.rounds.append(
                RoundDone(number, at_ms, float(done["duration_ms"]), int(done["pages_written"]), bytes_sent)
            )

    @property
    def cancelled(self) -> bool:
        """Whether a user has it cancelled."""
        return (self._directory / _CANCEL).exists()

    def check(self) -> None:
        """Raises Cancelled if a user wants that, after entering CANCELLING; cheap, to be called between steps."""
        if self.cancelled:
            self.set_state(states.CANCELLING)
            raise Cancelled

    @property
    def continued(self) -> bool:
        """Whether a user has it continue."""
        return (self._directory / _CONTINUE).exists()

    def await_continue(self, timeout_s: float) -> None:
        """Wait in PRE_SWITCHOVER until a user has it continue.

        Raises:
            Cancelled: it is cancelled instead.
            MigrationError: nobody does either in time.
        """
        self.set_state(states.PRE_SWITCHOVER)
        deadline = time.monotonic() + timeout_s
        while not self.continued:
            self.check()
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"The migration paused before its switchover and was not continued within {timeout_s:.0f} s "
                    "(timeout_s). Migrate again, and run container_migration_continue in time."
                )
            time.sleep(POLL_INTERVAL_S)  # before the freeze, where nothing is lost

    def snapshot(self) -> Snapshot:
        """The whole progress; also the statistics of a result."""
        with self._lock:
            return self._now()

    def _now(self) -> Snapshot:
        elapsed_ms = round(now_ms() - self._start_ms, 2)
        return replace(
            self._snapshot,
            elapsed_ms=elapsed_ms,
            clone=self._snapshot.clone and replace(self._snapshot.clone),
            events=list(self._snapshot.events),
            rounds=list(self._snapshot.rounds),
        )

    def _write(self) -> None:
        self._reported_ms = now_ms()
        temporary = self._directory / f"{_PROGRESS}.new"
        with contextlib.suppress(OSError):  # a full memory file system must not end a migration that needs no more
            temporary.write_text(json.dumps(typed.to_dict(self._now())))
            os.replace(temporary, self._directory / _PROGRESS)


def read(directory: Path) -> Snapshot | None:
    """The progress of a migration; None when there is none (any more)."""
    try:
        return typed.from_dict(Snapshot, json.loads((directory / _PROGRESS).read_text()))
    except (OSError, ValueError):
        return None


def final_snapshot(directory: Path, state: str) -> Snapshot | None:
    """The last progress of a migration that has ended in this state, also if its Progress was killed before."""
    snapshot = read(directory)
    if snapshot is not None and snapshot.state not in states.FINAL:
        elapsed_ms = snapshot.elapsed_ms
        with contextlib.suppress(OSError):
            written_s = (directory / _PROGRESS).stat().st_mtime
            elapsed_ms = round(elapsed_ms + max(0.0, time.time() - written_s) * 1000, 2)
        snapshot.enter(state, elapsed_ms)
    return snapshot


def request_cancel(directory: Path) -> None:
    """Raises FileNotFoundError when the migration has ended; idempotent."""
    _set_flag(directory / _CANCEL)


def request_continue(directory: Path) -> None:
    """Raises FileNotFoundError when the migration has ended; idempotent."""
    _set_flag(directory / _CONTINUE)


def _set_flag(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def remove_files(directory: Path) -> None:
    """Remove the progress file and the flags once the migration has ended; idempotent.

    The directory goes with the last record in it.
    """
    for name in (_PROGRESS, f"{_PROGRESS}.new", _CANCEL, _CONTINUE):
        (directory / name).unlink(missing_ok=True)
    for each in (directory, paths.journals(), paths.STATE):
        try:
            each.rmdir()
        except OSError:
            return
