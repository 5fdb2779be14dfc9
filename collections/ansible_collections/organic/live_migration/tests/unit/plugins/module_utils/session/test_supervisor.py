# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attendants are real processes here; what they do is not a migration."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.migration import agent
from ansible_collections.organic.live_migration.plugins.module_utils.session import (
    progress,
    slots,
    states,
    supervisor,
    watchdog,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Progress
from ansible_collections.organic.live_migration.plugins.module_utils.session.supervisor import Supervisor

pytestmark = pytest.mark.usefixtures("records")

ID = "00112233445566ff"
OTHER = "f" * 16
TIMEOUT_S = 0.5
FACTS = {"name": "smf", "peer": "edge-b", "strategy": "inter_copy"}
Until = Callable[[Callable[[], object], str], None]


def echo(orders: dict[str, Any]) -> watchdog.Result:
    return {"ok": True, "orders": orders}


def begin(work: supervisor.Work = echo, migration_id: str = ID, max_parallel: int = 2) -> bool:
    return Supervisor(migration_id, FACTS, max_parallel, TIMEOUT_S, work).begin()


def result(migration_id: str = ID) -> watchdog.Result:
    found = supervisor.wait(migration_id, -1, 20)
    assert not found.get("running"), found
    return found


@pytest.fixture
def nothing_left(records: Path, until: Until) -> Callable[[], None]:
    return lambda: until(lambda: not records.parent.exists(), "nothing is left")


def test_orders_are_taken_and_the_result_is_fetched_once(nothing_left: Callable[[], None]) -> None:
    assert not begin()
    snapshot = progress.read(supervisor.directory_of(ID))
    assert snapshot is not None
    assert (snapshot.state, snapshot.queued, snapshot.name) == ("setup", False, "smf")
    supervisor.submit(ID, {"port": 7})
    found = result()
    assert found["orders"] == {"port": 7}
    assert found["statistics"]["migration_id"] == ID
    nothing_left()
    assert supervisor.wait(ID, -1, 0)["in_doubt"]


def test_a_result_is_for_root_alone(records: Path, until: Until) -> None:
    begin()
    supervisor.submit(ID, {"port": 7})
    path = records / ID / "result.json"
    until(path.exists, "the result is there")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    result()


def test_a_long_one_tells_news_at_once(records: Path) -> None:
    def work(orders: dict[str, Any]) -> watchdog.Result:
        told = Progress(records / ID, {**FACTS, "migration_id": ID})
        told.set_state(states.ACTIVE)
        told.await_continue(20)
        return {"ok": True, "statistics": typed.to_dict(told.snapshot())}

    begin(work)
    supervisor.submit(ID, {"port": 7})
    seen = 0
    entered: list[str] = []
    while states.PRE_SWITCHOVER not in entered:
        start = time.monotonic()
        news = supervisor.wait(ID, seen, 20)
        assert news["running"]
        assert time.monotonic() - start < 10
        entered = [event["state"] for event in news["progress"]["events"]]
        assert len(entered) > seen
        seen = len(entered)
    assert supervisor.wait(ID, seen, 0.05)["running"]
    progress.request_continue(records / ID)
    assert result()["statistics"]["events"][-1]["state"] == states.PRE_SWITCHOVER


def test_a_fault_is_a_result(nothing_left: Callable[[], None]) -> None:
    begin(lambda orders: orders["nothing"])
    supervisor.submit(ID, {"port": 7})
    found = result()
    assert found["message"] == "KeyError: 'nothing'"
    assert [event["state"] for event in found["statistics"]["events"]] == ["setup", "failed"]
    nothing_left()


def test_it_queues_until_another_has_ended(nothing_left: Callable[[], None]) -> None:
    assert not begin(max_parallel=1)
    assert begin(migration_id=OTHER, max_parallel=1)
    waiting = supervisor.wait(OTHER, -1, 0.05)
    assert waiting["progress"]["queued"]
    supervisor.submit(ID, {"port": 7})
    result()
    turn = supervisor.wait(OTHER, -1, 20)
    assert turn["running"]
    assert not turn["progress"]["queued"]
    supervisor.submit(OTHER, {"port": 8})
    assert result(OTHER)["orders"] == {"port": 8}
    nothing_left()


def test_one_that_nobody_fetches_does_not_keep_others_waiting(records: Path) -> None:
    begin(max_parallel=1)
    begin(migration_id=OTHER, max_parallel=1)
    supervisor.submit(ID, {"port": 7})
    assert not supervisor.wait(OTHER, -1, 20)["progress"]["queued"]
    supervisor.submit(OTHER, {"port": 8})
    result(OTHER)
    result()


@pytest.mark.parametrize("queued", [True, False])
def test_it_can_be_cancelled_before_it_has_orders(queued: bool, nothing_left: Callable[[], None]) -> None:
    begin(migration_id=OTHER, max_parallel=1)
    begin(max_parallel=1 if queued else 2)
    progress.request_cancel(supervisor.directory_of(ID))
    found = result()
    assert found["status"] == "cancelled"
    assert [event["state"] for event in found["statistics"]["events"]] == ["setup", "cancelling", "cancelled"]
    supervisor.submit(OTHER, {"port": 7})
    result(OTHER)
    nothing_left()
    with pytest.raises(MigrationError, match="ended before it could begin"):
        supervisor.submit(ID, {"port": 7})


@pytest.mark.parametrize("has_orders", [True, False])
def test_without_a_controller_it_ends_and_leaves_nothing(
    has_orders: bool, nothing_left: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_PATIENCE_S", 0.5)
    begin()
    if has_orders:
        supervisor.submit(ID, {"port": 7})
    nothing_left()


def test_signs_of_life_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_PATIENCE_S", 0.6)
    begin()
    for _second in range(5):
        assert supervisor.wait(ID, -1, 0.3)["running"]
    supervisor.submit(ID, {"port": 7})
    assert result()["ok"]


def test_its_controller_may_prepare_the_target_for_as_long_as_the_migration_may_take(
    monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setattr(supervisor, "_PATIENCE_S", 0.1)
    Supervisor(ID, FACTS, 2, 20, echo).begin()
    begun = time.monotonic()
    until(lambda: time.monotonic() > begun + 1, "many times the patience has passed")
    supervisor.submit(ID, {"port": 7})
    assert result()["orders"] == {"port": 7}


def test_one_that_queues_hears_of_its_controller_or_goes(monkeypatch: pytest.MonkeyPatch, until: Until) -> None:
    monkeypatch.setattr(supervisor, "_PATIENCE_S", 0.3)
    Supervisor(OTHER, FACTS, 1, 20, echo).begin()
    assert Supervisor(ID, FACTS, 1, 20, echo).begin()
    until(lambda: not supervisor.is_supervised(supervisor.directory_of(ID)), "nobody waits in the queue")
    supervisor.submit(OTHER, {"port": 7})
    assert result(OTHER)["ok"]


def test_one_whose_turn_has_come_hears_of_its_controller_or_goes(monkeypatch: pytest.MonkeyPatch, until: Until) -> None:
    monkeypatch.setattr(supervisor, "_PATIENCE_S", 1)
    Supervisor(OTHER, FACTS, 1, 20, echo).begin()
    assert Supervisor(ID, FACTS, 1, 20, echo).begin()
    supervisor.submit(OTHER, {"port": 7})
    assert result(OTHER)["ok"]
    until(lambda: not getattr(progress.read(supervisor.directory_of(ID)), "queued", False), "its turn has come")
    until(lambda: not supervisor.is_supervised(supervisor.directory_of(ID)), "nobody keeps the slot")


def test_orders_that_come_too_late_are_told_to_be(records: Path) -> None:
    plan = {"migration_id": ID, "name": "smf", "peer": "edge-b", "timeout_s": 20, "memory_bytes": 1 << 20}
    credentials = {"certificate": "", "key": "", "peer_certificate": ""}
    orders = {"plan": {**plan, "options": {"strategy": "inter_copy"}}, "credentials": credentials}
    told = agent.run({"phase": "migrate", **orders, "addresses": [], "port": 7, "method": "resident"})
    assert not told["ok"]
    assert told["in_doubt"]
    assert "ended before it could begin" in told["message"]


def test_more_signs_of_life_than_it_hears_are_no_fault(records: Path) -> None:
    begin(lambda orders: Progress(records / ID, {**FACTS, "migration_id": ID}).await_continue(20) or {"ok": True})
    supervisor.submit(ID, {"port": 7})
    for _sign in range(50):
        supervisor.submit(ID, {})
    progress.request_continue(records / ID)
    assert result()["ok"]


def test_one_that_is_killed_is_undecided_and_forgotten(records: Path, nothing_left: Callable[[], None]) -> None:
    def die(orders: dict[str, Any]) -> watchdog.Result:
        os.kill(os.getpid(), signal.SIGKILL)
        return {}

    begin(die)
    supervisor.remove_stale()  # not those that live
    supervisor.submit(ID, {"port": 7})
    found = result()
    assert (found["ok"], found["in_doubt"]) == (False, True)
    assert "was killed" in found["message"]
    assert (records / ID / "progress.json").exists()
    supervisor.remove_stale()
    slots.remove_stale()
    nothing_left()


def test_another_task_may_look_at_the_result_without_fetching_it(records: Path, until: Until) -> None:
    begin()
    supervisor.submit(ID, {"port": 7})
    until(lambda: supervisor.peek(records / ID), "the result is there")
    assert result()["orders"] == {"port": 7}
    assert supervisor.peek(records / ID) is None
