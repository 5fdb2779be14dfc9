# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Stalled
from ansible_collections.organic.live_migration.plugins.module_utils.session import stall
from ansible_collections.organic.live_migration.plugins.module_utils.session.stall import StallDetector


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stall, "time", clock)
    return clock


def test_what_moves_may_take_its_time(clock: Clock) -> None:
    moved = 0
    watched = StallDetector(lambda: moved, patience_s=10)
    for _second in range(100):
        clock.now += 9
        moved += 1
        watched.check()


def test_what_moves_no_more_is_given_up(clock: Clock) -> None:
    watched = StallDetector(lambda: 7, patience_s=10)
    clock.now += 10
    watched.check()
    clock.now += 1
    with pytest.raises(Stalled, match="Switchover made no progress for 10 s; the target host is hung or overloaded"):
        watched.check()


def test_who_has_much_to_unpack_gets_more_time(clock: Clock) -> None:
    watched = StallDetector(lambda: 7, patience_s=10, at_work_bytes=200_000_000)
    clock.now += 20
    watched.check()
    clock.now += 1
    with pytest.raises(Stalled, match="Switchover made no progress for 20 s"):
        watched.check()
