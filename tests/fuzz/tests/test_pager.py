# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pager, with sanitizers, against frames that no pager sends; and what `make fuzz` has found once."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.pager import PRESENT, RECEIVED, REQUEST, STALE, ZERO, Pager, build, fuzz, pager, raw_frame

PAGE = 4096


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("pager"))


@pytest.fixture
def target(program: Path) -> Iterator[Pager]:
    with pager(program, "target") as made:
        yield made


@pytest.fixture
def source(program: Path) -> Iterator[Pager]:
    if os.geteuid():
        pytest.skip("reading another process's memory needs root")
    with pager(program, "source") as made:
        yield made


def ranges(*pairs: tuple[int, int]) -> bytes:
    return b"".join(struct.pack("<QQ", *pair) for pair in pairs)


def test_a_target_takes_anything(program: Path) -> None:
    assert len(list(fuzz(program, "target", 150, 0))) == 150


@pytest.mark.skipif(os.geteuid() != 0, reason="reading another process's memory needs root")
def test_a_source_takes_anything(program: Path) -> None:
    assert len(list(fuzz(program, "source", 20, 0))) == 20


def test_no_zeros_beyond_what_a_process_can_have(target: Pager) -> None:
    target.take(raw_frame(ZERO, 1, 0x7F0000000000, 1 << 52))


@pytest.mark.parametrize("kind", [PRESENT, STALE], ids=["present", "stale"])
def test_no_ranges_beyond_what_a_process_can_have(target: Pager, kind: int) -> None:
    target.take(raw_frame(kind, 1, 0, 0, ranges((0, 1 << 63))))


def test_no_ranges_that_run_over_the_end_of_numbers(source: Pager) -> None:
    source.take(raw_frame(RECEIVED, source.process, 0, 0, ranges((PAGE, (1 << 64) - 1))))


def test_a_question_for_memory_that_is_not_there(source: Pager) -> None:
    """It lies in the same 2 MiB as memory that is."""
    last = source.base | 0x1FF000
    source.take(b"".join(raw_frame(REQUEST, source.process, at, PAGE) for at in (source.base, last, last + PAGE)))
