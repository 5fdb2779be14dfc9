# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that was prepared for a migration whose controller was killed; tests/migration has one killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host.processes import ProcessId
from ansible_collections.organic.live_migration.plugins.module_utils.migration import abandoned, phases, recovery
from ansible_collections.organic.live_migration.plugins.module_utils.session import states
from ansible_collections.organic.live_migration.plugins.module_utils.session.journal import MigrationRecord
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import FakeEngine


@pytest.fixture
def agent(records: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Stands for an agent that waits for its source."""
    with subprocess.Popen([sys.executable, "-Sc", "import signal; signal.pause()"]) as process:
        yield process
        process.kill()


def waiting(agent: subprocess.Popen[bytes], until_s: float, state: str = states.SETUP) -> MigrationRecord:
    entry = MigrationRecord("0" * 16, "target", "smf", "", "edge-a", source_awaited_until_s=until_s)
    me = ProcessId.of(agent.pid)
    entry.agent_pid, entry.agent_start_time = me.pid, me.start_time
    entry.save(state)
    return entry


def test_the_time_grows_with_that_of_the_preparation() -> None:
    now_s = time.monotonic()
    assert abandoned.deadline(now_s) - now_s == pytest.approx(10, abs=0.5)
    assert abandoned.deadline(now_s - 20) - now_s == pytest.approx(120, abs=0.5)


def test_one_that_has_not_begun_for_too_long_is_removed(
    agent: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "_end_agent", lambda entry: (agent.kill(), agent.wait(), entry.remove()))
    waiting(agent, time.monotonic() - 1)
    [would] = recovery.scan_host(phases.ALL).recovered
    assert would.outcome == phases.NEVER_RAN
    assert agent.poll() is None
    found = recovery.recover_host(FakeEngine(), phases.ALL)
    assert [entry.name for entry in found.recovered] == ["smf"]
    assert agent.poll() is not None
    assert not recovery.scan_host(phases.ALL).recovered


@pytest.mark.parametrize("name", ["amf", ""])
def test_that_of_another_container_is_left_to_its_own_next_run(agent: subprocess.Popen[bytes], name: str) -> None:
    """On a loaded host its controller may only be slow."""
    waiting(agent, time.monotonic() - 1)
    assert [entry.name for entry in recovery.recover_host(FakeEngine(), name).in_progress] == ["smf"]
    assert agent.poll() is None
    assert not recovery.scan_host("smf").in_progress


@pytest.mark.parametrize(
    ("left_s", "state"), [(60, states.SETUP), (-1, states.ACTIVE), (None, states.SETUP)], ids=["early", "later", "came"]
)
def test_one_that_may_begin_or_has_begun_is_left_alone(
    agent: subprocess.Popen[bytes], left_s: float | None, state: str
) -> None:
    waiting(agent, 0.0 if left_s is None else time.monotonic() + left_s, state)
    found = recovery.recover_host(FakeEngine(), phases.ALL)
    assert [entry.name for entry in found.in_progress] == ["smf"]
    assert agent.poll() is None


def test_one_whose_source_comes_at_the_last_moment_is_left_alone(
    agent: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was found abandoned, and others were recovered before it."""
    entry = waiting(agent, time.monotonic() - 1)

    def scan_then_come(name: str) -> phases.HostMigrations:
        found = scan_host(name)
        entry.source_awaited_until_s = 0.0
        entry.save(states.ACTIVE)
        return found

    scan_host = recovery.scan_host
    monkeypatch.setattr(recovery, "scan_host", scan_then_come)
    found = recovery.recover_host(FakeEngine(), phases.ALL)
    assert [entry.name for entry in found.in_progress] == ["smf"]
    assert not found.recovered
    assert agent.poll() is None


def test_a_user_is_told_what_the_waiting_container_is(agent: subprocess.Popen[bytes]) -> None:
    blocker = abandoned.blocker(waiting(agent, time.monotonic() + 7))
    assert "'smf' on the target host awaits its process: a migration from edge-a has prepared it" in blocker.message
    assert "run this again in 7 s, which removes what it has prepared" in blocker.remedy
    assert "under way" in abandoned.blocker(waiting(agent, 0.0)).message
