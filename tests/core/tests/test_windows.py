# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from tests.core.windows import Failure, Window, failed_in, failures, longest_gaps

WINDOW = Window(100.0, 110.0)


def test_a_gap_counts_if_a_part_of_it_is_in_the_window() -> None:
    gaps = {
        "n2": [{"start_ts": 99.9, "ms": 200.0}, {"start_ts": 50.0, "ms": 9000.0}, {"start_ts": 105.0, "ms": 30.0}],
        "n3": [{"start_ts": 112.0, "ms": 50.0}],
        "sbi.smf": [],
    }
    assert longest_gaps(gaps, WINDOW) == {"n2": 200.0, "n3": 0.0, "sbi.smf": 0.0}


def test_failures_are_read_from_the_records_and_counted_by_window() -> None:
    text = (
        "due_ts,began_ts,ended_ts,procedure,failure,ue\n"
        "100.0,100.0,101.0,registration,,1\n"
        "100.0,100.0,101.5,registration,time-out,2\n"
        "110.0,110.0,110.5,paging,time-out,3\n"
        "112.0,112.0,113.0,paging,time-out,4\n"
    )
    found = failures(text)
    assert found[0] == Failure(101.5, "registration", "time-out")
    assert failed_in(found, WINDOW) == {"registration: time-out": 1, "paging: time-out": 1}
