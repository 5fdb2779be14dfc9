# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The awaiting container, with an engine whose containers are in a dictionary; record and await file are real."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.migration import awaiting
from ansible_collections.organic.live_migration.plugins.module_utils.session import journal, states
from ansible_collections.organic.live_migration.plugins.module_utils.session.journal import MigrationRecord
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import (
    FakeEngine,
    spec,
)

ID = "0123456789abcdef"


@pytest.fixture
def record(records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MigrationRecord:
    monkeypatch.setattr(paths, "AWAIT", str(tmp_path / "await"))
    (tmp_path / "await").mkdir()
    return MigrationRecord(ID, states.TARGET, "smf", "", "edge-a", await_name="core.smf")


def test_a_stopped_predecessor_gives_way_to_one_like_the_source(record: MigrationRecord, tmp_path: Path) -> None:
    engine = FakeEngine(spec(id="before", status="exited"))
    container = awaiting.started(spec(), engine, record, {}, 60)
    assert engine.asked == [("remove", "before", False), ("create_awaiting", "smf"), ("start", "smf-here")]
    assert container.init.pid == 1
    assert (tmp_path / "await" / "core.smf").exists()


def test_what_is_made_is_written_down_before_it_is_started(record: MigrationRecord) -> None:
    class Failing(FakeEngine):
        def start(self, container_id: str) -> ContainerSpec:
            raise MigrationError(container_id)

    with pytest.raises(MigrationError, match="smf-here"):
        awaiting.started(spec(), Failing(), record, {}, 60)
    [written] = journal.all_records()
    assert written.container_id == "smf-here"


def test_one_that_a_cluster_placed_is_awaited(record: MigrationRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    looks = iter([None, spec(status="created"), spec(service="smf", id="task")])
    monkeypatch.setattr(engine, "inspect", lambda _name: next(looks))
    assert awaiting.placed(engine, record).init.pid == 1
    assert (record.container_id, engine.asked) == ("task", [])


def test_a_cluster_that_places_none_is_named(record: MigrationRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting, "_PLACED_TIMEOUT_S", 0)
    with pytest.raises(MigrationError, match="started no container of service 'smf'"):
        awaiting.placed(FakeEngine(), record)
