# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which migrations of a batch run at once, in which order, and what becomes of them; with real processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.plugin_utils import batch
from ansible_collections.organic.live_migration.plugins.plugin_utils.batch import Batch, Ended, Move, faults


def moved(move: Move) -> Ended:
    return Ended(move.name, move.target_host, batch.MOVED, migration={"name": move.name})


def moves(*names: str, target: str = "edge-b") -> list[Move]:
    return [Move(name, target) for name in names]


def test_all_move_in_the_given_order_and_no_more_than_allowed_at_once() -> None:
    running: list[list[str]] = []
    begun: list[str] = []

    def watch(now: list[str], _ended: list[Ended], last: Ended | None) -> None:
        running.append(now)
        if last is None:
            begun.append(now[-1])

    ended = Batch("edge-a", moves("a", "b", "c", "d", "e"), 2, moved, watch).run()
    assert [(one.name, one.status) for one in ended] == [(name, "moved") for name in "abcde"]
    assert ended[0].migration == {"name": "a"}
    assert begun == list("abcde")
    assert max(len(now) for now in running) == 2


def test_two_migrations_are_in_progress_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "meet")

    def meet(move: Move) -> Ended:  # each end of a FIFO waits for the other
        with (tmp_path / "meet").open("r" if move.name == "a" else "w"):
            return moved(move)

    assert all(one.is_well for one in Batch("edge-a", moves("a", "b"), 2, meet).run())


def test_one_begins_when_those_before_it_have_ended_well_or_not() -> None:
    ends: list[str] = []

    def work(move: Move) -> Ended:
        return Ended(move.name, "edge-b", batch.FAILED, "?") if move.name == "nrf" else moved(move)

    def watch(now: list[str], ended: list[Ended], last: Ended | None) -> None:
        if last is None and "smf" in now:
            ends.extend(one.name for one in ended)

    wanted = [Move("smf", "edge-b", ("nrf", "udm", "of another host")), *moves("nrf", "udm")]
    ended = Batch("edge-a", wanted, 4, work, watch).run()
    assert set(ends) == {"nrf", "udm"}
    assert [one.status for one in ended] == ["moved", "failed", "moved"]


def test_what_goes_to_a_host_that_is_gone_is_left_out_and_the_rest_goes_on() -> None:
    def work(move: Move) -> Ended:
        if move.target_host == "edge-b":
            return Ended(move.name, "edge-b", batch.FAILED, "timed out", unreachable="edge-b")
        return moved(move)

    wanted = [Move("a", "edge-b"), Move("b", "edge-b"), Move("c", "edge-c", ("b",))]
    a, b, c = Batch("edge-a", wanted, 1, work).run()
    assert (a.status, b.status, c.status) == ("failed", "not_started", "moved")
    assert b.reason == "Not begun, nothing was touched: host 'edge-b' could not be reached before."


def test_what_leaves_a_host_that_is_gone_is_left_out() -> None:
    def work(move: Move) -> Ended:
        return Ended(move.name, move.target_host, batch.FAILED, "timed out", unreachable="edge-a")

    ended = Batch("edge-a", [Move("a", "edge-b"), Move("b", "edge-c")], 1, work).run()
    assert [one.status for one in ended] == ["failed", "not_started"]


@pytest.mark.parametrize("how", ["raises", "is killed"])
def test_a_process_that_breaks_is_reported_and_the_rest_goes_on(how: str) -> None:
    def work(move: Move) -> Ended:
        if move.name == "a":
            if how == "raises":
                raise RuntimeError("odd")
            os.kill(os.getpid(), signal.SIGKILL)
        return moved(move)

    a, b = Batch("edge-a", moves("a", "b"), 1, work).run()
    assert (a.status, b.status) == ("failed", "moved")
    assert ("RuntimeError: odd" if how == "raises" else "was killed") in a.reason


def test_no_process_and_no_descriptor_is_left() -> None:
    before = set(os.listdir("/proc/self/fd"))
    Batch("edge-a", moves("a", "b", "c"), 2, moved).run()
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_moves_that_do_not_fit_each_other_are_named() -> None:
    assert faults(moves("a", "b")) == []
    assert faults(moves("a", "a")) == ["Container a is named twice."]
    circle = [Move(name, "edge-b", (other,)) for name, other in ("ac", "ba", "cb")] + moves("d")
    assert faults(circle) == ["Each of a, b, c is to move after another one of them: correct 'after'."]
