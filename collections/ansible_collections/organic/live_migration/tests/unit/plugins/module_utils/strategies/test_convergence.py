# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When pre-copy stops, goes on, or gives up."""

from __future__ import annotations

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.convergence import (
    FAIL,
    FIXED_DOWNTIME_MS,
    ITERATE,
    POST_COPY,
    SWITCH,
    THROTTLE,
    Convergence,
    Round,
)

LINK = 1_000_000.0  # bytes per ms
GIGABYTE = 262144  # pages


class Process:
    """Writes pages at a rate, each once; rounds of it over a link of LINK."""

    def __init__(self, pages: int, dirty_pages_per_s: float) -> None:
        self.pages = pages
        self.rate = dirty_pages_per_s
        self.left = float(pages)
        self.last_ms = 0.0

    def round(self) -> Round:
        pages = int(self.left)
        duration = max(1.0, pages * 4096 / LINK)
        done = Round(pages, self.last_ms, pages * 4096, duration)
        self.left = min(self.pages, self.rate * duration / 1000)
        self.last_ms = duration
        return done


def judge_all(process: Process, converging: Convergence, most: int = 60) -> list[str]:
    verdicts = []
    for _number in range(most):
        verdicts.append(converging.next_action(process.round()))
        if verdicts[-1] not in (ITERATE, THROTTLE):
            break
    return verdicts


def test_an_idle_process_needs_two_rounds() -> None:
    assert judge_all(Process(GIGABYTE, 0), Convergence(300, 30, "throttle")) == [ITERATE, SWITCH]


def test_rounds_go_on_while_they_shorten_the_freeze() -> None:
    converging = Convergence(300, 30, "throttle")
    verdicts = judge_all(Process(GIGABYTE, 50_000), converging)
    assert verdicts[-1] == SWITCH and len(verdicts) > 2
    assert converging.expected_downtime_ms < FIXED_DOWNTIME_MS + 10


def test_the_limit_is_not_reached_by_a_process_that_outruns_the_link() -> None:
    assert judge_all(Process(GIGABYTE, 400_000), Convergence(300, 30, "fail"))[-1] == FAIL
    assert judge_all(Process(GIGABYTE, 400_000), Convergence(300, 30, "post_copy"))[-1] == POST_COPY


def test_a_generous_limit_is_kept_at_once() -> None:
    assert judge_all(Process(GIGABYTE, 400_000), Convergence(5000, 30, "fail"))[-1] == SWITCH


def test_it_is_slowed_down_step_by_step() -> None:
    process, converging = Process(GIGABYTE, 400_000), Convergence(300, 100, "throttle")
    steps = []
    while True:
        verdict = converging.next_action(process.round())
        if verdict == THROTTLE:
            steps.append(converging.throttle_percent)
            process.rate = 400_000 * (100 - steps[-1]) / 100
        elif verdict != ITERATE:
            break
    assert verdict == SWITCH
    assert steps == list(range(20, steps[-1] + 1, 10))


def test_one_that_is_not_slowed_by_it_fails_in_the_end() -> None:
    verdicts = judge_all(Process(GIGABYTE, 400_000), Convergence(300, 1000, "throttle"), 100)
    assert verdicts.count(THROTTLE) == 9 and verdicts[-1] == FAIL


@pytest.mark.parametrize(("action", "expected"), [("throttle", FAIL), ("fail", FAIL), ("post_copy", POST_COPY)])
def test_the_last_round_decides(action: str, expected: str) -> None:
    verdicts = judge_all(Process(GIGABYTE, 400_000), Convergence(300, 3, action))
    assert verdicts == [ITERATE, ITERATE, expected]


def test_a_single_round_may_be_enough() -> None:
    assert judge_all(Process(256, 0), Convergence(300, 1, "fail")) == [SWITCH]
    assert judge_all(Process(GIGABYTE, 0), Convergence(300, 1, "fail")) == [FAIL]
