# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the backends run on the hosts, and what they read back."""

from __future__ import annotations

import argparse
import subprocess
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import ON_REQUEST, STRATEGIES

from tests.benchmark import run, runner
from tests.benchmark.backends.base import Load
from tests.benchmark.backends.resident import Resident, drain_bytes_per_s, rounds_ms
from tests.benchmark.backends.runc import bundle_config
from tests.benchmark.backends.stock import parse_marks, timed_script


def test_every_strategy_is_measured() -> None:
    assert Resident.strategies == (*STRATEGIES, *ON_REQUEST)


def bash(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False)


def test_steps_are_timed_and_keep_their_output_apart() -> None:
    result = bash(timed_script([("first", "echo said; sleep 0.2"), ("second", "true")]))
    assert result.returncode == 0 and result.stderr == "said\n"
    migration = parse_marks(result.stdout)
    first, second = migration.steps
    assert (first.name, second.name, first.start_ms) == ("first", "second", 0)
    assert 200 <= first.duration_ms < 1000
    assert second.start_ms == pytest.approx(first.duration_ms, abs=0.01)
    assert migration.time_ms == pytest.approx(second.start_ms + second.duration_ms, abs=0.01)


def test_a_failed_step_ends_the_script_there() -> None:
    result = bash(timed_script([("first", "true"), ("second", "echo why >&2; false"), ("third", "true")]))
    assert result.returncode == 1 and result.stderr == "why\n"
    assert [line.split()[1] for line in result.stdout.splitlines()] == ["start", "first"]


def test_the_server_gets_its_load() -> None:
    assert Load(20).command(7000) == ["/server", "--port", "7000", "--memory-mb", "20"]
    load = Load(20, dirty_pages_per_s=100, working_set_mb=200)
    assert load.options(7)[4:] == ["--dirty-pages-per-s", "100", "--working-set-mb", "20"]
    assert bundle_config(load.command(7))["process"]["args"] == load.command(7)


def test_rates_of_ours_come_from_its_steps() -> None:
    reported: dict[str, Any] = {"strategy": "post_copy", "bytes_sent": 5_000_000}
    assert rounds_ms(reported) is drain_bytes_per_s(reported) is None
    steps = [("precopy", 100, 900), ("files_delta", 1000, 50), ("freeze", 1100, 1), ("run", 1190, 5),
             ("postcopy", 1200, 495)]  # fmt: skip
    reported["steps"] = [
        {"name": name, "start_ms": start_ms, "duration_ms": duration_ms} for name, start_ms, duration_ms in steps
    ]
    assert rounds_ms(reported) == 1000
    assert drain_bytes_per_s(reported) == 10_000_000
    assert drain_bytes_per_s({**reported, "strategy": "hybrid"}) is None


def test_unknown_backends_and_bad_numbers_are_refused() -> None:
    assert runner.names("a", "b", "c")("c,a") == ["c", "a"]
    assert runner.numbers("20,200") == [20, 200]
    with pytest.raises(argparse.ArgumentTypeError, match="'criu' is none of resident, docker"):
        runner.names("resident", "docker")("criu")
    with pytest.raises(argparse.ArgumentTypeError, match="'-1' is no number"):
        runner.numbers("20,-1")


def test_a_strategy_runs_with_the_load_of_its_bounds_unless_given_another() -> None:
    options = argparse.Namespace(dirty_pages_per_s=None, working_set_mb=0, connections=1)
    assert run.loads("inter_copy", 200, options) == [Load(200)]
    assert run.loads("pre_copy", 200, options) == [Load(200, 1000, 20)]
    options.dirty_pages_per_s = [0, 500]
    assert run.loads("pre_copy", 200, options) == run.loads("inter_copy", 200, options) == [Load(200), Load(200, 500)]
