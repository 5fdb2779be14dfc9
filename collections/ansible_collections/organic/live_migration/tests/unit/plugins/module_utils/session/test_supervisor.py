# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Supervisors are real processes here; what they do is not a migration."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.migration import agent, phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    Parameters,
    PlanParameters,
    PollAnswer,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session import (
    progress,
    slots,
    states,
    supervisor,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Credentials
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Outcome, Pending, Verdict
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Progress, Snapshot
from ansible_collections.organic.live_migration.plugins.module_utils.session.supervisor import Supervisor

pytestmark = pytest.mark.usefixtures("records")

ID = "00112233445566ff"
OTHER = "f" * 16
TIMEOUT_S = 0.5
FACTS = {"name": "smf", "peer": "edge-b", "strategy": "inter_copy"}
Until = Callable[[Callable[[], object], str], None]


def echo(request: supervisor.Request) -> Outcome:
    return Outcome(Verdict.COMPLETED, details=request)


def begin(work: supervisor.Work = echo, migration_id: str = ID, max_parallel: int = 2) -> bool:
    return Supervisor(migration_id, FACTS, max_parallel, TIMEOUT_S, work).begin()


def result(migration_id: str = ID) -> Outcome:
    found = supervisor.wait(migration_id, -1, 20)
    assert isinstance(found, Outcome), found
    return found


def progress_of(migration_id: str, events_seen: int = -1, timeout_s: float = 20) -> Snapshot:
    """The migration has not ended; how far it is."""
    found = supervisor.wait(migration_id, events_seen, timeout_s)
    assert isinstance(found, Pending), found
    return found.progress


def states_of(outcome: Outcome) -> list[str]:
    assert outcome.statistics is not None
    return [event.state for event in outcome.statistics.events]


@pytest.fixture
def nothing_left(records: Path, until: Until) -> Callable[[], None]:
    return lambda: until(lambda: not records.parent.exists(), "nothing is left")


def test_a_request_is_taken_and_the_outcome_is_fetched_once(nothing_left: Callable[[], None]) -> None:
    assert not begin()
    snapshot = progress.read(supervisor.directory_of(ID))
    assert snapshot is not None
    assert (snapshot.state, snapshot.queued, snapshot.name) == ("setup", False, "smf")
    supervisor.submit(ID, {"port": 7})
    found = result()
    assert found.details == {"port": 7}
    assert found.statistics is not None
    assert found.statistics.migration_id == ID
    nothing_left()
    gone = supervisor.wait(ID, -1, 0)
    assert isinstance(gone, Outcome)
    assert gone.verdict is Verdict.IN_DOUBT


def test_a_result_is_for_root_alone(records: Path, until: Until) -> None:
    begin()
    supervisor.submit(ID, {"port": 7})
    path = records / ID / "result.json"
    until(path.exists, "the result is there")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    result()


def test_a_long_one_reports_events_at_once(records: Path) -> None:
    def work(_request: supervisor.Request) -> Outcome:
        told = Progress(records / ID, {**FACTS, "migration_id": ID})
        told.set_state(states.ACTIVE)
        told.await_continue(20)
        return Outcome(Verdict.COMPLETED, statistics=told.snapshot())

    begin(work)
    supervisor.submit(ID, {"port": 7})
    seen = 0
    entered: list[str] = []
    while states.PRE_SWITCHOVER not in entered:
        start = time.monotonic()
        entered = [event.state for event in progress_of(ID, seen).events]
        assert time.monotonic() - start < 10
        assert len(entered) > seen
        seen = len(entered)
    progress_of(ID, seen, 0.05)
    progress.request_continue(records / ID)
    assert states_of(result())[-1] == states.PRE_SWITCHOVER


def test_an_internal_error_is_an_outcome_with_its_traceback(nothing_left: Callable[[], None]) -> None:
    begin(lambda request: Outcome(request["nothing"]))
    supervisor.submit(ID, {"port": 7})
    found = result()
    assert found.message.startswith("Internal error: KeyError: 'nothing'. ")
    assert "test_supervisor.py" in found.traceback
    assert states_of(found) == ["setup", "failed"]
    nothing_left()


def test_it_queues_until_another_has_ended(nothing_left: Callable[[], None]) -> None:
    assert not begin(max_parallel=1)
    assert begin(migration_id=OTHER, max_parallel=1)
    assert progress_of(OTHER, timeout_s=0.05).queued
    supervisor.submit(ID, {"port": 7})
    result()
    assert not progress_of(OTHER).queued
    supervisor.submit(OTHER, {"port": 8})
    assert result(OTHER).details == {"port": 8}
    nothing_left()


def test_one_that_nobody_fetches_does_not_keep_others_waiting(records: Path) -> None:
    begin(max_parallel=1)
    begin(migration_id=OTHER, max_parallel=1)
    supervisor.submit(ID, {"port": 7})
    assert not progress_of(OTHER).queued
    supervisor.submit(OTHER, {"port": 8})
    result(OTHER)
    result()


@pytest.mark.parametrize("queued", [True, False])
def test_it_can_be_cancelled_before_it_has_a_request(queued: bool, nothing_left: Callable[[], None]) -> None:
    begin(migration_id=OTHER, max_parallel=1)
    begin(max_parallel=1 if queued else 2)
    progress.request_cancel(supervisor.directory_of(ID))
    found = result()
    assert found.verdict is Verdict.CANCELLED
    assert states_of(found) == ["setup", "cancelling", "cancelled"]
    supervisor.submit(OTHER, {"port": 7})
    result(OTHER)
    nothing_left()
    with pytest.raises(MigrationError, match="ended before it could begin"):
        supervisor.submit(ID, {"port": 7})


def test_others_of_its_container_that_have_not_begun_are_cancelled() -> None:
    """The controller of the other was killed; it must not keep its slot for timeout_s."""
    third = "e" * 16
    for migration_id, name in ((OTHER, "smf"), (third, "amf"), (ID, "smf")):
        Supervisor(migration_id, {**FACTS, "name": name}, 9, 60, echo).begin()
    supervisor.cancel_others(ID, "smf")
    assert result(OTHER).verdict is Verdict.CANCELLED
    for migration_id in (ID, third):
        supervisor.submit(migration_id, {"port": 7})
        assert result(migration_id).verdict is Verdict.COMPLETED


@pytest.mark.parametrize("has_request", [True, False])
def test_without_a_controller_it_ends_and_leaves_nothing(
    has_request: bool, nothing_left: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "PATIENCE_S", 0.5)
    begin()
    if has_request:
        supervisor.submit(ID, {"port": 7})
    nothing_left()


def test_signs_of_life_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PATIENCE_S", 0.6)
    begin()
    for _second in range(5):
        progress_of(ID, timeout_s=0.3)
    supervisor.submit(ID, {"port": 7})
    assert result().verdict is Verdict.COMPLETED


@pytest.mark.parametrize("is_heard", ["before the request", "while it works", "when it has ended"])
def test_a_slow_controller_asks_for_patience(
    is_heard: str, records: Path, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    """Many migrations at once starve it, and it must still find the result of the one that has completed."""
    monkeypatch.setattr(supervisor, "PATIENCE_S", 0.3 if is_heard == "before the request" else 2)
    begin()
    if is_heard == "before the request":
        supervisor.wait(ID, -1, 0, patience_s=20)
    supervisor.submit(ID, {"port": 7})
    if is_heard == "while it works":
        supervisor.submit(ID, {"patience_s": 20})
    path = records / ID / "result.json"
    until(path.exists, "the result is there")
    if is_heard == "when it has ended":
        supervisor.submit(ID, {"patience_s": 20})
    ended = time.monotonic()
    until(lambda: time.monotonic() > ended + 3, "more than the shortest patience has passed")
    assert result().verdict is Verdict.COMPLETED


def test_its_controller_may_prepare_the_target_for_as_long_as_the_migration_may_take(
    monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setattr(supervisor, "PATIENCE_S", 0.1)
    Supervisor(ID, FACTS, 2, 20, echo).begin()
    begun = time.monotonic()
    until(lambda: time.monotonic() > begun + 1, "many times the patience has passed")
    supervisor.submit(ID, {"port": 7})
    assert result().details == {"port": 7}


def test_one_that_queues_hears_of_its_controller_or_goes(monkeypatch: pytest.MonkeyPatch, until: Until) -> None:
    monkeypatch.setattr(supervisor, "PATIENCE_S", 0.3)
    Supervisor(OTHER, FACTS, 1, 20, echo).begin()
    assert Supervisor(ID, FACTS, 1, 20, echo).begin()
    until(lambda: not supervisor.is_supervised(supervisor.directory_of(ID)), "nobody waits in the queue")
    supervisor.submit(OTHER, {"port": 7})
    assert result(OTHER).verdict is Verdict.COMPLETED


def test_one_whose_turn_has_come_hears_of_its_controller_or_goes(monkeypatch: pytest.MonkeyPatch, until: Until) -> None:
    monkeypatch.setattr(supervisor, "PATIENCE_S", 1)
    Supervisor(OTHER, FACTS, 1, 20, echo).begin()
    assert Supervisor(ID, FACTS, 1, 20, echo).begin()
    supervisor.submit(OTHER, {"port": 7})
    assert result(OTHER).verdict is Verdict.COMPLETED
    until(lambda: not getattr(progress.read(supervisor.directory_of(ID)), "queued", False), "its turn has come")
    until(lambda: not supervisor.is_supervised(supervisor.directory_of(ID)), "nobody keeps the slot")


def test_a_request_that_comes_too_late_leaves_it_in_doubt(records: Path) -> None:
    plan = PlanParameters(ID, "smf", "edge-b", 20, 1 << 20, Options())
    parameters = Parameters(phases.START, plan=plan, credentials=Credentials("", "", ""), port=7)
    answer = typed.from_dict(PollAnswer, agent.run(parameters.as_module_arguments())["answer"])
    assert answer.outcome is not None
    assert answer.outcome.verdict is Verdict.IN_DOUBT
    assert "ended before it could begin" in answer.outcome.message


def test_more_signs_of_life_than_it_hears_are_no_fault(records: Path) -> None:
    begin(
        lambda _request: (
            Progress(records / ID, {**FACTS, "migration_id": ID}).await_continue(20) or Outcome(Verdict.COMPLETED)
        )
    )
    supervisor.submit(ID, {"port": 7})
    for _sign in range(50):
        supervisor.submit(ID, {"patience_s": 0})
    progress.request_continue(records / ID)
    assert result().verdict is Verdict.COMPLETED


def test_one_that_is_killed_is_in_doubt_and_removed(records: Path, nothing_left: Callable[[], None]) -> None:
    def die(_request: supervisor.Request) -> Outcome:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")

    begin(die)
    supervisor.remove_stale()  # not those that live
    supervisor.submit(ID, {"port": 7})
    found = result()
    assert found.verdict is Verdict.IN_DOUBT
    assert "died before its result was read" in found.message
    assert (records / ID / "progress.json").exists()
    supervisor.remove_stale()
    slots.remove_stale()
    nothing_left()


def test_another_task_may_look_at_the_result_without_fetching_it(records: Path, until: Until) -> None:
    begin()
    supervisor.submit(ID, {"port": 7})
    until(lambda: supervisor.peek(records / ID), "the result is there")
    assert result().details == {"port": 7}
    assert supervisor.peek(records / ID) is None


def test_a_migration_is_known_while_it_is_accompanied_or_recorded(records: Path, until: Until) -> None:
    begin()
    recorded = records / OTHER
    recorded.mkdir()
    (recorded / "source.json").write_text("{}")
    (records / ("0" * 16)).mkdir()
    assert supervisor.known_migrations() == [ID, OTHER]
    supervisor.submit(ID, {"name": "smf"})
    result()
    until(lambda: supervisor.known_migrations() == [OTHER], "its supervisor has ended")
