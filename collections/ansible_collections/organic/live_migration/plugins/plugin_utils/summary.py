# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The short tables that a migration, and a migration in check mode, end with.

Both are plain text of at most 80 columns, without colours, as they are also written into logs.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from ansible.playbook.task import Task
from ansible.utils.display import Display
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import AUTO
from ansible_collections.organic.live_migration.plugins.plugin_utils import terminal
from ansible_collections.organic.live_migration.plugins.plugin_utils.ansible_compat import ActionResult

display = Display()

COLUMNS = 80
MAX_LINES = 12
"""Of the table of a migration that was run."""
_FIRST_DOWN, _LAST_DOWN = "freeze", "run"
"""The steps that the process downtime begins and ends with."""


def milliseconds(value: float) -> str:
    """A duration with three significant digits at least: ``0.4 ms``, ``41.2 ms``, ``2150 ms``."""
    return f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


def size(value: float) -> str:
    """A number of bytes with a binary prefix, for example ``24.0 MiB``."""
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


@dataclass(frozen=True)
class Row:
    """A label and its text, which is wrapped below itself."""

    label: str
    text: str

    def lines(self, label_width: int) -> list[str]:
        first = f"  {self.label:<{label_width}}  "
        return textwrap.wrap(
            self.text, COLUMNS, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
        )


def _table(title: str, rows: list[Row]) -> list[str]:
    label_width = max((len(row.label) for row in rows), default=0)
    return [title[:COLUMNS], *(line for row in rows for line in row.lines(label_width))]


class MigrationSummary:
    """What a migration cost and what was kept.

    Args:
        migration: the field ``migration`` of the result of container_migrate.
    """

    def __init__(self, migration: ActionResult) -> None:
        self._migration = migration

    def lines(self) -> list[str]:
        """At most :data:`MAX_LINES` lines."""
        its = self._migration
        title = f"{its['name']}: {its['source_host']} -> {its['target_host']}, {its['status']}"
        rows = [
            Row("strategy", self._strategy()),
            Row("migration time", milliseconds(its["migration_time_ms"])),
            Row("process downtime", self._downtime()),
            Row("bytes sent", size(its["bytes_sent"])),
        ]
        if its["status"] == "completed":
            rows.append(Row("kept", self._kept()))
        lines = _table(title, rows)
        if len(lines) > MAX_LINES:
            lines[MAX_LINES - 1 :] = ["  ..."]
        return lines

    def _strategy(self) -> str:
        its = self._migration
        statistics = its.get("statistics") or {}
        parts = [f"{its['strategy']}, method {its['method']}"]
        if statistics.get("round"):
            parts.append(f"{statistics['round']} round{'s' if statistics['round'] > 1 else ''} of pre-copy")
        if statistics.get("throttle_percent"):
            parts.append(f"throttled by {statistics['throttle_percent']} %")
        return ", ".join(parts)

    def _downtime(self) -> str:
        text = milliseconds(self._migration["process_downtime_ms"])
        predicted = self._migration.get("prediction")
        if predicted:
            text += f" (predicted: {milliseconds(predicted['downtime_ms'])})"
        steps = self._down_steps()
        if steps:
            text += ": " + ", ".join(f"{name} {duration_ms:.1f}" for name, duration_ms in steps)
        return text

    def _down_steps(self) -> list[tuple[str, float]]:
        """Name and duration in milliseconds of each step of the downtime; none where the process was not stopped."""
        names = [step["name"] for step in self._migration["steps"]]
        if _FIRST_DOWN not in names or _LAST_DOWN not in names:
            return []
        down = self._migration["steps"][names.index(_FIRST_DOWN) : names.index(_LAST_DOWN) + 1]
        return [(step["name"], step["duration_ms"]) for step in down]

    def _kept(self) -> str:
        its = self._migration
        held, lost = its["held_packets"], its.get("lost_packets", 0)
        packets = f"{held} packet{'' if held == 1 else 's'} held and delivered"
        return f"{size(its['memory_bytes'])} of memory, open connections, addresses; {packets}" + (
            f", {lost} lost" if lost else ""
        )


class PredictionTable:
    """What check mode found: the cost of each strategy, the one that would be taken and why, doubts and all blockers.

    Args:
        name: of the container.
        prediction: the field ``prediction`` of the result of container_migrate.
        blockers: its field ``blockers``.
        chosen_by_user: whether the strategy was set, not measured.
    """

    def __init__(
        self, name: str, prediction: ActionResult, blockers: list[dict[str, str]], chosen_by_user: bool
    ) -> None:
        self._name = name
        self._prediction = prediction
        self._blockers = blockers
        self._chosen_by_user = chosen_by_user

    def lines(self) -> list[str]:
        found = self._prediction
        verdict = "cannot be migrated" if self._blockers else "can be migrated"
        lines = [f"{self._name}: {found['source_host']} -> {found['target_host']}, {verdict}"[:COLUMNS]]
        if found["memory_bytes"]:  # else the container was not found, and there is nothing to predict from
            lines += self._strategies()
            lines += _wrapped(self._choice())
        if (downtime_ms := found.get("trial_downtime_ms")) is not None:
            lines += _wrapped(f"Trial dump: the process was stopped for {milliseconds(downtime_ms)}.")
        for doubt in found.get("doubts", []):
            lines += _wrapped(f"? {doubt}", "    ")
        for blocker in self._blockers:
            lines += _wrapped(f"- {blocker['code']}: {blocker['message']}.", "    ")
            lines += _wrapped(f"  Remedy: {blocker['remedy']}.", "    ")
        return lines

    def _strategies(self) -> list[str]:
        forecast = self._prediction["forecast"]
        lines = [f"    {'strategy':<12}{'downtime':>12}{'migration time':>17}{'bytes sent':>13}"]
        for one in forecast["strategies"]:
            mark = "*" if one["strategy"] == forecast["strategy"] else " "
            note = "" if one["converges"] else "  above the limit"
            if one["degraded_ms"]:
                note += f"  then slow for {milliseconds(one['degraded_ms'])}"
            lines.append(
                f"  {mark} {one['strategy']:<12}{milliseconds(one['downtime_ms']):>12}"
                f"{milliseconds(one['migration_time_ms']):>17}{size(one['bytes_sent']):>13}{note}"[:COLUMNS]
            )
        return lines

    def _choice(self) -> str:
        forecast = self._prediction["forecast"]
        if not self._chosen_by_user:
            return f"* would be taken: {forecast['reason']}."
        return (
            f"* would be taken, as the option strategy is {forecast['strategy']}. What the process writes and the link "
            "were not measured; strategy auto measures them."
        )


def _wrapped(text: str, further: str = "  ") -> list[str]:
    return textwrap.wrap(
        text, COLUMNS, initial_indent="  ", subsequent_indent=further, break_on_hyphens=False, break_long_words=False
    )


def report(task: Task, arguments: ActionResult, result: ActionResult) -> None:
    """Add the table to the result of container_migrate, as ``summary``, and show it on the terminal.

    Args:
        task: the running task.
        arguments: of the task, validated.
        result: of the task, complete but for the table.
    """
    try:
        lines = lines_of(arguments, result)
        if lines:
            result["summary"] = lines
            terminal.show(task, lines)
    except Exception as error:  # the migration has ended; nothing that is only shown may fail it now
        display.vvv(f"The summary of the migration cannot be shown: {type(error).__name__}: {error}")


def lines_of(arguments: ActionResult, result: ActionResult) -> list[str]:
    """The table for a result of container_migrate; empty for one that was refused before it began."""
    if "migration" in result:
        return MigrationSummary(result["migration"]).lines()
    if "prediction" in result:
        chosen_by_user = arguments["strategy"] != AUTO
        return PredictionTable(arguments["name"], result["prediction"], result["blockers"], chosen_by_user).lines()
    return []
