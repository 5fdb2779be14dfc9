# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: migration_progress
type: stdout
short_description: Show the progress and the summary of container migrations
version_added: 0.2.0
description:
  - Shows what P(ansible.builtin.default#callback) shows, and the progress of the migrations of
    M(organic.live_migration.container_migrate), once they take longer than two seconds.
  - Also shows the progress of M(organic.live_migration.containers_migrate), how many containers have moved and which
    are on their way. In a log it is one line for each container.
  - On a terminal that is one line for each migration that is on its way, redrawn at each event, with state, round,
    memory that is left, rate at which the process writes, throughput and the downtime that is expected. In a log it is
    one line for each state.
  - Each migration, and each prediction in check mode, ends with a short table, the
    RV(organic.live_migration.container_migrate#module:summary) of its result. It is not shown with
    C(display_ok_hosts=false), nor for a task with C(no_log).
  - What the table is made of is left out of a failed task's result, but with C(-v).
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout in configuration
seealso:
  - module: organic.live_migration.container_migrate
author:
  - Organic 5GC contributors (@organic-5gc)
"""

import contextlib
import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.organic.live_migration.plugins.plugin_utils.ansible_compat import reported

_MIB = 1 << 20
_SUMMARIZED = ("migration", "prediction", "drain")
"""Fields of a result that comes with a summary."""
_IN_SUMMARY = (*_SUMMARIZED, "blockers", "summary")
_RESULTS = ("v2_runner_on_ok", "v2_runner_on_failed", "v2_runner_item_on_ok", "v2_runner_item_on_failed")

Snapshot = dict[str, Any]
"""Progress of a migration, as in the ``statistics`` of its result, and its two hosts."""


def states(progress: Snapshot, known: int) -> list[str]:
    """The states that a migration has entered, but for the first ``known``."""
    entered = [str(event["state"]) for event in progress.get("events", [])]
    return [f"{_title(progress)}: {state}" for state in entered[known:]]


def figures(progress: Snapshot) -> str:
    """A migration in one line. What is not known yet, or does not apply, is left out."""
    parts = [_title(progress), "queued" if progress.get("queued") else str(progress.get("state", ""))]
    known = {key: value for key, value in progress.items() if value}
    if "round" in known:
        parts.append(f"round {known['round']}")
    if "remaining_bytes" in known:
        parts.append(f"{known['remaining_bytes'] / _MIB:.1f} MiB left")
    if "expected_downtime_ms" in known:
        parts.append(f"{known['expected_downtime_ms']:.0f} ms of downtime")
    if "dirty_pages_per_s" in known:
        parts.append(f"{known['dirty_pages_per_s']:.0f} pages/s")
    if "throughput_bytes_per_s" in known:
        parts.append(f"{known['throughput_bytes_per_s'] / _MIB:.0f} MiB/s")
    if "throttle_percent" in known:
        parts.append(f"throttled by {known['throttle_percent']} %")
    return "  ".join(parts)


def _title(progress: Snapshot) -> str:
    return f"{progress.get('name')} ({progress.get('source_host')} -> {progress.get('target_host')})"


def total(batch: Snapshot) -> str:
    """How far the migrations of a task are together."""
    parts = [f"{batch['source_host']}: {batch['moved']} of {batch['total']} done"]
    if batch["not_moved"]:
        parts.append(f"{batch['not_moved']} not moved")
    if batch["running"]:
        parts.append(f"on their way: {' '.join(batch['running'])}")
    return ", ".join(parts)


def ending(batch: Snapshot) -> str:
    """How the one that has just ended did."""
    its = batch["ended"]
    moved = f"{batch['moved']} of {batch['total']}"
    if its["status"] == "moved":
        took = f"in {its['migration_time_ms'] / 1000:.1f} s, {its['process_downtime_ms']:.0f} ms of downtime"
        return f"{batch['source_host']}: {moved}: {its['name']} moved to {its['target_host']} {took}"
    if its["status"] == "would_move":
        return f"{batch['source_host']}: {moved}: {its['name']} would move to {its['target_host']}"
    return f"{batch['source_host']}: {moved}: {its['name']} {its['status'].replace('_', ' ')}: {its['reason']}"


class Lines:
    """The last lines of a terminal, which are redrawn at each event."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn = 0

    def draw(self, texts: list[str]) -> None:
        """Show these lines in place of those before; what does not fit below each other is counted."""
        size = self._size()
        most = max(1, size.lines - 1)
        if len(texts) > most:
            texts = [*texts[: most - 1], f"... and {len(texts) - most + 1} more"]
        cut = [text[: size.columns - 1] for text in texts]
        rest = "\033[J" if self._drawn > len(cut) else ""
        self._stream.write(self._up() + "\n".join(f"\r\033[K{text}" for text in cut) + rest)
        self._stream.flush()
        self._drawn = len(cut)

    def clear(self) -> None:
        """Erase the lines, so that others can write there."""
        if self._drawn:
            erase = "\033[K" if self._drawn == 1 else "\033[J"
            self._stream.write(f"{self._up()}\r{erase}")
            self._stream.flush()
            self._drawn = 0

    def _size(self) -> os.terminal_size:
        """As it is now; COLUMNS and LINES of a shell, which may be out of date, count where a terminal has no size."""
        with contextlib.suppress(OSError, ValueError):
            size = os.get_terminal_size(self._stream.fileno())
            if size.columns and size.lines:
                return size
        return shutil.get_terminal_size()

    def _up(self) -> str:
        """To the first of the lines."""
        return f"\033[{self._drawn - 1}A" if self._drawn > 1 else ""


class Migrations:
    """The migrations that are at work, by host and task.

    Args:
        lines: of the terminal; None in a log.
        tell: writes a line into a log.
    """

    def __init__(self, lines: Lines | None, tell: Callable[[str], None]) -> None:
        self._lines = lines
        self._tell = tell
        self._now: dict[tuple[str, str], dict[str, Snapshot]] = {}
        self._batches: dict[tuple[str, str], Snapshot] = {}

    def show(self, where: tuple[str, str], progress: Snapshot) -> None:
        of_task = self._now.setdefault(where, {})
        name = str(progress.get("name"))
        before = of_task.get(name, {})
        of_task[name] = progress
        if self._lines is not None:
            self._draw(self._lines)
            return
        same = before.get("migration_id") == progress.get("migration_id")
        if progress.get("queued") and not (same and before.get("queued")):
            self._tell(f"{_title(progress)}: queued")
        for text in states(progress, len(before.get("events", [])) if same else 0):
            self._tell(text)

    def show_batch(self, where: tuple[str, str], batch: Snapshot) -> None:
        """How far many migrations of one task are together, after one of them has begun or ended."""
        self._batches[where] = batch
        if "ended" in batch:
            self._now.get(where, {}).pop(batch["ended"]["name"], None)
        if self._lines is not None:
            self._draw(self._lines)
        elif "ended" in batch:
            self._tell(ending(batch))

    def _draw(self, lines: Lines) -> None:
        singles = [figures(one) for of_task in self._now.values() for one in of_task.values()]
        lines.draw([*(total(batch) for batch in self._batches.values()), *singles])

    def end(self, where: tuple[str, str], migration: Snapshot) -> None:
        """Show the last states of the migrations of a task that were shown before, and forget them."""
        self._batches.pop(where, None)
        for before in self._now.pop(where, {}).values():
            if self._lines is None:
                statistics = {**before, **(migration.get("statistics") or {})}
                for text in states(statistics, len(before.get("events", []))):
                    self._tell(text)


class CallbackModule(Default):
    """What the default shows, and migrations."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "organic.live_migration.migration_progress"

    def __init__(self) -> None:
        super().__init__()
        self.lines = Lines(sys.stdout) if sys.stdout.isatty() else None
        self.migrations = Migrations(self.lines, self._display.display)

    def v2_runner_on_async_poll(self, result: Any) -> None:
        polled = reported(result, "result")
        progress, batch = polled.get("migration"), polled.get("batch")
        if progress is not None:
            self.migrations.show(_where(result), progress)
        elif batch is not None:
            self.migrations.show_batch(_where(result), batch)
        else:
            self.clear()
            super().v2_runner_on_async_poll(result)

    def clear(self) -> None:
        if self.lines is not None:
            self.lines.clear()

    @contextlib.contextmanager
    def shortened(self, result: Snapshot) -> Iterator[None]:
        """The result of a migration without what its table shows; with ``-v`` it is shown whole."""
        shown = self.get_option("display_ok_hosts") and not self._display.verbosity and result.get("summary")
        hidden = {name: result.pop(name) for name in _IN_SUMMARY if shown and name in result}
        try:
            yield
        finally:
            result.update(hidden)

    def show_summary(self, lines: list[str]) -> None:
        if lines and self.get_option("display_ok_hosts"):
            self._display.display("\n".join(lines))


def _where(result: Any) -> tuple[str, str]:
    return reported(result, "host").get_name(), reported(result, "task")._uuid


def _extended(name: str) -> Callable[..., None]:
    """The default's method, which writes where the lines were, and shows the end of a migration with its summary."""
    method = getattr(Default, name)

    @functools.wraps(method)
    def extended(self: CallbackModule, *arguments: Any, **named: Any) -> None:
        self.clear()
        summary: list[str] = []
        with contextlib.ExitStack() as stack:
            for argument in arguments:
                result = reported(argument, "result")
                if isinstance(result, dict) and reported(argument, "task") is not None:
                    self.migrations.end(_where(argument), result.get("migration") or {})
                    if name in _RESULTS and any(field in result for field in _SUMMARIZED):
                        summary = result.get("summary") or []
                        stack.enter_context(self.shortened(result))
            method(self, *arguments, **named)
        self.show_summary(summary)

    return extended


for _name in vars(Default):
    if _name.startswith("v2_") and _name not in vars(CallbackModule):
        setattr(CallbackModule, _name, _extended(_name))
