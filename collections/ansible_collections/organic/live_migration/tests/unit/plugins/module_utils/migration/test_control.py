# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands to real supervisors, whose work is no migration but goes through its states."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.migration.control import (
    Answer,
    Control,
    migrations,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session import (
    progress,
    states,
    supervisor,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session.journal import MigrationRecord
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Outcome, Verdict
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Progress
from ansible_collections.organic.live_migration.plugins.module_utils.session.supervisor import Supervisor

ID = "00112233445566ff"
FACTS = {"name": "smf", "peer": "edge-b", "strategy": "pre_copy"}
COMPLETED = Outcome(Verdict.COMPLETED)
Until = Callable[[Callable[[], object], str], None]


def here(_name: str) -> bool:
    return True


def elsewhere(_name: str) -> bool:
    return False


class Play:
    """A migration in progress, whose controller can fetch its outcome."""

    def __init__(self, directory: Path, ended: Path, until: Until) -> None:
        self._directory, self._ended, self._until = directory, ended, until

    def start(self, *entered: str, pauses: bool = True, ends: Outcome | None = None) -> None:
        def work(_request: supervisor.Request) -> Outcome:
            told = Progress(self._directory, {**FACTS, "migration_id": ID})
            for state in entered:
                told.set_state(state)
            if pauses:
                told.await_continue(20)
                told.set_state(states.SWITCHOVER)
            self._until(lambda: told.cancelled or self._ended.exists(), "it is cancelled, or ends")
            if ends is None:
                told.check()
            return ends or COMPLETED

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
    """Supervisors do not wait long for a controller that does not come."""
    monkeypatch.setattr(supervisor, "PATIENCE_S", 0.3)


@pytest.mark.parametrize("by", [{"name": "smf", "migration_id": None}, {"name": None, "migration_id": ID}])
def test_it_is_cancelled_and_again_there_is_none(play: Play, soon: None, by: dict[str, Any], until: Until) -> None:
    play.start(states.ACTIVE, pauses=False)
    told = Control(**by).cancel(20, here)
    assert told == Answer(True, "cancelled", f"Migration {ID} was cancelled. The process runs on here.", ID)
    until(lambda: not migrations(), "it is forgotten")
    again = Control(**by).cancel(20, here)
    assert (again.changed, again.state, again.migration_id) == (False, "none", "")


def test_it_is_cancelled_while_it_pauses(play: Play, soon: None) -> None:
    play.start(states.ACTIVE)
    assert Control("smf", None).cancel(20, here).state == "cancelled"


def test_another_container_is_left_alone(play: Play) -> None:
    play.start(states.ACTIVE, pauses=False)
    assert Control("upf", None).cancel(20, here).state == "none"
    assert not (supervisor.directory_of(ID) / "cancel").exists()


def test_check_mode_orders_nothing(play: Play) -> None:
    play.start(states.ACTIVE)
    assert Control("smf", None, check=True).cancel(20, here).changed
    assert Control("smf", None, check=True).resume(20).changed
    assert sorted(path.name for path in supervisor.directory_of(ID).iterdir()) == ["progress.json", "requests"]


@pytest.mark.parametrize("state", [states.POSTCOPY_ACTIVE, states.POSTCOPY_PAUSED, states.COMPLETED])
def test_after_the_commit_nothing_is_cancelled(play: Play, state: str) -> None:
    play.start(states.SWITCHOVER, state, pauses=False)
    with pytest.raises(MigrationError, match=f"past its commit point .state '{state}'"):
        Control("smf", None).cancel(20, here)
    assert not (supervisor.directory_of(ID) / "cancel").exists()


def test_what_is_written_down_counts_more_than_what_was_told(play: Play) -> None:
    play.start(states.SWITCHOVER, pauses=False)
    written = MigrationRecord(ID, "source", "smf", "c0ffee", "edge-b")
    written.adopt()
    written.save(states.COMMITTED)
    with pytest.raises(MigrationError, match="past its commit point"):
        Control(None, ID).cancel(20, here)
    written.path.unlink()


def test_an_order_that_comes_too_late_is_told(play: Play, soon: None) -> None:
    play.start(states.SWITCHOVER, pauses=False, ends=COMPLETED)
    with pytest.raises(MigrationError, match=r"Too late.*runs on the target"):
        Control("smf", None).cancel(20, elsewhere)


def test_a_failure_at_the_same_time_is_told_as_it_is(play: Play, soon: None) -> None:
    play.start(states.ACTIVE, pauses=False, ends=Outcome(Verdict.ROLLED_BACK, "The link broke."))
    told = Control("smf", None).cancel(20, here)
    assert (told.changed, told.state) == (True, "failed")
    assert "The link broke. The process runs on here." in told.message


@pytest.mark.parametrize(("runs_here", "state"), [(here, "cancelled"), (elsewhere, None)])
def test_an_end_that_was_missed_is_judged_by_where_the_process_runs(
    play: Play, until: Until, runs_here: Callable[[str], bool], state: str | None
) -> None:
    """The migration's own controller may have fetched the result, and all is gone."""
    play.start(states.ACTIVE, pauses=False)
    control = Control("smf", None)
    play.end()
    until(lambda: not supervisor.is_supervised(supervisor.directory_of(ID)), "it has ended")
    if state is None:
        with pytest.raises(MigrationError, match="Too late"):
            control.cancel(20, runs_here)
    else:
        assert control.cancel(20, runs_here).state == state


def test_one_that_does_not_end_is_told(play: Play) -> None:
    play.start(states.ACTIVE, pauses=False, ends=COMPLETED)
    control = Control("smf", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "request_cancel", lambda _directory: None)  # nobody listens
        with pytest.raises(MigrationError, match="was cancelled and has not ended within 0 s"):
            control.cancel(0, here)


def test_it_continues_and_does_so_once(play: Play) -> None:
    play.start(states.ACTIVE)
    told = Control("smf", None).resume(20)
    assert (told.changed, told.state) == (True, "switchover")
    again = Control("smf", None).resume(20)
    assert (again.changed, again.state) == (False, "switchover")


def test_one_that_does_not_pause_cannot_be_continued(play: Play) -> None:
    play.start(states.ACTIVE, pauses=False)
    with pytest.raises(MigrationError, match="still in the state 'active' after 0 s"):
        Control("smf", None).resume(0)
    with pytest.raises(MigrationError, match="No migration of container 'upf'"):
        Control("upf", None).resume(20)


def test_ids_are_checked(records: Path) -> None:
    with pytest.raises(MigrationError, match="16 hexadecimal digits"):
        Control(None, "../../etc").cancel(1, here)


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


def test_an_interrupted_one_is_not_cancelled_but_recovered(records: Path) -> None:
    left = MigrationRecord(ID, "source", "smf", "c0ffee", "edge-b")
    left.save(states.ACTIVE)
    with pytest.raises(MigrationError, match="Run container_migration_recover"):
        Control("smf", None).cancel(20, here)


def test_an_end_by_itself_is_not_said_to_run(play: Play, soon: None) -> None:
    play.start(states.ACTIVE, pauses=False, ends=Outcome(Verdict.PROCESS_EXITED, "The process exited."))
    answer = Control("smf", None).cancel(20, here)
    assert answer.message.endswith("failed before it could be cancelled: The process exited.")
