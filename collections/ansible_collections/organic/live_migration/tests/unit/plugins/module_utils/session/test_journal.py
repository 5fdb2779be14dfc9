# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import RestartPolicy
from ansible_collections.organic.live_migration.plugins.module_utils.session import journal, states
from ansible_collections.organic.live_migration.plugins.module_utils.session.journal import MigrationRecord
from hypothesis import given
from hypothesis import strategies as st

ID = "00112233445566ff"


def make(migration_id: str = ID, role: str = "source", **fields: Any) -> MigrationRecord:
    return MigrationRecord(migration_id, role, "smf", "c0ffee", "edge-b", **fields)


def test_what_was_written_down_is_read_again(records: Path) -> None:
    made = make(root_pid=7, restart_policy=RestartPolicy("unless-stopped"))
    made.adopt()
    made.save(states.COMMITTED)
    assert journal.all_records() == [made]
    assert made.in_progress
    assert made.directory.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in made.directory.iterdir()) == ["source.json"]


def test_a_later_process_with_the_same_pid_is_not_the_agent(records: Path) -> None:
    made = make()
    made.adopt()
    assert made.in_progress
    made.agent_start_time -= 1
    assert not made.in_progress
    assert not make().in_progress


def test_forgotten_it_leaves_nothing(records: Path) -> None:
    source, target = make(), make(role="target")
    source.save()
    target.save()
    source.remove()
    assert journal.all_records() == [target]
    target.remove()
    target.remove()  # idempotent
    assert not records.parent.exists()


def test_the_oldest_comes_first(records: Path) -> None:
    ids = [f"{number:016x}" for number in (3, 1, 2)]
    for age, migration_id in enumerate(ids):
        made = make(migration_id)
        made.save()
        os.utime(made.path, ns=(age, age))
    assert [made.migration_id for made in journal.all_records()] == ids


def test_a_migration_that_ends_while_records_are_read_is_no_fault(
    records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, stays = make(), make("f" * 16)
    ends.save()
    stays.save()
    glob = Path.glob

    def then_one_ends(path: Path, pattern: str) -> list[Path]:
        found = list(glob(path, pattern))
        ends.remove()
        return found

    monkeypatch.setattr(Path, "glob", then_one_ends)
    assert journal.all_records() == [stays]


@pytest.mark.parametrize("text", ["{}", '{"colour": "blue"}', "", "[]"])
def test_what_is_no_record_is_told_with_its_path(records: Path, text: str) -> None:
    path = records / "source.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ValueError, match=r"source\.json is not a migration record"):
        MigrationRecord.load(path)


@given(st.one_of(st.text(), st.sampled_from(["../../../../etc", "0" * 15, "0" * 17, "A" * 16, f"{ID}\n", f"{ID}/x"])))
def test_an_id_can_name_no_other_directory(text: str) -> None:
    if len(text) == 16 and set(text) <= set("0123456789abcdef"):
        return
    with pytest.raises(ValueError, match="is not the id of a migration"):
        make(text)


def test_whole_or_not_at_all(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make()
    made.save(states.ACTIVE)

    def power_cut(_source: Path, _target: Path) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(os, "replace", power_cut)
    with pytest.raises(OSError, match="power cut"):
        made.save(states.COMMITTED)
    assert json.loads(made.path.read_text())["state"] == states.ACTIVE
    assert [found.state for found in journal.all_records()] == [states.ACTIVE]


def test_a_state_of_the_other_end_is_neither_written_nor_read(records: Path) -> None:
    made = make()
    made.save(states.ACTIVE)
    with pytest.raises(ValueError, match="'restored' is not a state that the source"):
        made.save(states.RESTORED)
    assert [found.state for found in journal.all_records()] == [states.ACTIVE]
    made.path.write_text(made.path.read_text().replace('"active"', '"restored"'))
    with pytest.raises(ValueError, match="is not a migration record: 'restored' is not a state"):
        MigrationRecord.load(made.path)
