# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a migration uses a container, by the records on a real file system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.migration.host_info import Sampling, role_of
from ansible_collections.organic.live_migration.plugins.module_utils.session.journal import MigrationRecord
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import (
    FakeEngine,
    spec,
)

pytestmark = pytest.mark.usefixtures("records")


def record(name: str = "counter", role: str = "source", in_progress: bool = True) -> None:
    made = MigrationRecord("00112233445566ff", role, name, "c0ffee", "edge-b")
    if in_progress:
        made.adopt()
    made.save()


def test_no_migration(records: Path) -> None:
    assert not records.exists()
    assert role_of("counter") == ""


@pytest.mark.parametrize("role", ["source", "target"])
def test_a_migration_in_progress(role: str) -> None:
    record(role=role)
    assert role_of("counter") == role
    assert role_of("other") == ""


def test_an_interrupted_migration_does_not_count() -> None:
    record(in_progress=False)
    assert role_of("counter") == ""


def test_what_runs_here_and_what_is_free() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            ended = spec(name="ended", status="exited", pid=0)
            found = Sampling(FakeEngine(spec(name="busy", pid=busy.pid, entrypoint=paths.INIT), ended)).resources()
        finally:
            busy.kill()
    [container] = found.containers
    assert (container.name, container.is_resident) == ("busy", True)
    assert container.memory_bytes > 1 << 20
    assert 0.02 < container.cpus <= 2
    assert 0 < found.available_bytes < found.memory_bytes
    assert found.cpus >= 1
