# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pagers of a migration have sent, as they tell it; the pager itself is tested in tests/runtime."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.memory.pager import Answer, Pager, Sent

WORDS = """#!{python} -IS
import os, select
os.write(0, b'{{"event": "progress"}}')
select.select([0], [], [])
print("Error: a page cannot be placed", file=os.fdopen(2, "w"))
"""


def answer(bytes_sent: int, zero_pages: int, duration_ms: float = 100) -> Answer:
    return {"bytes_sent": bytes_sent, "zero_pages": zero_pages, "duration_ms": duration_ms}


def test_figures_of_a_pager_are_of_all_its_orders() -> None:
    sent = Sent()
    sent.finish(answer(4000, 3))
    sent.finish(answer(5000, 4))
    assert (sent.bytes, sent.zero_pages) == (5000, 4)


def test_throughput_is_of_the_order_that_sent_most() -> None:
    sent = Sent()
    sent.count(answer(1000, 0))  # on the way
    sent.finish(answer(4000, 0, 100))
    assert sent.bytes_per_s == 40_000
    sent.finish(answer(4500, 0, 1))
    assert sent.bytes_per_s == 40_000
    sent.finish(answer(14_500, 0, 50))
    assert sent.bytes_per_s == 200_000


def test_nothing_of_a_lost_pager_is_forgotten() -> None:
    sent = Sent()
    sent.finish(answer(4000, 3))
    sent.count(answer(9000, 5))
    sent.restart_counters()
    assert (sent.bytes, sent.zero_pages) == (9000, 5)
    sent.count(answer(100, 1))
    assert (sent.bytes, sent.zero_pages) == (9100, 6)
    sent.finish(answer(6000, 2, 10))
    assert (sent.bytes, sent.zero_pages) == (15_000, 7)
    assert sent.bytes_per_s == 600_000


def test_one_that_ends_with_an_order_unread_is_told_to_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel then reports a reset connection, before what was written to it."""
    program = tmp_path / "pager"
    program.write_text(WORDS.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setattr(paths, "PAGER", str(program))
    pager = Pager(["target"], [])
    pager.order("finish")
    pager._process.wait(10)
    assert pager.receive(10) == {"event": "progress"}
    with pytest.raises(MigrationError, match="a page cannot be placed"):
        pager.receive(10)
    pager.close()
