# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent connects to its host's engine once, and only where a phase needs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.engines import registry
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker, Refused
from ansible_collections.organic.live_migration.plugins.module_utils.migration import agent, phases
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import FakeEngine

MIGRATION = {"name": "smf", "migration_id": "0" * 16}


class CountedEngine(FakeEngine):
    """Keeps how often it was connected; refuses when it is told so."""

    connected: ClassVar[int] = 0
    refuses: ClassVar[bool] = False

    def __init__(self, address: str | None = None) -> None:
        super().__init__(address=address)
        CountedEngine.connected += 1
        if self.refuses:
            raise Refused([Blocker("engine_unreachable", "It does not answer", "Start it")])


@pytest.fixture
def engine(records: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[CountedEngine]]:
    monkeypatch.setitem(registry.ENGINES, "fake", CountedEngine)
    monkeypatch.setattr(CountedEngine, "connected", 0)
    monkeypatch.setattr(CountedEngine, "refuses", False)
    yield CountedEngine


def run(phase: str, **arguments: object) -> dict[str, object]:
    return agent.run({"phase": phase, "engine": "fake", **arguments})


@pytest.mark.parametrize(
    ("phase", "arguments"),
    [
        (phases.PREFLIGHT, {"name": "smf"}),
        (phases.RECOVER, {}),
        (phases.QUERY_OUTCOME, MIGRATION),
        (phases.DISCARD_TARGET, MIGRATION),
        (phases.RESOLVE, {"migration_id": "0" * 16, "outcome": phases.NEVER_RAN}),
    ],
)
def test_the_engine_is_connected_once(engine: type[CountedEngine], phase: str, arguments: dict[str, object]) -> None:
    assert "answer" in run(phase, **arguments)
    assert engine.connected == 1


def test_no_engine_is_asked_for_news_or_what_a_recovery_would_do(engine: type[CountedEngine]) -> None:
    run(phases.POLL, migration_id="0" * 16)
    assert "answer" in run(phases.RECOVER, dry_run=True)
    assert engine.connected == 0


def test_an_engine_that_does_not_answer_is_a_blocker_of_the_preflight(
    engine: type[CountedEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CountedEngine, "refuses", True)
    for phase in (phases.PREFLIGHT, phases.PREPARE):
        answer = run(phase, name="smf")["answer"]
        assert isinstance(answer, dict)
        assert [blocker["code"] for blocker in answer["blockers"]] == ["engine_unreachable"]
    failure = run(phases.QUERY_OUTCOME, **MIGRATION)["failure"]
    assert isinstance(failure, dict)
    assert "It does not answer" in failure["message"]
