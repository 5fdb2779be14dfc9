# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sweep's results stand beside the model's, and are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.backends.base import Load
from tests.benchmark.measure import Run
from tests.benchmark.plot import draw
from tests.benchmark.report import summarize
from tests.benchmark.sweep import result


def run(strategy: str, memory_mb: int, rate: int) -> Run:
    return Run(
        backend="resident",
        strategy=strategy,
        load=Load(memory_mb, rate),
        service_gap_ms=50,
        interrupted_ms=50,
        process_downtime_ms=40 + memory_mb,
        migration_time_ms=2000,
        cpu_busy=0.1,
        bytes_sent=memory_mb << 20,
        requests={"failed": 0},
        tcp_connections={"kept": 1},
    )


@pytest.fixture
def sweep() -> dict[str, Any]:
    runs = [
        run(strategy, memory_mb, rate)
        for strategy in ("inter_copy", "pre_copy", "post_copy")
        for memory_mb in (20, 200, 1024)
        for rate in (0, 1000)
    ]
    return {"results": [result(summary, 1e9) for summary in summarize(runs)]}


def test_the_model_is_asked_for_the_same_load(sweep: dict[str, Any]) -> None:
    small, *_, large = (entry for entry in sweep["results"] if entry["strategy"] == "inter_copy")
    assert small["predicted"]["bytes_sent"] == 20 << 20
    # 1004 MB more, at no more than 1 GB/s.
    assert large["predicted"]["process_downtime_ms"] - small["predicted"]["process_downtime_ms"] > 1000


def test_every_strategy_has_its_panel_in_both_formats(sweep: dict[str, Any], tmp_path: Path) -> None:
    files = draw(sweep, tmp_path)
    assert [path.name for path in files] == ["downtime.svg", "downtime.png", "total-time.svg", "total-time.png"]
    text = files[0].read_text()
    assert all(word in text for word in ("inter-copy", "pre-copy", "post-copy", "1000", "Process downtime"))
    assert "hybrid" not in text
    assert files[1].read_bytes().startswith(b"\x89PNG")
    drawn = {path: path.read_bytes() for path in files}
    draw(sweep, tmp_path)
    assert {path: path.read_bytes() for path in files} == drawn
