# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a trial dump's outcome. The dump itself is tested on the lab (tests/migration/test_trial_dump.py)."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.engines import registry
from ansible_collections.organic.live_migration.plugins.module_utils.errors import (
    Blocker,
    CriuFailed,
    MigrationError,
    ProcessEnded,
)
from ansible_collections.organic.live_migration.plugins.module_utils.migration import (
    agent,
    phases,
    preflight,
    trial_dump,
)
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import PlanParameters
from ansible_collections.organic.live_migration.plugins.module_utils.migration.preflight import SourceView
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Outcome
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import FakeEngine

PLAN = PlanParameters("0" * 16, "smf", "edge-b", 120, 1 << 20, Options(strategy="auto"))


class NotBegun(MigrationError):
    """What a run raises before it has changed anything."""


class Tried:
    """Stands for TrialDump: its run ends with an error, as each does."""

    def __init__(self, directory: Path, error: Exception) -> None:
        self.directory, self._error = directory, error

    def run(self) -> Outcome:
        (self.directory / "progress.json").write_text("{}")
        if isinstance(self._error, NotBegun):
            raise self._error
        outcome = Outcome.of_error(self._error)
        outcome.process_downtime_ms = 12.5
        return outcome


def try_with(error: Exception, directory: Path, monkeypatch: pytest.MonkeyPatch) -> trial_dump.Trial:
    directory = directory / "migration"
    directory.mkdir()
    monkeypatch.setattr(trial_dump, "TrialDump", lambda _plan, _engine: Tried(directory, error))
    try:
        return trial_dump.try_dump(PLAN, FakeEngine())
    finally:
        assert not directory.exists(), "files of the trial are left"


def test_a_dump_that_succeeds_blocks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = try_with(trial_dump._Dumped(), tmp_path, monkeypatch)
    assert found == trial_dump.Trial([], 12.5)


def test_what_criu_says_is_the_blocker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = try_with(CriuFailed("dump", ["Error (criu/files-ext.c:98): Can't dump file 7"]), tmp_path, monkeypatch)
    [blocker] = found.blockers
    assert (blocker.code, found.downtime_ms) == ("trial_dump_failed", 12.5)
    assert blocker.message.endswith("Can't dump file 7")


def test_a_process_that_has_ended_is_no_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProcessEnded, match="it exited"):
        try_with(ProcessEnded("it exited"), tmp_path, monkeypatch)
    with pytest.raises(MigrationError, match="another migration"):
        try_with(NotBegun("It is in another migration."), tmp_path, monkeypatch)


def test_what_is_sent_goes_nowhere_and_blocks_nobody() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        reader = trial_dump.threading.Thread(target=trial_dump._discard, args=[theirs])
        reader.start()
        for _time in range(8):
            ours.sendall(bytes(1 << 20))
    reader.join(10)
    assert not reader.is_alive()
    assert theirs.fileno() == -1, "it is closed"


@pytest.fixture
def preflighted(records: Path, monkeypatch: pytest.MonkeyPatch) -> SourceView:
    """The preflight finds this; whoever begins a migration fails the test."""
    monkeypatch.setitem(registry.ENGINES, "fake", FakeEngine)
    view = SourceView([])
    monkeypatch.setattr(preflight, "look_at_source", lambda *_given: view)
    monkeypatch.setattr(agent, "_begin", lambda *_given: pytest.fail("the migration has begun"))
    return view


def preflight_with(**arguments: Any) -> dict[str, Any]:
    given = {"phase": phases.PREFLIGHT, "name": "smf", "engine": "fake", "plan": typed.to_dict(PLAN)}
    answer = agent.run({**given, "trial_dump": True, **arguments})
    assert "answer" in answer, answer
    found: dict[str, Any] = answer["answer"]
    return found


def codes(answer: dict[str, Any]) -> list[str]:
    return [blocker["code"] for blocker in answer["blockers"]]


def test_a_migration_whose_trial_fails_does_not_begin(preflighted: SourceView, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = trial_dump.Trial([Blocker("trial_dump_failed", "It cannot", "Do without")], 20.0)
    monkeypatch.setattr(trial_dump, "try_dump", lambda _plan, _engine: refused)
    answer = preflight_with()
    assert (codes(answer), answer["trial_downtime_ms"]) == (["trial_dump_failed"], 20.0)


def test_nothing_is_tried_where_something_else_prevents_the_migration(
    preflighted: SourceView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_dump, "try_dump", lambda *_given: pytest.fail("it is tried"))
    preflighted.blockers.append(Blocker("volume", "It has one", "Do without"))
    answer = preflight_with()
    assert (codes(answer), answer["trial_downtime_ms"]) == (["volume"], None)


def test_an_engine_that_moves_the_process_itself_has_no_trial(preflighted: SourceView) -> None:
    assert codes(preflight_with(method="engine")) == ["no_trial_dump"]
