# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done about each record; tests/faults has it done on real hosts."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import record, settle
from ansible_collections.organic.live_migration.plugins.module_utils.record import Record


def written(role: str, state: str, alive: bool = False) -> Record:
    entry = Record("0" * 16, role, "smf", "c0ffee", "edge-b")
    if alive:
        entry.adopt()
    entry.save(state)
    return entry


@pytest.mark.parametrize("state", [record.SETUP, record.ACTIVE, record.SWITCHOVER])
def test_before_the_commit_the_source_resumes_alone(records: Path, state: str) -> None:
    written("source", state)
    found = settle.look_at_host()
    assert [entry.outcome for entry in found.settled] == ["resumed"]
    assert not found.undecided


@pytest.mark.parametrize("state", [record.COMMITTED, record.POSTCOPY])
def test_after_it_the_target_is_asked(records: Path, state: str) -> None:
    written("source", state)
    found = settle.look_at_host()
    assert [(entry.name, entry.target_host) for entry in found.undecided] == [("smf", "edge-b")]
    assert not found.settled


@pytest.mark.parametrize(
    ("state", "outcome"),
    [(record.SETUP, "destroyed"), (record.ACTIVE, "destroyed"), (record.RESTORED, "destroyed"),
     (record.COMPLETED, "finished")],
)  # fmt: skip
def test_the_target_keeps_only_what_has_run(records: Path, state: str, outcome: str) -> None:
    written("target", state)
    assert [entry.outcome for entry in settle.look_at_host().settled] == [outcome]


@pytest.mark.parametrize("role", ["source", "target"])
@pytest.mark.parametrize("state", [record.ACTIVE, record.COMMITTED, record.POSTCOPY, record.COMPLETED])
def test_what_is_at_work_is_left_alone(records: Path, role: str, state: str) -> None:
    entry = written(role, state, alive=True)
    found = settle.look_at_host()
    assert [one.role for one in found.at_work] == [role]
    assert not found.settled
    assert not found.undecided
    assert record.all_records() == [entry]
