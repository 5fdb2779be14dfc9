# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done about each record; tests/faults has it done on real hosts."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Failure, MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases, recovery
from ansible_collections.organic.live_migration.plugins.module_utils.migration.source import Source
from ansible_collections.organic.live_migration.plugins.module_utils.session import journal, states
from ansible_collections.organic.live_migration.plugins.module_utils.session.journal import MigrationRecord
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Verdict
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import (
    FakeEngine,
    spec,
)


def written(role: str, state: str, alive: bool = False) -> MigrationRecord:
    entry = MigrationRecord("0" * 16, role, "smf", "c0ffee", "edge-b")
    if alive:
        entry.adopt()
    entry.save(state)
    return entry


@pytest.mark.parametrize("state", [states.SETUP, states.ACTIVE, states.SWITCHOVER])
def test_before_the_commit_the_source_resumes_alone(records: Path, state: str) -> None:
    written("source", state)
    found = recovery.scan_host()
    assert [entry.outcome for entry in found.recovered] == [phases.RUNNING]
    assert not found.in_doubt


@pytest.mark.parametrize("state", [states.COMMITTED, states.POSTCOPY_ACTIVE])
def test_after_it_the_target_is_asked(records: Path, state: str) -> None:
    written("source", state)
    found = recovery.scan_host()
    assert [(entry.name, entry.target_host) for entry in found.in_doubt] == [("smf", "edge-b")]
    assert not found.recovered


@pytest.mark.parametrize(
    ("state", "outcome"),
    [(states.SETUP, phases.NEVER_RAN), (states.ACTIVE, phases.NEVER_RAN), (states.RESTORED, phases.NEVER_RAN),
     (states.COMPLETED, phases.RUNNING)],
)  # fmt: skip
def test_the_target_keeps_only_what_has_run(records: Path, state: str, outcome: str) -> None:
    written("target", state)
    assert [entry.outcome for entry in recovery.scan_host().recovered] == [outcome]


@pytest.mark.parametrize(
    ("files", "outcome"),
    [({"freezer.state": "FROZEN\n", "freezer.self_freezing": "1\n"}, phases.NEVER_RAN),
     ({"freezer.state": "FROZEN\n", "freezer.self_freezing": "0\n"}, phases.RUNNING),  # docker pause
     ({"freezer.state": "THAWED\n", "freezer.self_freezing": "0\n"}, phases.RUNNING),
     ({"cgroup.freeze": "1\n"}, phases.NEVER_RAN), ({"cgroup.freeze": "0\n"}, phases.RUNNING)],
)  # fmt: skip
def test_what_stands_in_a_shut_freezer_has_not_run(
    records: Path, tmp_path: Path, files: dict[str, str], outcome: str
) -> None:
    group = tmp_path / "group"
    (group / "organic-nf").mkdir(parents=True)
    for directory in (group, group / "organic-nf"):
        for name, content in files.items():
            (directory / name).write_text(content)
    entry = written("target", states.COMPLETED)
    entry.freezer = str(group)
    entry.save()
    assert [one.outcome for one in recovery.scan_host().recovered] == [outcome]


@pytest.mark.parametrize(
    ("role", "state"), [(role, state.name) for state in states.STATES.values() for role in state.journal]
)
def test_what_is_at_work_is_left_alone(records: Path, role: str, state: str) -> None:
    entry = written(role, state, alive=True)
    found = recovery.scan_host()
    assert [one.role for one in found.in_progress] == [role]
    assert not found.recovered
    assert not found.in_doubt
    assert journal.all_records() == [entry]


def test_a_source_that_was_recovered_before_its_agent_died_has_the_target_asked(records: Path) -> None:
    migration = Source.__new__(Source)
    migration._record = MigrationRecord("0" * 16, "source", "smf", "c0ffee", "edge-b")
    assert migration._on_worker_death(Failure("The migration worker was killed.")).verdict is Verdict.IN_DOUBT


def at(seconds_ago: float) -> str:
    """A time in a container's description."""
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds_ago)
    return then.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize(
    ("engine", "outcome"),
    [
        (FakeEngine(), phases.NEVER_RAN),
        (FakeEngine(spec(started_at=at(5))), phases.RUNNING),
        (FakeEngine(spec(status="exited", started_at=at(5))), phases.EXITED),
        # before the host was booted
        (FakeEngine(spec(status="exited", started_at=at(100 * 365 * 86400))), phases.NEVER_RAN),
        (FakeEngine(spec(status="created", started_at="0001-01-01T00:00:00Z")), phases.NEVER_RAN),
    ],
)
def test_a_container_that_is_there_had_its_process(records: Path, engine: FakeEngine, outcome: str) -> None:
    assert recovery.target_outcome("0" * 16, "smf", engine) == outcome


def test_a_task_that_has_ended_may_have_had_its_process(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the frozen process of the source would run again beside the state that the task has left behind."""
    engine = FakeEngine()
    monkeypatch.setattr(engine, "has_ended_task", lambda service: service == "smf")
    with pytest.raises(MigrationError, match="may have had the process"):
        recovery.target_outcome("0" * 16, "smf", engine)


@pytest.mark.parametrize(
    ("state", "needs_source", "outcome", "kept_here", "lost"),
    [
        (states.SETUP, False, phases.NEVER_RAN, True, False),
        (states.COMMITTED, False, phases.NEVER_RAN, True, False),
        (states.COMMITTED, False, phases.EXITED, False, False),
        (states.COMMITTED, False, phases.RUNNING, False, False),
        (states.COMMITTED, True, phases.NEVER_RAN, True, False),
        (states.COMMITTED, True, phases.EXITED, False, True),
        (states.POSTCOPY_ACTIVE, True, phases.NEVER_RAN, False, True),
        (states.POSTCOPY_ACTIVE, True, phases.EXITED, False, True),
        (states.POSTCOPY_ACTIVE, True, phases.RUNNING, False, False),
    ],
)
def test_what_ran_there_never_runs_here_again(
    records: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    needs_source: bool,
    outcome: str,
    kept_here: bool,
    lost: bool,
) -> None:
    entry = written("source", state)
    entry.needs_source = needs_source
    entry.save()
    done = []
    monkeypatch.setattr(Source, "roll_back", lambda *_given: done.append("roll_back"))
    monkeypatch.setattr(Source, "release", lambda *_given: done.append("release"))
    assert recovery.resolve_source(entry.migration_id, outcome, FakeEngine()) == (phases.LOST if lost else outcome)
    assert done == ["roll_back" if kept_here else "release"]


def test_one_that_cannot_be_recovered_blocks_no_other(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(("first", "second", "third")):
        MigrationRecord(f"{number:016x}", "source", name, "c0ffee", "edge-b").save()
    broken = records / "00000000000000ff"
    broken.mkdir()
    (broken / "source.json").write_text("{")
    done = []

    def roll_back(entry: MigrationRecord, _engine: object) -> list[str]:
        if entry.container_name == "second":
            raise MigrationError("The engine refused")
        done.append(entry.container_name)
        return ["route default"] if entry.container_name == "third" else []

    monkeypatch.setattr(Source, "roll_back", staticmethod(roll_back))
    found = recovery.recover_host(FakeEngine())
    assert done == ["first", "third"]
    assert [(one.name, one.not_restored) for one in found.recovered] == [("first", []), ("third", ["route default"])]
    assert {(one.migration_id, one.name) for one in found.not_recovered} == {
        (f"{1:016x}", "second"),
        ("00000000000000ff", ""),
    }
    assert "The engine refused." in [one.reason for one in found.not_recovered]
