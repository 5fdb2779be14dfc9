# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds in which changed files are sent end when little is left, or before the freeze with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import file_rounds
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.file_rounds import FileRounds

MEBIBYTE = 1 << 20


@pytest.fixture
def copy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Copies in rounds of given sizes, each at 100 MiB/s; returns how many there were."""
    clock_ms = [0.0]
    monkeypatch.setattr(file_rounds, "now_ms", lambda: clock_ms[0])

    def run(*sizes_mib: float, **limits: Any) -> int:
        done: list[float] = []

        def send_changed() -> int:
            size = sizes_mib[min(len(done), len(sizes_mib) - 1)]
            done.append(size)
            clock_ms[0] += size * 10
            return int(size * MEBIBYTE)

        FileRounds(Options(**limits), send_changed).copy()
        return len(done)

    return run


def test_it_ends_when_little_is_left(copy: Callable[..., int]) -> None:
    assert copy(300, 30, 3, 0.1) == 4


def test_it_ends_when_what_changes_does_not_shrink_but_fits_into_the_downtime(copy: Callable[..., int]) -> None:
    assert copy(300, 30, 29, switchover_timeout_ms=1000) == 3


def test_what_changes_faster_than_it_can_be_sent_is_refused_before_the_freeze(copy: Callable[..., int]) -> None:
    with pytest.raises(
        MigrationError, match=r"change too fast: 290 MiB of them .* 2900 ms.*1000 ms .switchover_timeout"
    ):
        copy(300, 290, switchover_timeout_ms=1000)


def test_rounds_have_an_end(copy: Callable[..., int]) -> None:
    assert copy(*(2000 * 0.69**number for number in range(40)), switchover_timeout_ms=3_600_000) == 10
