# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Credentials
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import (
    CHOICES,
    RANGES,
    Options,
    Plan,
)


@pytest.mark.parametrize("name", CHOICES)
def test_what_is_no_choice_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is 'magic'; choose one of .*{CHOICES[name][-1]}"):
        Options(**{name: "magic"})


@pytest.mark.parametrize("name", RANGES)
def test_bounds(name: str) -> None:
    least, most = RANGES[name]
    for good in (least, most):
        assert getattr(Options(**{name: good}), name) == good
    bad: Any
    for bad in (least - 1, most + 1, -1, True, 1.5, "1", None):
        with pytest.raises(ValueError, match=f"^{name} is {bad}; it must be a number from {least} to {most}"):
            Options(**{name: bad})


def test_a_number_from_ansible_is_one() -> None:
    """Ansible hands over integers of a type of its own, which remember where they come from."""
    assert Options(connections=type("Tagged", (int,), {})(4)).connections == 4


def test_neither_true_nor_false_is_refused() -> None:
    wrong: Any = "yes"
    with pytest.raises(ValueError, match="must be true or false"):
        Options(pause_before_switchover=wrong)


def test_an_agent_gets_no_strategy_that_is_not_chosen() -> None:
    with pytest.raises(ValueError, match="must be decided"):
        Plan("0" * 16, "smf", "edge-b", 120, Credentials("a", "b", "c"), 1, Options(strategy="auto"))
