# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process holds is asked for, told apart and drawn; a freeze is laid on one time axis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.benchmark import picture, profile, scale
from tests.benchmark.backends.base import Load, Step
from tests.benchmark.measure import Run
from tests.benchmark.plot import save


def run(load: Load, downtime_ms: float, strategy: str = "pre_copy", backend: str = "resident") -> Run:
    return Run(
        backend=backend,
        strategy=strategy,
        load=load,
        service_gap_ms=downtime_ms + 10,
        interrupted_ms=downtime_ms,
        process_downtime_ms=downtime_ms,
        migration_time_ms=2000,
        cpu_busy=0.1,
        bytes_sent=1 << 20,
        requests={"failed": 0},
        tcp_connections={"kept": 1},
        steps=[Step("dump", 10, downtime_ms / 2)],
    )


def test_each_kind_is_held_alone_and_known_again() -> None:
    loads = scale.loads(list(scale.KINDS), None, 20)
    assert [scale.held(load) for load in loads] == [
        (scale.NOTHING, 0), ("connections", 1000), ("connections", 2000), ("threads", 500), ("processes", 100),
        ("shared_mb", 200), ("files", 30000),
    ]  # fmt: skip
    assert scale.loads(["files"], [5, 6], 1)[1:] == [Load(1, files=5), Load(1, files=6)]
    assert Load(20, threads=5, shared_mb=7).options(1)[4:] == ["--threads", "5", "--shared-mb", "7"]


def test_the_table_compares_with_the_same_process_with_nothing(tmp_path: Path) -> None:
    runs = [run(Load(20), 40), run(Load(20), 50), run(Load(20), 45), run(Load(20, threads=500), 90)]
    results = scale.summarize(runs)
    text = scale.table(results)
    assert "| nothing | pre_copy | 3 | 45.0 (40.0-50.0) | 1.0 |" in text
    assert "| 500 idle threads | pre_copy | 1 | 90.0 (90.0-90.0) | 2.0 |" in text
    assert {one["steps_ms"]["dump"] for one in results} == {22.5, 45.0}
    again = scale.summarize([run(Load(20, threads=500), 60)])
    assert [one["process_downtime_ms"]["median"] for one in scale.joined(results, again)] == [45.0, 60.0]
    files = save(scale.figure(results), tmp_path, "scale")
    assert "idle threads" in files[0].read_text() and files[1].read_bytes().startswith(b"\x89PNG")


def test_both_hosts_have_one_time_axis(tmp_path: Path) -> None:
    def step(name: str, start_ms: float, duration_ms: float) -> dict[str, Any]:
        return {"name": name, "start_ms": start_ms, "duration_ms": duration_ms}

    reported = {
        "steps": [step("precopy", 0, 99), step("freeze", 100, 2), step("dump", 105, 10), step("restore", 115, 12),
                  step("run", 130, 4), step("release", 134, 9)],
        "target_steps": [step("setup", 900, 5), step("images_written", 1000, 1), step("criu_restore", 1001, 10)],
        "criu": {"dump": {"freezing_us": 1500}, "restore": {"forking_us": 2000}},
    }  # fmt: skip
    bars = profile.bars(reported)
    assert [(bar.where, bar.name, bar.start_ms, bar.duration_ms) for bar in bars] == [
        ("source", "freeze", 0, 2), ("source", "dump", 5, 10), ("source", "restore", 15, 12), ("source", "run", 30, 4),
        ("target", "images_written", 16, 1), ("target", "criu_restore", 17, 10),
        ("CRIU", "stop the processes", 5, 1.5), ("CRIU", "fork", 17, 2),
    ]  # fmt: skip
    files = save(profile.figure(bars, "a title"), tmp_path, "profile")
    assert "target: criu_restore" in files[0].read_text()
    assert profile.text(bars).splitlines()[0].split() == ["source", "freeze", "0.00", "2.00", "ms"]


def test_memory_crosses_before_in_or_after_the_freeze(tmp_path: Path) -> None:
    def reported(**steps: tuple[float, float]) -> dict[str, Any]:
        return {"steps": [{"name": name, "start_ms": at, "duration_ms": took} for name, (at, took) in steps.items()]}

    before = {"precopy": (100.0, 50.0), "freeze": (200.0, 1.0), "dump": (201.0, 8.0), "final_memory": (215.0, 1.0)}
    drawn = {
        "pre_copy": picture.spans(reported(**before, run=(216.0, 4.0))),
        "post_copy": picture.spans(
            reported(**{**before, "precopy": (199.0, 0.2)}, run=(216.0, 4.0), postcopy=(221.0, 30.0))
        ),
    }
    assert drawn["pre_copy"] == picture.Spans(20.0, [(-100.0, -50.0), (1.0, 16.0)])
    assert drawn["post_copy"] == picture.Spans(20.0, [(21.0, 51.0)])
    files = save(picture.figure(drawn), tmp_path, "strategies")
    assert "pre_copy: stopped for 20 ms" in files[0].read_text()


@pytest.mark.parametrize("kind", list(scale.KINDS))
def test_a_kind_is_a_field_of_the_load(kind: str) -> None:
    assert isinstance(getattr(Load(1), kind), int)
