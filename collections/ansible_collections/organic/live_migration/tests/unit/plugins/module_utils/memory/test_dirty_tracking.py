# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way of tracking written pages is taken."""

from __future__ import annotations

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.memory.dirty_tracking import choose

BOTH = {"write_protection": "", "soft_dirty": ""}
NO_PROTECTION = {**BOTH, "write_protection": "Invalid argument"}
NO_SOFT_DIRTY = {**BOTH, "soft_dirty": "it has none"}


@pytest.mark.parametrize(
    ("wanted", "lacks", "way"),
    [
        ("auto", BOTH, "write_protection"),
        ("auto", NO_SOFT_DIRTY, "write_protection"),
        ("auto", NO_PROTECTION, "soft_dirty"),
        ("soft_dirty", BOTH, "soft_dirty"),
        ("soft_dirty", NO_PROTECTION, "soft_dirty"),
        ("write_protection", NO_SOFT_DIRTY, "write_protection"),
    ],
)
def test_what_the_kernel_has_is_taken(wanted: str, lacks: dict[str, str], way: str) -> None:
    assert choose(wanted, lacks) == way


@pytest.mark.parametrize(
    ("wanted", "lacks", "told"),
    [
        ("soft_dirty", NO_SOFT_DIRTY, ["it has none"]),
        ("write_protection", NO_PROTECTION, ["Invalid argument"]),
        (
            "auto",
            {**NO_PROTECTION, **NO_SOFT_DIRTY, "write_protection": "Invalid argument"},
            ["Invalid argument", "it has none"],
        ),
        ("auto", {"write_protection": "Invalid argument"}, ["Invalid argument", "too old to check"]),
    ],
)
def test_what_the_kernel_lacks_is_told(wanted: str, lacks: dict[str, str], told: list[str]) -> None:
    with pytest.raises(MigrationError) as refused:
        choose(wanted, lacks)
    assert all(text in str(refused.value) for text in told)
