# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Cancelled, MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.session import progress, states
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Progress, Snapshot

FACTS = {"migration_id": "0" * 16, "name": "smf", "peer": "edge-b", "strategy": "pre_copy", "total_bytes": 4096}


@pytest.fixture
def directory(records: Path) -> Path:
    return records / FACTS["migration_id"]


def snapshot(directory: Path) -> Snapshot:
    found = progress.read(directory)
    assert found is not None
    return found


def test_it_can_be_read_from_the_first_moment(directory: Path) -> None:
    assert progress.read(directory) is None
    told = Progress(directory, FACTS)
    found = snapshot(directory)
    assert found.state == states.SETUP
    assert {key: getattr(found, key) for key in FACTS} == FACTS
    assert [event.state for event in found.events] == [states.SETUP]
    assert replace(told.snapshot(), elapsed_ms=found.elapsed_ms) == found
    assert directory.stat().st_mode & 0o777 == 0o700


def test_each_state_is_an_event_with_its_time(directory: Path) -> None:
    told = Progress(directory, FACTS)
    for state in (states.ACTIVE, states.SWITCHOVER, states.SWITCHOVER, states.COMPLETED):
        told.set_state(state)
        assert snapshot(directory).state == state
    events = snapshot(directory).events
    assert [event.state for event in events] == ["setup", "active", "switchover", "completed"]
    times = [event.at_ms for event in events]
    assert times == sorted(times)
    assert snapshot(directory).setup_ms == times[1]
    assert snapshot(directory).elapsed_ms >= times[-1]


def test_each_round_is_kept_with_its_begin_and_its_figures(directory: Path) -> None:
    began = time.time()
    told = Progress(directory, FACTS)
    told.add_round(1, progress.now_ms(), {"duration_ms": 20.5, "pages_written": 5000, "more": 1}, 20480000)
    told.set_state(states.SWITCHOVER)
    (first,) = snapshot(directory).rounds
    assert (first.number, first.duration_ms, first.pages_written, first.bytes_sent) == (1, 20.5, 5000, 20480000)
    assert 0 <= first.at_ms <= snapshot(directory).elapsed_ms
    assert began - 0.001 <= snapshot(directory).started_at <= time.time()


def test_a_new_round_is_written_at_once_and_other_figures_seldom(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Progress(directory, FACTS)
    clock = [progress.now_ms()]
    monkeypatch.setattr(progress, "now_ms", lambda: clock[0])
    told.update(round=1, remaining_bytes=9)
    assert (snapshot(directory).round, snapshot(directory).remaining_bytes) == (1, 9)
    clock[0] += 100
    told.update(round=1, remaining_bytes=8)
    assert snapshot(directory).remaining_bytes == 9
    assert told.snapshot().remaining_bytes == 8
    clock[0] += 101
    told.update(remaining_bytes=7)
    assert snapshot(directory).remaining_bytes == 7
    told.update(remaining_bytes=6)
    told.set_state(states.ACTIVE)
    assert snapshot(directory).remaining_bytes == 6


@pytest.mark.parametrize("act", [lambda told: told.set_state("ready"), lambda told: told.update(colour=1)])
def test_what_is_no_state_or_figure_is_refused(directory: Path, act: Callable[[Progress], None]) -> None:
    with pytest.raises(ValueError, match=r"ready|colour"):
        act(Progress(directory, FACTS))


def test_a_reader_never_sees_half_a_file(directory: Path) -> None:
    told = Progress(directory, FACTS)
    done = threading.Event()

    def write() -> None:
        for number in range(300):
            told.update(round=number)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while not done.is_set():
        found = json.loads((directory / "progress.json").read_text())
        assert found["round"] >= seen
        seen = found["round"]
    writer.join()
    assert sorted(path.name for path in directory.iterdir()) == ["progress.json"]


def test_a_full_file_system_ends_no_migration(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Progress(directory, FACTS)

    def full(_path: Path, _text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    told.set_state(states.ACTIVE)
    assert told.snapshot().state == states.ACTIVE
    assert snapshot(directory).state == states.SETUP


def test_it_is_cancelled_by_another_process(directory: Path) -> None:
    told = Progress(directory, FACTS)
    told.check()
    assert not told.cancelled
    progress.request_cancel(directory)
    progress.request_cancel(directory)
    assert told.cancelled
    with pytest.raises(Cancelled, match="cancelled"):
        told.check()
    assert snapshot(directory).state == states.CANCELLING


def test_it_waits_for_the_order_to_continue(
    directory: Path, until: Callable[[Callable[[], object], str], None]
) -> None:
    told = Progress(directory, FACTS)
    waits = threading.Thread(target=told.await_continue, args=(20,))
    waits.start()
    until(lambda: snapshot(directory).state == states.PRE_SWITCHOVER, "it waits")
    assert waits.is_alive()
    progress.request_continue(directory)
    waits.join(10)
    assert not waits.is_alive()


def test_it_stops_waiting_after_its_timeout_and_when_it_is_cancelled(directory: Path) -> None:
    told = Progress(directory, FACTS)
    with pytest.raises(MigrationError, match="not continued within 0 s"):
        told.await_continue(0)
    progress.request_cancel(directory)
    with pytest.raises(Cancelled):
        told.await_continue(20)


def test_a_migration_that_has_ended_takes_no_orders(directory: Path) -> None:
    for order in (progress.request_cancel, progress.request_continue):
        with pytest.raises(FileNotFoundError):
            order(directory)


def test_an_order_follows_no_link(directory: Path) -> None:
    Progress(directory, FACTS)
    (directory / "cancel").symlink_to(directory / "elsewhere")
    with pytest.raises(OSError, match=r"symbolic link"):
        progress.request_cancel(directory)


def test_forgotten_it_leaves_nothing_but_what_others_need(directory: Path, records: Path) -> None:
    Progress(directory, FACTS)
    progress.request_cancel(directory)
    progress.request_continue(directory)
    (directory / "source.json").touch()
    progress.remove_files(directory)
    assert os.listdir(directory) == ["source.json"]
    (directory / "source.json").unlink()
    progress.remove_files(directory)
    progress.remove_files(directory)
    assert not records.parent.exists()
