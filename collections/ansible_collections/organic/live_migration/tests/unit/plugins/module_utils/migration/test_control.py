# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders to real attendants, whose work is no migration but goes through its states."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.migration.control import Answer, Orders, migrations
from ansible_collections.organic.live_migration.plugins.module_utils.session import (
    progress,
    states,
    supervisor,
    watchdog,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session.journal import MigrationRecord
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Progress
from ansible_collections.organic.live_migration.plugins.module_utils.session.supervisor import Supervisor

ID = "00112233445566ff"
FACTS = {"name": "smf", "peer": "edge-b", "strategy": "pre_copy"}
Until = Callable[[Callable[[], object], str], None]


def here(_name: str) -> bool:
    return True


def elsewhere(_name: str) -> bool:
    return False


class Play:
    """A migration that is at work, and whose controller can fetch its result."""

    def __init__(self, directory: Path, ended: Path, until: Until) -> None:
        self._directory, self._ended, self._until = directory, ended, until

    def start(self, *entered: str, pauses: bool = True, ends: dict[str, Any] | None = None) -> None:
        def work(_orders: dict[str, Any]) -> watchdog.Result:
            told = Progress(self._directory, {**FACTS, "migration_id": ID})
            for state in entered:
                told.set_state(state)
            if pauses:
                told.await_continue(20)
                told.set_state(states.SWITCHOVER)
            self._until(lambda: told.cancelled or self._ended.exists(), "it is cancelled, or ends")
            if ends is None:
                told.check()
            return ends or {"ok": True, "status": "completed"}

        Supervisor(ID, FACTS, 2, 0.3, work).begin()
        supervisor.submit(ID, {"port": 7})
        last = states.PRE_SWITCHOVER if pauses else entered[-1] if entered else states.SETUP
        self._until(lambda: getattr(progress.read(self._directory), "state", "") == last, f"it is in state {last}")

    def end(self) -> None:
        self._ended.touch()
        with contextlib.suppress(FileNotFoundError):
            progress.request_continue(self._directory)
        supervisor.wait(ID, -1, 20)


@pytest.fixture
def play(records: Path, tmp_path: Path, until: Until) -> Iterator[Play]:
    made = Play(records / ID, tmp_path / "ended", until)
    yield made
    made.end()
    until(lambda: not records.parent.exists(), "nothing is left")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attendants do not wait long for a controller that does not come."""
    monkeypatch.setattr(supervisor, "_PATIENCE_S", 0.3)


@pytest.mark.parametrize("by", [{"name": "smf", "migration_id": None}, {"name": None, "migration_id": ID}])
def test_it_is_cancelled_and_again_there_is_none(play: Play, soon: None, by: dict[str, Any], until: Until) -> None:
    play.start(states.ACTIVE, pauses=False)
    told = Orders(**by).cancel(20, here)
    assert told == Answer(True, "cancelled", f"Migration {ID} was cancelled. The process runs on here.", ID)
    until(lambda: not migrations(), "it is forgotten")
    again = Orders(**by).cancel(20, here)
    assert (again.changed, again.status, again.migration_id) == (False, "none", "")


def test_it_is_cancelled_while_it_pauses(play: Play, soon: None) -> None:
    play.start(states.ACTIVE)
    assert Orders("smf", None).cancel(20, here).status == "cancelled"


def test_another_container_is_left_alone(play: Play) -> None:
    play.start(states.ACTIVE, pauses=False)
    assert Orders("upf", None).cancel(20, here).status == "none"
    assert not (supervisor.directory_of(ID) / "cancel").exists()


def test_check_mode_orders_nothing(play: Play) -> None:
    play.start(states.ACTIVE)
    assert Orders("smf", None, check=True).cancel(20, here).changed
    assert Orders("smf", None, check=True).go_on(20).changed
    assert sorted(path.name for path in supervisor.directory_of(ID).iterdir()) == ["orders", "progress.json"]


@pytest.mark.parametrize("state", [states.POSTCOPY_ACTIVE, states.POSTCOPY_PAUSED, states.COMPLETED])
def test_after_the_commit_nothing_is_cancelled(play: Play, state: str) -> None:
    play.start(states.SWITCHOVER, state, pauses=False)
    with pytest.raises(MigrationError, match=f"past its commit point .state '{state}'"):
        Orders("smf", None).cancel(20, here)
    assert not (supervisor.directory_of(ID) / "cancel").exists()


def test_what_is_written_down_counts_more_than_what_was_told(play: Play) -> None:
    play.start(states.SWITCHOVER, pauses=False)
    written = MigrationRecord(ID, "source", "smf", "c0ffee", "edge-b")
    written.adopt()
    written.save(states.COMMITTED)
    with pytest.raises(MigrationError, match="past its commit point"):
        Orders(None, ID).cancel(20, here)
    written.path.unlink()


def test_an_order_that_comes_too_late_is_told(play: Play, soon: None) -> None:
    play.start(states.SWITCHOVER, pauses=False, ends={"ok": True, "status": "completed"})
    with pytest.raises(MigrationError, match=r"came too late.*runs on the target"):
        Orders("smf", None).cancel(20, elsewhere)


def test_a_failure_at_the_same_time_is_told_as_it_is(play: Play, soon: None) -> None:
    play.start(states.ACTIVE, pauses=False, ends={"ok": False, "status": "failed", "message": "The link broke."})
    told = Orders("smf", None).cancel(20, here)
    assert (told.changed, told.status) == (True, "failed")
    assert "The link broke. The process runs on here." in told.message


@pytest.mark.parametrize(("runs_here", "status"), [(here, "cancelled"), (elsewhere, None)])
def test_an_end_that_was_missed_is_judged_by_where_the_process_runs(
    play: Play, until: Until, runs_here: Callable[[str], bool], status: str | None
) -> None:
    """The migration's own controller may have fetched the result, and all is gone."""
    play.start(states.ACTIVE, pauses=False)
    orders = Orders("smf", None)
    play.end()
    until(lambda: not supervisor.is_supervised(supervisor.directory_of(ID)), "it has ended")
    if status is None:
        with pytest.raises(MigrationError, match="came too late"):
            orders.cancel(20, runs_here)
    else:
        assert orders.cancel(20, runs_here).status == status


def test_one_that_does_not_end_is_told(play: Play) -> None:
    play.start(states.ACTIVE, pauses=False, ends={"ok": True, "status": "completed"})
    orders = Orders("smf", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "request_cancel", lambda _directory: None)  # nobody listens
        with pytest.raises(MigrationError, match="told to end, and has not within 0 s"):
            orders.cancel(0, here)


def test_it_continues_and_does_so_once(play: Play) -> None:
    play.start(states.ACTIVE)
    told = Orders("smf", None).go_on(20)
    assert (told.changed, told.status) == (True, "switchover")
    again = Orders("smf", None).go_on(20)
    assert (again.changed, again.status) == (False, "switchover")


def test_one_that_does_not_pause_cannot_be_continued(play: Play) -> None:
    play.start(states.ACTIVE, pauses=False)
    with pytest.raises(MigrationError, match="still in the state 'active' after 0 s"):
        Orders("smf", None).go_on(0)
    with pytest.raises(MigrationError, match="No migration of container 'upf'"):
        Orders("upf", None).go_on(20)


def test_ids_are_checked(records: Path) -> None:
    with pytest.raises(MigrationError, match="16 hexadecimal digits"):
        Orders(None, "../../etc").cancel(1, here)


def test_all_migrations_of_a_host_are_listed(play: Play, records: Path) -> None:
    play.start(states.ACTIVE, pauses=False)
    arriving = MigrationRecord("f" * 16, "target", "upf", "c0ffee", "edge-b")
    arriving.save(states.ACTIVE)
    found = {one.name: one for one in migrations()}
    assert set(found) == {"smf", "upf"}
    smf, upf = found["smf"], found["upf"]
    assert (smf.role, smf.state, smf.in_progress, smf.peer) == ("source", "active", True, "edge-b")
    assert smf.progress is not None
    assert smf.progress.strategy == "pre_copy"
    assert (upf.role, upf.state, upf.in_progress, upf.progress) == ("target", "active", False, None)
    arriving.remove()


def test_an_interrupted_one_is_not_cancelled_but_settled(records: Path) -> None:
    left = MigrationRecord(ID, "source", "smf", "c0ffee", "edge-b")
    left.save(states.ACTIVE)
    with pytest.raises(MigrationError, match="container_migration_recover settles it"):
        Orders("smf", None).cancel(20, here)
