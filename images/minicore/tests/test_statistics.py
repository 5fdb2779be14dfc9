# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gap meter tells the truth."""

from __future__ import annotations

import pytest
from minicore.load.gaps import GapMeter
from minicore.load.latencies import MOST_POINTS, Latencies
from minicore.ran.statistics import Record, RequestLog


def test_regular_load_has_the_gap_of_its_interval() -> None:
    meter = GapMeter(0.005)
    for n in range(100):
        meter.asked(n * 0.005)
        meter.answered(n * 0.005 + 0.001)
    assert meter.longest.length == pytest.approx(0.005)
    assert meter.noted == []


def test_a_stop_is_measured_from_the_last_answer() -> None:
    meter = GapMeter(0.005)
    meter.asked(0.0)
    meter.answered(0.001)
    for n in range(1, 13):
        meter.asked(n * 0.005)
    for n in range(12):
        meter.answered(0.061 + n * 0.0001)
    assert meter.longest.start == pytest.approx(0.001)
    assert meter.longest.length == pytest.approx(0.060)
    assert [gap.length for gap in meter.noted] == [pytest.approx(0.060)]


def test_a_pause_of_the_client_is_no_gap() -> None:
    meter = GapMeter(0.005)
    meter.asked(0.0)
    meter.answered(0.001)
    meter.asked(10.0)
    meter.answered(10.002)
    assert meter.longest.length == pytest.approx(0.007)


def test_a_failure_ends_no_gap() -> None:
    meter = GapMeter(0.005)
    meter.asked(0.0)
    meter.answered(0.001)
    for n in range(1, 40):
        meter.asked(n * 0.005)
        meter.failed()
    meter.asked(0.2)
    meter.answered(0.201)
    assert meter.longest.length == pytest.approx(0.2)


def test_out_of_order_answers() -> None:
    meter = GapMeter(0.005)
    meter.asked(0.0)
    meter.asked(0.005)
    meter.answered(0.006)
    meter.answered(0.1)
    assert meter.longest.length == pytest.approx(0.094)


def test_what_is_never_answered_is_a_gap_until_the_end() -> None:
    meter = GapMeter(0.005)
    meter.asked(0.0)
    meter.answered(0.001)
    meter.asked(0.005)
    meter.close(1.001)
    assert meter.longest.length == pytest.approx(1.0)
    meter = GapMeter(0.005)
    meter.asked(0.0)
    meter.answered(0.001)
    meter.close(5.0)
    assert meter.longest.length == pytest.approx(0.001)


def test_request_log() -> None:
    log = RequestLog()
    for n in range(100):
        log.add(Record(n, n + 0.001, n + 0.002 + n / 1000, "create", 201, 0, 0), None)
    log.add(Record(100, 100.5, None, "create", 0, 0, 0), "lost")
    assert (log.answered, log.failed, log.failures) == (100, 1, {"lost": 1})
    assert log.latencies_ms() == {"median": 52.0, "p99": 101.0, "max": 101.0}
    assert log.schedule_lag_ms() == 500.0


def test_the_slowest_answer_of_each_bin_is_kept() -> None:
    latencies = Latencies()
    latencies.add(9.0, 9.5)  # before the load
    for number in range(10 * MOST_POINTS):
        due = 10 + number / 1000
        latencies.add(due, due + (0.060 if number == 7777 else 0.001))
    slowest = latencies.slowest(10.0, 10.0 + 10 * MOST_POINTS / 1000, wall=1000.0)
    points = slowest["points"]
    assert slowest["bin_ms"] == 10
    assert isinstance(points, list) and len(points) in (MOST_POINTS, MOST_POINTS + 1)
    assert [point for point in points if point[1] > 1.5] == [[1017.777, 60.0]]
    assert min(points)[0] == 1010.0
