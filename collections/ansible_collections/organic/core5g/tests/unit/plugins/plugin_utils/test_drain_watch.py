# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a drain is given up, and what is shown of it."""

from __future__ import annotations

from ansible_collections.organic.core5g.plugins.module_utils.nf_drain import Progress
from ansible_collections.organic.core5g.plugins.plugin_utils.drain_watch import SUCCESSOR_GONE, DrainWatch


def progress(sessions: int, successor_error: str = "", draining: bool = True, drained: bool = False) -> Progress:
    return Progress(sessions, draining, drained, False, successor_error)


def test_no_session_leaves_in_time() -> None:
    watch = DrainWatch("upf", 10, 0, 5)
    assert watch.fault(progress(5), 10) == ""
    assert watch.fault(progress(4), 11) == ""
    assert watch.fault(progress(4), 21) == ""
    assert watch.fault(progress(4), 21.5).startswith("4 sessions of upf have not left it for 10 s")


def test_the_associations_stay() -> None:
    watch = DrainWatch("upf", 10, 0, 5)
    assert watch.fault(progress(0), 1) == ""
    assert "its associations were not released for 10 s" in watch.fault(progress(0), 12)
    assert watch.fault(progress(0, drained=True), 12) == ""


def test_a_successor_that_is_gone_for_a_moment() -> None:
    watch = DrainWatch("upf", 100, 0, 5)
    for _attempt in range(2):
        assert [watch.fault(progress(5, "no answer"), 1) for _question in range(SUCCESSOR_GONE - 1)] == [""] * (
            SUCCESSOR_GONE - 1
        )
        assert watch.fault(progress(5), 1) == ""


def test_a_successor_that_is_gone() -> None:
    watch = DrainWatch("upf", 100, 0, 5)
    faults = [watch.fault(progress(0, "no answer", drained=True), 1) for _question in range(SUCCESSOR_GONE)]
    assert faults[-1] == "The sessions of upf have no instance to go to: no answer"
    assert faults[:-1] == [""] * (SUCCESSOR_GONE - 1)


def test_somebody_takes_the_drain_back() -> None:
    assert "asked by somebody else" in DrainWatch("upf", 100, 0, 5).fault(progress(5, draining=False), 1)


def test_only_what_is_new_is_shown() -> None:
    watch = DrainWatch("upf", 100, 0, 5)
    assert watch.lines(progress(3)) == ["upf: 2 of 5 sessions have left it"]
    assert watch.lines(progress(3)) == []
    assert watch.lines(progress(0)) == ["upf: 5 of 5 sessions have left it"]
