# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running migration tells of itself, and the orders that it takes meanwhile.

Both are files in the directory of its record, on the source host: ``progress.json`` is replaced as a whole, and an
order is an empty file. States are those of QEMU's migration (docs/devel/migration/main.rst, ``MigrationStatus``).
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from ..errors import Cancelled, MigrationError
from ..host.steps import now_ms

SETUP = "setup"
ACTIVE = "active"
PRE_SWITCHOVER = "pre-switchover"
"""Waits for the order to continue, while the process runs."""
SWITCHOVER = "switchover"
POSTCOPY_ACTIVE = "postcopy-active"
POSTCOPY_PAUSED = "postcopy-paused"
COMPLETED = "completed"
CANCELLING = "cancelling"
CANCELLED = "cancelled"
FAILED = "failed"
STATES = (SETUP, ACTIVE, PRE_SWITCHOVER, SWITCHOVER, POSTCOPY_ACTIVE, POSTCOPY_PAUSED, COMPLETED, CANCELLING,
          CANCELLED, FAILED)  # fmt: skip
EXITED = (COMPLETED, CANCELLED, FAILED)
CANCELLABLE = (SETUP, ACTIVE, PRE_SWITCHOVER, SWITCHOVER, CANCELLING)
"""The states in which the commit point may still lie ahead."""

_PROGRESS = "progress.json"
_CANCEL = "cancel"
_CONTINUE = "continue"
_REPORT_EVERY_MS = 200
POLL_INTERVAL_S = 0.01

_WRITE_AT_ONCE = ("round", "queued", "throttle_percent")
_FIGURES: dict[str, Any] = {
    "queued": False,
    "round": 0,
    "remaining_bytes": 0,
    "transferred_bytes": 0,
    "total_bytes": 0,
    "duplicate_pages": 0,
    "skipped_pages": 0,
    "dirty_pages_per_s": 0.0,
    "page_tracking": "",
    "tracking_stop_ms": 0.0,
    "throughput_bytes_per_s": 0.0,
    "expected_downtime_ms": 0.0,
    "downtime_limit_ms": 0,
    "throttle_percent": 0,
}

Snapshot = dict[str, Any]


class Progress:
    """Progress and orders of one migration. May be used by several threads.

    Args:
        record_directory: of the migration's record; made if it is missing.
        facts: what is known from the start: ``migration_id``, ``name``, ``peer``, ``strategy``, and figures.

    Figures, besides those of the facts: ``round`` counts from 1; ``remaining_bytes``, ``transferred_bytes`` and
    ``total_bytes`` are of memory; ``duplicate_pages`` held zeros and were not sent, ``skipped_pages`` were gone before
    they could be sent; ``dirty_pages_per_s`` in pages of 4096 bytes, found by ``page_tracking``, for which the process
    stood still for ``tracking_stop_ms`` in all rounds together; ``throttle_percent`` is what is taken of
    the process's CPU time; ``queued`` is true while other migrations go first.
    """

    def __init__(self, record_directory: Path, facts: Snapshot) -> None:
        self._directory = record_directory
        self._lock = threading.Lock()
        self._start_ms = now_ms()
        self._reported_ms = 0.0
        self._events: list[Snapshot] = []
        self._progress: Snapshot = {**_FIGURES, "setup_ms": 0.0, "elapsed_ms": 0.0, **facts}
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.set_state(SETUP)

    def set_state(self, state: str) -> None:
        """The migration is in this state now; entering it again changes nothing."""
        if state not in STATES:
            raise ValueError(f"'{state}' is not a state of a migration")
        with self._lock:
            if self._progress.get("state") == state:
                return
            elapsed_ms = round(now_ms() - self._start_ms, 2)
            if self._progress.get("state") == SETUP:
                self._progress["setup_ms"] = elapsed_ms
            self._progress["state"] = state
            self._events.append({"state": state, "at_ms": elapsed_ms})
            self._write()

    def update(self, **figures: float | str) -> None:
        """Set figures. They are written with a new round or state, else at most every 200 ms."""
        if unknown := set(figures) - set(_FIGURES):
            raise ValueError(f"Not figures of a migration: {', '.join(sorted(unknown))}")
        with self._lock:
            at_once = any(figures.get(key, self._progress[key]) != self._progress[key] for key in _WRITE_AT_ONCE)
            self._progress.update(figures)
            if at_once or now_ms() - self._reported_ms >= _REPORT_EVERY_MS:
                self._write()

    @property
    def cancelled(self) -> bool:
        """Whether it was ordered to cancel."""
        return (self._directory / _CANCEL).exists()

    def check(self) -> None:
        """Raises Cancelled when that was ordered, after entering CANCELLING; cheap, to be called between steps."""
        if self.cancelled:
            self.set_state(CANCELLING)
            raise Cancelled

    @property
    def continued(self) -> bool:
        """Whether it was ordered to continue."""
        return (self._directory / _CONTINUE).exists()

    def await_continue(self, timeout_s: float) -> None:
        """Wait in PRE_SWITCHOVER for the order to continue.

        Raises:
            Cancelled: that was ordered instead.
            MigrationError: nothing was ordered in time.
        """
        self.set_state(PRE_SWITCHOVER)
        deadline = time.monotonic() + timeout_s
        while not self.continued:
            self.check()
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"The migration paused before its switchover and was not continued within {timeout_s:.0f} s."
                )
            time.sleep(POLL_INTERVAL_S)  # before the freeze, where nothing is lost

    def as_dict(self) -> Snapshot:
        """The whole progress; also the ``statistics`` of a result."""
        with self._lock:
            return self._as_dict()

    def _as_dict(self) -> Snapshot:
        elapsed_ms = round(now_ms() - self._start_ms, 2)
        return {**self._progress, "elapsed_ms": elapsed_ms, "events": [dict(event) for event in self._events]}

    def _write(self) -> None:
        self._reported_ms = now_ms()
        temporary = self._directory / f"{_PROGRESS}.new"
        with contextlib.suppress(OSError):  # a full memory file system must not end a migration that needs no more
            temporary.write_text(json.dumps(self._as_dict()))
            os.replace(temporary, self._directory / _PROGRESS)


def read(record_directory: Path) -> Snapshot | None:
    """The progress of a migration; None when there is none (any more)."""
    try:
        progress: Snapshot = json.loads((record_directory / _PROGRESS).read_text())
    except (OSError, ValueError):
        return None
    return progress


def final_snapshot(record_directory: Path, state: str) -> Snapshot | None:
    """The last progress of a migration that has ended in this state, whether its Progress lived to tell so or not."""
    progress = read(record_directory)
    if progress is not None and progress["state"] not in EXITED:
        with contextlib.suppress(OSError):
            written_s = (record_directory / _PROGRESS).stat().st_mtime
            progress["elapsed_ms"] = round(progress["elapsed_ms"] + max(0.0, time.time() - written_s) * 1000, 2)
        progress["state"] = state
        progress["events"].append({"state": state, "at_ms": progress["elapsed_ms"]})
    return progress


def order_cancel(record_directory: Path) -> None:
    """Raises FileNotFoundError when the migration has ended; may be repeated."""
    _order(record_directory / _CANCEL)


def order_continue(record_directory: Path) -> None:
    """Raises FileNotFoundError when the migration has ended; may be repeated."""
    _order(record_directory / _CONTINUE)


def _order(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def remove_files(record_directory: Path) -> None:
    """Take away what a Progress has written, and orders, once the migration has ended; may be repeated.

    The directory goes with the last record in it.
    """
    for name in (_PROGRESS, f"{_PROGRESS}.new", _CANCEL, _CONTINUE):
        (record_directory / name).unlink(missing_ok=True)
    for directory in (record_directory, record_directory.parent, record_directory.parent.parent):
        try:
            directory.rmdir()
        except OSError:
            return
