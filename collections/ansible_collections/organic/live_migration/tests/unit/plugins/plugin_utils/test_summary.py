# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables at the end of a migration and of its check mode."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.plugin_utils import summary, terminal
from ansible_collections.organic.live_migration.plugins.plugin_utils.arguments import MIGRATE_ARGUMENTS
from ansible_collections.organic.live_migration.plugins.plugin_utils.forecast import Forecast, Measured
from ansible_collections.organic.live_migration.plugins.plugin_utils.summary import (
    COLUMNS,
    MAX_LINES,
    MigrationSummary,
    PredictionTable,
    lines_of,
    milliseconds,
    report,
    size,
)

STEPS = [("prepare", 1890.0), ("connect", 3.0), ("precopy", 120.0), ("freeze", 0.44), ("switch_network", 4.1),
         ("dump", 20.0), ("restore", 15.1), ("final_memory", 0.6), ("run", 1.0), ("release", 9.0)]  # fmt: skip


def migration(**changes: Any) -> dict[str, Any]:
    return {
        "name": "smf", "strategy": "pre_copy", "method": "resident", "status": "completed", "source_host": "edge-a",
        "target_host": "edge-b", "migration_time_ms": 2150.26, "process_downtime_ms": 41.2, "bytes_sent": 25 << 20,
        "memory_bytes": 24 << 20, "held_packets": 58, "statistics": {"round": 2},
        "steps": [{"name": name, "start_ms": 0.0, "duration_ms": duration} for name, duration in STEPS],
        **changes,
    }  # fmt: skip


def prediction(**changes: Any) -> dict[str, Any]:
    measured = Measured(10**9, 1000.0, 10**9)
    forecast = Forecast(measured, Options(strategy="auto"), 0, "resident")
    return {"source_host": "edge-a", "target_host": "edge-b", "memory_bytes": 10**9, "processes": 1,
            "predicted_downtime_ms": forecast.predicted.downtime_ms, "forecast": forecast.as_dict(),
            **changes}  # fmt: skip


BLOCKERS = [
    {"code": "image_missing", "message": "The image is missing on the target host", "remedy": "Load it there"},
    {"code": "terminal", "message": "It has a terminal", "remedy": "Start it without -t"},
]


@pytest.mark.parametrize(("value", "text"), [(0.44, "0.4 ms"), (41.2, "41.2 ms"), (2150.26, "2150 ms")])
def test_durations(value: float, text: str) -> None:
    assert milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (2048, "2.0 KiB"), (3 << 20, "3.0 MiB"), (5 << 30, "5.0 GiB")],
)
def test_sizes(value: float, text: str) -> None:
    assert size(value) == text


def test_a_completed_migration() -> None:
    assert MigrationSummary(migration()).lines() == [
        "smf: edge-a -> edge-b, completed",
        "  strategy          pre_copy, method resident, 2 rounds of pre-copy",
        "  migration time    2150 ms",
        "  process downtime  41.2 ms: freeze 0.4, switch_network 4.1, dump 20.0, restore",
        "                    15.1, final_memory 0.6, run 1.0",
        "  bytes sent        25.0 MiB",
        "  kept              24.0 MiB of memory, open connections, addresses; 58 packets",
        "                    held and delivered",
    ]


def test_the_downtime_is_compared_with_its_prediction() -> None:
    lines = MigrationSummary(migration(prediction={"downtime_ms": 38.0})).lines()
    assert lines[3].startswith("  process downtime  41.2 ms (predicted: 38.0 ms): freeze")


def test_a_failed_migration_keeps_nothing_and_has_no_downtime_by_step() -> None:
    text = "\n".join(MigrationSummary(migration(status="failed", steps=[], process_downtime_ms=0.0)).lines())
    assert "smf: edge-a -> edge-b, failed" in text
    assert "kept" not in text
    assert "process downtime  0.0 ms\n" in text


def test_a_table_fits_into_the_terminal_whatever_it_holds() -> None:
    steps = [{"name": name, "duration_ms": 1.0} for name in ("freeze", *("step_with_a_long_name",) * 60, "run")]
    lines = MigrationSummary(migration(name="n" * 100, steps=steps)).lines()
    assert len(lines) == MAX_LINES
    assert max(map(len, lines)) <= COLUMNS
    assert lines[-1] == "  ..."


def test_a_prediction_shows_each_strategy_and_why_one_is_taken() -> None:
    found = prediction()
    lines = PredictionTable("smf", found, [], chosen_by_user=False).lines()
    assert lines[0] == "smf: edge-a -> edge-b, can be migrated"
    assert [line[4:16].strip() for line in lines[2:6]] == ["inter_copy", "pre_copy", "post_copy", "hybrid"]
    (chosen,) = [line for line in lines[2:6] if line.startswith("  * ")]
    assert "pre_copy" in chosen
    forecast = found["forecast"]
    assert milliseconds(forecast["downtime_ms"]) in chosen
    assert milliseconds(forecast["migration_time_ms"]) in chosen
    assert size(forecast["bytes_sent"]) in chosen
    assert "pre_copy is the best within 300 ms" in " ".join(" ".join(lines[6:]).split())
    assert max(map(len, lines)) <= COLUMNS


def test_a_prediction_for_a_strategy_that_was_set_names_what_was_not_measured() -> None:
    text = " ".join(" ".join(PredictionTable("smf", prediction(), [], chosen_by_user=True).lines()).split())
    assert "as the option strategy is pre_copy. What the process writes and the link were not measured" in text


def test_doubts_and_the_trial_are_shown() -> None:
    found = prediction(trial_downtime_ms=24.3, doubts=["The process has 3 threads."])
    lines = PredictionTable("smf", found, [], chosen_by_user=False).lines()
    assert lines[-2:] == ["  Trial dump: the process was stopped for 24.3 ms.", "  ? The process has 3 threads."]


def test_every_blocker_is_shown_with_its_remedy() -> None:
    blockers = BLOCKERS * 10
    lines = PredictionTable("smf", prediction(), blockers, chosen_by_user=False).lines()
    assert lines[0] == "smf: edge-a -> edge-b, cannot be migrated"
    assert lines.count("  - terminal: It has a terminal.") == 10
    assert lines.count("    Remedy: Load it there.") == 10


def test_nothing_is_predicted_for_a_container_that_is_not_there() -> None:
    lines = PredictionTable("smf", prediction(memory_bytes=0), BLOCKERS[:1], chosen_by_user=False).lines()
    assert lines == [
        "smf: edge-a -> edge-b, cannot be migrated",
        "  - image_missing: The image is missing on the target host.",
        "    Remedy: Load it there.",
    ]


def arguments(**given: Any) -> dict[str, Any]:
    defaults = {name: option.get("default") for name, option in MIGRATE_ARGUMENTS.items()}
    return {**defaults, **asdict(Options()), "name": "smf", "target_host": "edge-b", **given}


def test_the_table_follows_from_the_result() -> None:
    assert lines_of(arguments(), {"migration": migration()})[0].endswith("completed")
    checked = {"prediction": prediction(), "blockers": []}
    assert "were not measured" in " ".join(lines_of(arguments(), checked))
    assert "were not measured" not in " ".join(lines_of(arguments(strategy="auto"), checked))
    assert lines_of(arguments(), {"failed": True, "blockers": BLOCKERS}) == []


def test_a_table_that_cannot_be_made_does_not_fail_the_migration() -> None:
    result: dict[str, Any] = {"changed": True, "migration": {"status": "completed"}}
    report(SimpleNamespace(no_log=False), arguments(), result)
    assert result == {"changed": True, "migration": {"status": "completed"}}


def test_a_terminal_that_is_gone_does_not_fail_the_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_arguments: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(terminal, "show", gone)
    result: dict[str, Any] = {"changed": True, "migration": migration()}
    report(SimpleNamespace(no_log=False), arguments(), result)
    assert result["changed"]
    assert result["summary"] == summary.MigrationSummary(migration()).lines()
