# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the fault matrix, and its summary; the cases themselves run by `make faults`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .matrix import FAULTS, STRATEGIES, Case, cases
from .saboteur import ACTS, TOO_LATE
from .strike import Finding
from .summary import Summary


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in cases()]
    assert len(set(names)) == len(names) >= 60 * len(STRATEGIES)


def test_every_fault_strikes_somewhere_by_an_act_of_the_saboteur() -> None:
    struck = {case.fault_name for case in cases()}
    assert struck == set(FAULTS)
    assert {fault.act.split()[0] for fault in FAULTS.values() if fault.act} <= set(ACTS)


@pytest.mark.skipif(os.geteuid() != 0, reason="a saboteur goes before all others")
def test_a_saboteur_that_is_forgotten_strikes_no_other_migration() -> None:
    program = [sys.executable, str(Path(__file__).with_name("saboteur.py")), "source:never", "hold"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as saboteur:
        assert saboteur.stdout is not None
        assert saboteur.stdout.readline() == b"waiting\n"
        assert saboteur.poll() is None
        _output, errors = saboteur.communicate(timeout=10)  # closes its input
    assert TOO_LATE in errors.decode()
    assert saboteur.returncode == 1


def test_a_process_is_lost_only_where_it_runs() -> None:
    assert Case("inter_copy", "active", "source_process_killed").may_lose_the_process
    assert not Case("inter_copy", "restored", "source_process_killed").may_lose_the_process
    assert not Case("inter_copy", "committed", "target_container_killed").may_lose_the_process
    assert Case("inter_copy", "completed", "target_process_killed").may_lose_the_process
    assert not Case("inter_copy", "completed", "link_cut").may_lose_the_process


def test_a_selection_adds_to_the_summary_and_a_whole_run_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "faults/summary.json"
    one, other = (Finding.of(case) for case in list(cases())[:2])
    one.status = "passed"
    Summary(path, fresh=True).add(one)
    Summary(path, fresh=False).add(other)
    assert [entry["status"] for entry in json.loads(path.read_text())] == ["passed", "failed"]
    told = Summary(path, fresh=False).lines()
    assert any("1 of 2 cases passed" in line for line in told)
    assert any(line.startswith(f"F {other.case}") for line in told)
    Summary(path, fresh=True).add(other)
    assert [entry["case"] for entry in json.loads(path.read_text())] == [other.case]
