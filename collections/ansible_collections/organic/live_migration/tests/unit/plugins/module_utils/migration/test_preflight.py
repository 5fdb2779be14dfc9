# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight checks with a fake engine, which shows that its interface is enough; tests/faults has real hosts."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Side
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import VolumeMount
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker
from ansible_collections.organic.live_migration.plugins.module_utils.host import mounted_content
from ansible_collections.organic.live_migration.plugins.module_utils.host.container import Container
from ansible_collections.organic.live_migration.plugins.module_utils.host.file_snapshot import Snapshot, Stamp
from ansible_collections.organic.live_migration.plugins.module_utils.host.files import FileSet
from ansible_collections.organic.live_migration.plugins.module_utils.migration import (
    preflight,
    read_only_mounts,
    target_cleanup,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session.journal import MigrationRecord
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import (
    NETWORK,
    FakeCheckpoints,
    FakeEngine,
    spec,
)


def engine(**differences: Any) -> FakeEngine:
    return FakeEngine(spec(**differences), checkpoints=FakeCheckpoints())


def codes(blockers: list[Blocker]) -> list[str]:
    return [blocker.code for blocker in blockers]


@pytest.mark.parametrize(
    ("differences", "code"),
    [
        ({"tty": True}, "terminal"),
        ({"host_network": True}, "host_network"),
        ({"mounts": (VolumeMount("volume", "/data", True),)}, "volume"),
        ({"mounts": (VolumeMount("volume", "/shared", True),)}, None),
        ({"mounts": (VolumeMount("volume", "/data", False), VolumeMount("tmpfs", "/tmp", True))}, None),
        ({"networks": (replace(NETWORK, ipv6="2001:db8::34"),)}, "ipv6"),
        ({}, None),
    ],
)
def test_what_the_resident_method_cannot_move_the_engine_s_checkpoint_cannot_either(
    records: Path, differences: dict[str, Any], code: str | None
) -> None:
    view = preflight.look_at_source(engine(**differences), "smf", ["/shared"], by_engine=True, tracking=None)
    assert codes(view.blockers) == [code] * (code is not None)
    assert view.spec == spec(**differences)
    assert view.engine_id == "fake-engine"


@pytest.mark.parametrize(
    ("containers", "code"),
    [([], "container_unknown"), ([spec(status="exited", pid=0)], "container_not_running"), ([spec()], "not_resident"),
     ([spec(entrypoint=paths.INIT)], "not_resident")],
)  # fmt: skip
def test_what_is_no_running_resident_container_is_refused(records: Path, containers: list[Any], code: str) -> None:
    view = preflight.look_at_source(FakeEngine(*containers), "smf", [], by_engine=False, tracking=None)
    assert codes(view.blockers) == [code]


def test_a_resident_container_needs_a_process(records: Path) -> None:
    awaiting = FakeEngine(spec(entrypoint=paths.INIT, await_key="smf", pid=os.getpid()))
    view = preflight.look_at_source(awaiting, "smf", [], by_engine=False, tracking=None)
    assert "process_tree" in codes(view.blockers)


def test_an_engine_without_checkpoints_has_no_method_engine(records: Path) -> None:
    view = preflight.look_at_source(FakeEngine(spec()), "smf", [], by_engine=True, tracking=None)
    assert codes(view.blockers) == ["engine_without_checkpoints"]
    assert codes(preflight.look_at_target(FakeEngine(), spec(), 1, 0, by_engine=True)) == ["engine_without_checkpoints"]


def test_the_engine_s_own_blockers_are_reported_on_both_sides(records: Path) -> None:
    asked = engine()
    asked.objections = {side: [Blocker(side.value, "message", "remedy")] for side in Side}
    assert codes(preflight.look_at_source(asked, "smf", [], by_engine=True, tracking=None).blockers) == ["source"]
    asked.containers.clear()
    assert codes(preflight.look_at_target(asked, spec(), 1 << 20, 0, by_engine=True)) == ["target"]


def test_a_container_moves_once_at_a_time_by_either_method(records: Path) -> None:
    entry = MigrationRecord("0" * 16, "source", "smf", "c0ffee", "edge-b", method="engine")
    entry.adopt()
    entry.save()
    view = preflight.look_at_source(engine(), "smf", [], by_engine=True, tracking=None)
    assert codes(view.blockers) == ["busy"]


@pytest.mark.parametrize(
    ("differences", "code"),
    [({}, "name_in_use"), ({"status": "exited", "pid": 0, "entrypoint": "/bin/other"}, "name_in_use"),
     ({"status": "exited", "pid": 0}, None)],
)  # fmt: skip
def test_a_name_that_is_in_use_on_the_target(records: Path, differences: dict[str, Any], code: str | None) -> None:
    blockers = preflight.look_at_target(engine(**differences), spec(), 1 << 20, 0, by_engine=True)
    assert codes(blockers) == [code] * (code is not None)


def test_a_frozen_source_of_an_interrupted_migration_is_no_target(records: Path) -> None:
    MigrationRecord("0" * 16, "source", "smf", "c0ffee", "edge-a").save()
    [blocker] = preflight.look_at_target(engine(), spec(), 1 << 20, 0, by_engine=True)
    assert blocker.code == "frozen"
    assert "edge-a" in blocker.message


def test_a_container_that_another_migration_has_started_is_not_taken_for_one_of_the_user(records: Path) -> None:
    entry = MigrationRecord("0" * 16, "target", "smf", "c0ffee", "edge-a")
    entry.adopt()
    entry.save()
    [blocker] = preflight.look_at_target(engine(), spec(), 1 << 20, 0, by_engine=True)
    assert blocker.code == "busy"
    assert "from edge-a to the target host is under way" in blocker.message
    assert "playbook was killed" in blocker.remedy


def test_a_target_without_memory_is_refused(records: Path) -> None:
    blockers = preflight.look_at_target(FakeEngine(checkpoints=FakeCheckpoints()), spec(), 1 << 60, 0, by_engine=True)
    assert codes(blockers) == ["no_memory"]


@pytest.mark.parametrize(("name", "expected"), [("resident-await", []), ("resident-run", ["name_in_use"])])
def test_a_container_that_a_cluster_has_just_started_may_still_say_that_it_awaits(
    name: str, expected: list[str]
) -> None:
    script = "import sys; sys.stdin.readline(); open('/proc/self/comm', 'w').write(sys.argv[1]); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script, name], stdin=subprocess.PIPE) as init:
        assert init.stdin is not None
        init.stdin.write(b"\n")  # it says so while the preflight looks
        init.stdin.flush()
        placed = spec(service="smf", pid=init.pid)
        found = codes(preflight.look_at_target(FakeEngine(placed), placed, 1 << 20, 0, by_engine=False))
    assert [code for code in found if code == "name_in_use"] == expected


def test_another_container_of_the_name_of_a_service_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_INIT_START_S", 0.0)
    other = spec(service="smf", pid=os.getpid())
    assert "name_in_use" in codes(preflight.look_at_target(FakeEngine(other), other, 1 << 20, 0, by_engine=False))


def test_read_only_mounts_are_compared_unless_they_are_shared(records: Path, tmp_path: Path) -> None:
    config = tmp_path / "nf.yaml"
    config.write_text("mcc: 999")
    mount = VolumeMount("bind", "/etc/nf.yaml", False, str(config))
    here = FakeEngine(checkpoints=FakeCheckpoints())
    for shared, copied, code in (
        ([], [], "read_only_mount"),
        ([], [str(config)], None),
        ([mount.destination], [], None),
    ):
        config.write_text("mcc: 999")
        asked = engine(mounts=(mount, VolumeMount("bind", paths.ROOT, False, paths.ROOT)))
        found = preflight.look_at_source(asked, "smf", shared, by_engine=True, tracking=None)
        assert found.spec is not None
        assert set(read_only_mounts.copies(found.spec)) == (set() if shared else {str(config)})
        assert codes(preflight.look_at_target(here, found.spec, 1, 0, by_engine=True)) == []
        config.unlink()
        blockers = preflight.look_at_target(here, found.spec, 1, 0, by_engine=True, copied_mounts=copied)
        assert codes(blockers) == [code] * (code is not None)


def test_what_was_copied_for_a_failed_migration_is_removed(records: Path, tmp_path: Path) -> None:
    source = tmp_path / "nf/nf.yaml"
    source.parent.mkdir()
    source.write_text("mcc: 999")
    packed = mounted_content.pack([str(source)])
    source.unlink()
    source.parent.rmdir()
    record = MigrationRecord("0" * 16, "target", "smf", "", "edge-a")
    record.created_paths = mounted_content.missing_paths(packed)
    record.save()
    mounted_content.unpack(packed)
    assert source.read_text() == "mcc: 999"
    target_cleanup.discard(MigrationRecord.load(record.path), engine())
    assert list(tmp_path.glob("nf*")) == []


def test_files_that_are_too_large_are_named_before_anything_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    stamps = {
        "var/log/old": Stamp(stat.S_IFREG, 9 << 20, 0, 0, 1, 9 << 20),
        "etc/nf": Stamp(stat.S_IFREG, 1, 0, 0, 2, 1),
    }
    monkeypatch.setattr(FileSet, "snapshot", lambda _self: Snapshot(stamps))
    monkeypatch.setattr(Container, "all_pids", lambda _self: [])  # the tests' control group holds others, too
    container = Container(os.getpid())
    view = preflight.SourceView([])
    assert preflight._look_at_files(view, container) == []
    assert view.files_bytes == (9 << 20) + 1
    monkeypatch.setattr(preflight, "MAX_FILES_BYTES", 1 << 20)
    [blocker] = preflight._look_at_files(view, container)
    assert (blocker.code, "/var/log/old; at most 1 MiB" in blocker.message) == ("files_too_large", True)
