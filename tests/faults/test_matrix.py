# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the fault matrix, and its summary; the cases themselves run by `make faults`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import ON_REQUEST, STRATEGIES

from tests.harness import fault_injector
from tests.harness.fault_injector import ACTS, TOO_LATE

from .fault_case import Finding
from .matrix import FAULTS, STATES, Case, Strategy, cases, states_of
from .summary import Summary


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in cases()]
    assert len(set(names)) == len(names) >= 60 * len(STRATEGIES)


def test_every_strategy_has_cases() -> None:
    assert list(STATES) == [*STRATEGIES, *ON_REQUEST]
    assert {case.strategy for case in cases()} == set(STATES)


@dataclass(frozen=True)
class NewStrategy:
    tracks_writes: bool
    needs_source_after_commit: bool
    runs_before_commit: bool = False


@pytest.mark.parametrize(
    ("strategy", "present", "absent"),
    [
        (NewStrategy(True, False), {"round", "completed"}, {"transfer", "postcopy-active"}),
        (NewStrategy(True, False, True), {"round", "cloned", "clone-runs"}, {"transfer", "postcopy-active"}),
        (NewStrategy(False, True), {"postcopy-active", "postcopy-active-encrypted"}, {"round", "transfer"}),
        (NewStrategy(False, False), {"transfer", "transfer-encrypted"}, {"round", "postcopy-active"}),
    ],
)
def test_the_states_of_a_new_strategy_follow_from_its_class(
    strategy: Strategy, present: set[str], absent: set[str]
) -> None:
    states = set(states_of(strategy))
    assert present | {"setup", "active", "switchover", "frozen", "restored", "committed", "completed"} <= states
    assert not absent & states


def test_every_fault_occurs_in_a_case_by_an_act_of_the_injector() -> None:
    assert {case.fault_name for case in cases()} == set(FAULTS)
    assert {fault.act.split()[0] for fault in FAULTS.values() if fault.act} <= set(ACTS)


@pytest.mark.skipif(os.geteuid() != 0, reason="a fault injector raises its priority")
def test_an_injector_whose_test_has_ended_hits_no_other_migration() -> None:
    program = [sys.executable, fault_injector.__file__, "source:never", "hold"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as injector:
        assert injector.stdout is not None
        assert injector.stdout.readline() == b"waiting\n"
        assert injector.poll() is None
        _output, errors = injector.communicate(timeout=10)  # closes its input
    assert TOO_LATE in errors.decode()
    assert injector.returncode == 1


def test_a_process_is_lost_only_where_it_runs() -> None:
    assert Case("inter_copy", "active", "source_process_killed").may_lose_the_process
    assert not Case("inter_copy", "restored", "source_process_killed").may_lose_the_process
    assert not Case("inter_copy", "committed", "target_container_killed").may_lose_the_process
    assert Case("inter_copy", "completed", "target_process_killed").may_lose_the_process
    assert not Case("inter_copy", "completed", "link_cut").may_lose_the_process
    assert Case("ppm", "clone-runs", "source_process_killed").may_lose_the_process
    assert not Case("ppm", "clone-runs", "target_process_killed").may_lose_the_process
    assert Case("ppm", "completed", "target_process_killed").may_lose_the_process


def test_a_selection_adds_to_the_summary_and_a_whole_run_starts_again(tmp_path: Path) -> None:
    path = tmp_path / "faults/summary.json"
    one, other = (Finding.of(case) for case in list(cases())[:2])
    one.status = "passed"
    Summary(path, fresh=True).add(one)
    Summary(path, fresh=False).add(other)
    assert [entry["status"] for entry in json.loads(path.read_text())] == ["passed", "failed"]
    lines = Summary(path, fresh=False).lines()
    assert any("1 of 2 cases passed" in line for line in lines)
    assert any(line.startswith(f"F {other.case}") for line in lines)
    Summary(path, fresh=True).add(other)
    assert [entry["case"] for entry in json.loads(path.read_text())] == [other.case]
