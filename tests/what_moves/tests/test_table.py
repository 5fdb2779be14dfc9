# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.what_moves.case import Case, Kind, Outcome
from tests.what_moves.cases import CASES
from tests.what_moves.conftest import PROGRAMS
from tests.what_moves.table import LIMITS, page


def test_the_page_is_made_from_the_cases() -> None:
    assert LIMITS.read_text() == page(), "run: python -m tests.what_moves.table"


def test_names_are_unique_and_programs_exist() -> None:
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)
    assert all((PROGRAMS / f"{case.program}.py").exists() for case in CASES)


@pytest.mark.parametrize("outcome", Outcome)
def test_one_case_of_each_outcome_is_in_make_test(outcome: Outcome) -> None:
    assert any(case.outcome is outcome and not case.exhaustive for case in CASES)


def test_a_case_that_checks_nothing_is_rejected() -> None:
    with pytest.raises(ValueError, match="checks nothing"):
        Case("x", Kind.NETWORK, "x", Outcome.CARRIED, "0.2.0", check="true")
    with pytest.raises(ValueError, match="names no blocker"):
        Case("x", Kind.NETWORK, "x", Outcome.REFUSED, "0.2.0", blocker="route")
