# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.host import textfile
from ansible_collections.organic.live_migration.plugins.module_utils.host.textfile import Sample, Samples
from ansible_collections.organic.live_migration.plugins.module_utils.session import metrics, supervisor
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Outcome, Verdict
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Snapshot
from ansible_collections.organic.live_migration.plugins.module_utils.session.supervisor import Supervisor

ID = "00112233445566ff"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the collector, with the link of the role."""
    directory = tmp_path / "collector"
    directory.mkdir()
    link = tmp_path / "metrics"
    link.symlink_to(directory)
    monkeypatch.setattr(paths, "METRICS", link)
    return directory


def read(directory: Path) -> Samples:
    return textfile.parse((directory / metrics.FILE).read_text())


def completed(downtime_ms: float = 40.0) -> Outcome:
    snapshot = Snapshot(ID, name="smf", strategy="pre_copy", elapsed_ms=1200.0)
    return Outcome(Verdict.COMPLETED, process_downtime_ms=downtime_ms, bytes_sent=1000, statistics=snapshot)


def test_migrations_are_counted_in_the_file_itself(directory: Path) -> None:
    metrics.record("smf", completed(40.0))
    metrics.record("smf", completed(400.0))
    metrics.record("upf", Outcome(Verdict.ROLLED_BACK, bytes_sent=5))
    found = read(directory)
    counts = {
        dict(one.labels)["outcome"]: value for one, value in found.items() if one.name == "organic_migrations_total"
    }
    assert counts == {verdict.value: {"completed": 2, "rolled_back": 1}.get(verdict.value, 0) for verdict in Verdict}
    assert found[Sample.of("organic_migration_sent_bytes_total")] == 2005
    name = "organic_migration_process_downtime_seconds"
    buckets = {dict(one.labels)["le"]: value for one, value in found.items() if one.name == f"{name}_bucket"}
    assert (buckets["0.025"], buckets["0.05"], buckets["0.25"], buckets["0.5"], buckets["+Inf"]) == (0, 1, 1, 2, 2)
    assert found[Sample.of(f"{name}_sum", strategy="pre_copy")] == pytest.approx(0.44)
    assert found[Sample.of("organic_migration_last_process_downtime_seconds", container="smf")] == 0.4


def test_a_container_has_one_last_end(directory: Path) -> None:
    metrics.record("smf", Outcome(Verdict.IN_DOUBT))
    metrics.record("smf", completed())
    ends = [dict(one.labels) for one in read(directory) if one.name == "organic_migration_last_end_timestamp_seconds"]
    assert ends == [{"container": "smf", "outcome": "completed"}]


def test_migrations_that_end_at_once_are_all_counted(directory: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: metrics.record(f"nf{number % 4}", completed()), range(40)))
    assert read(directory)[Sample.of("organic_migrations_total", outcome="completed")] == 40


def test_nothing_is_written_where_nothing_was_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "METRICS", tmp_path / "metrics")
    metrics.record("smf", completed())
    (tmp_path / "metrics").symlink_to(tmp_path / "gone")
    metrics.record("smf", completed())
    assert [path.name for path in tmp_path.iterdir()] == ["metrics"]


def test_a_lock_that_is_kept_holds_nobody_up(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_LOCK_TIMEOUT_S", 0.05)
    descriptor = os.open(directory, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    metrics.record("smf", completed())
    os.close(descriptor)
    assert not list(directory.iterdir())


@pytest.mark.usefixtures("records")
def test_a_supervisor_counts_what_has_begun(
    directory: Path, until: Callable[[Callable[[], object], str], None]
) -> None:
    facts = {"name": "smf", "peer": "edge-b", "strategy": "inter_copy"}
    Supervisor(ID, facts, 2, 0.5, lambda _: completed()).begin()
    supervisor.submit(ID, {"port": 7})
    assert isinstance(supervisor.wait(ID, -1, 20), Outcome)
    until((directory / metrics.FILE).exists, "the migration is counted")
    assert read(directory)[Sample.of("organic_migrations_total", outcome="completed")] == 1
    # A controller that never asks has not begun a migration.
    Supervisor("f" * 16, facts, 2, 0.2, lambda _: completed()).begin()
    supervisor.progress.request_cancel(supervisor.directory_of("f" * 16))
    assert isinstance(supervisor.wait("f" * 16, -1, 20), Outcome)
    until(lambda: not supervisor.directory_of("f" * 16).exists(), "the supervisor has ended")
    assert sum(value for one, value in read(directory).items() if one.name == "organic_migrations_total") == 1


def test_the_role_knows_the_same_link_and_file() -> None:
    role = Path(metrics.__file__).parents[3] / "roles/migration_host/tasks/metrics.yml"
    tasks = yaml.safe_load(role.read_text())
    assert tasks[-1]["ansible.builtin.file"]["path"] == str(paths.METRICS)
    assert any(metrics.FILE in task.get("loop", []) for task in tasks)


def test_each_metric_has_one_family() -> None:
    assert len({family.name for family in metrics.FAMILIES}) == len(metrics.FAMILIES)
    assert all(family.name.startswith("organic_migration") for family in metrics.FAMILIES)
