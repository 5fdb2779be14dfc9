# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
from pathlib import Path

from ansible_collections.organic.live_migration.plugins.module_utils.session import slots
from ansible_collections.organic.live_migration.plugins.module_utils.session.slots import ARRIVING, LEAVING, Slot


def held(slot: Slot | None) -> Slot:
    assert slot is not None
    return slot


def test_there_are_as_many_as_allowed_and_each_can_be_given_back(records: Path) -> None:
    first, second = held(Slot.take(LEAVING, 2)), held(Slot.take(LEAVING, 2))
    assert Slot.take(LEAVING, 2) is None
    third = held(Slot.take(LEAVING, 3))
    first.release()
    again = held(Slot.take(LEAVING, 2))
    assert Slot.take(LEAVING, 2) is None
    for slot in (second, third, again):
        slot.release()
    assert not records.parent.exists()


def test_what_arrives_does_not_wait_for_what_leaves(records: Path) -> None:
    leaving, arriving = held(Slot.take(LEAVING, 1)), held(Slot.take(ARRIVING, 1))
    leaving.release()
    arriving.release()


def test_a_holder_that_is_killed_has_given_it_back(records: Path) -> None:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        Slot.take(LEAVING, 1)
        os.write(write_end, b"t")
        signal.pause()
    os.read(read_end, 1)
    slots.remove_stale()
    assert Slot.take(LEAVING, 1) is None
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    slots.remove_stale()
    assert not records.parent.exists()
    held(Slot.take(LEAVING, 1)).release()


def test_a_child_of_the_holder_keeps_it(records: Path) -> None:
    """As the target's agent does, when the task that took it has ended."""
    read_end, write_end = os.pipe()
    parent = os.fork()
    if parent == 0:
        Slot.take(ARRIVING, 1)
        if os.fork() == 0:
            os.close(write_end)
            os.read(read_end, 1)
        os._exit(0)
    os.waitpid(parent, 0)
    assert Slot.take(ARRIVING, 1) is None
    os.close(write_end)
    os.close(read_end)


def test_never_more_at_once_than_allowed(records: Path, tmp_path: Path) -> None:
    """Whoever holds a slot marks itself; files and directory are removed and created again all the time."""
    marks = tmp_path / "marks"
    marks.mkdir()
    children = []
    for _number in range(5):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                held_often = 0
                while held_often < 60:
                    slot = Slot.take(LEAVING, 2)
                    if slot is not None:
                        mark = marks / str(os.getpid())
                        mark.touch()
                        assert len(os.listdir(marks)) <= 2
                        mark.unlink()
                        slot.release()
                        held_often += 1
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 5
    assert not records.parent.exists()
