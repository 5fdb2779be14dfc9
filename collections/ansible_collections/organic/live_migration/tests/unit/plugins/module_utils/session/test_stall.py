# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import signal
import socket
import time

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Stalled
from ansible_collections.organic.live_migration.plugins.module_utils.session import stall
from ansible_collections.organic.live_migration.plugins.module_utils.session.stall import (
    StallDetector,
    SwitchoverDeadline,
)


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


def _step() -> str:
    return "restore"


def test_what_moves_may_take_its_time(clock: Clock) -> None:
    moved = 0
    watched = StallDetector(lambda: moved, _step, patience_s=10)
    for _second in range(100):
        clock.now += 9
        moved += 1
        watched.check()


def test_what_moves_no_more_is_given_up(clock: Clock) -> None:
    watched = StallDetector(lambda: 7, _step, patience_s=10)
    clock.now += 10
    watched.check()
    clock.now += 1
    with pytest.raises(Stalled, match="made no progress for 10 s in its step 'restore'"):
        watched.check()


def test_who_has_much_to_unpack_gets_more_time(clock: Clock) -> None:
    watched = StallDetector(lambda: 7, _step, patience_s=10, at_work_bytes=200_000_000)
    clock.now += 20
    watched.check()
    clock.now += 1
    with pytest.raises(Stalled, match="made no progress for 20 s"):
        watched.check()


def test_a_switchover_that_hangs_is_interrupted_and_its_step_is_named() -> None:
    deadline = SwitchoverDeadline(150, 50, lambda: "dump")
    began = time.monotonic()
    deadline.start()
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(Stalled, match=r"50 and 100 ms for its memory\), and step 'dump' had not ended"):
        ours.recv(1)
    deadline.stop()
    assert 0.15 <= time.monotonic() - began < 5


def test_an_interruption_that_was_swallowed_comes_again() -> None:
    deadline = SwitchoverDeadline(50, 50, lambda: "dump")
    deadline.start()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with contextlib.suppress(Stalled):
            ours.recv(1)
        with pytest.raises(Stalled, match="switchover_timeout_ms: 50"):
            ours.recv(1)
    deadline.stop()


def test_a_switchover_that_is_over_is_not_interrupted() -> None:
    deadline = SwitchoverDeadline(50, 50, lambda: "dump")
    deadline.start()
    deadline.stop()
    deadline.stop()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
