# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mirror of the target, with sanitizers, against what no source sends; and what `make fuzz` has found once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.mirror import INPUT, MARK, OUTPUT, Frames, Mirror, Namespace, build, fuzz, raw_frame

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("mirror"))


@pytest.fixture
def mirror(program: Path) -> Iterator[Mirror]:
    namespace = Namespace()
    made = Mirror(program, namespace)
    yield made
    made.close()
    namespace.close()


def test_a_target_takes_anything(program: Path) -> None:
    assert len(list(fuzz(program, 100, 0))) == 100


def test_what_a_source_sends_is_compared(mirror: Mirror) -> None:
    """The inputs above are not refused for another reason; the kernel's message about an odd length was one."""
    state = mirror.take(raw_frame(MARK, 0, 0) + Frames(Random(50)).echo())
    assert (state["inputs"], state["answers_compared"], state["divergence"]) == (1, 1, None)


@pytest.mark.parametrize(
    "data",
    [
        raw_frame(MARK, 0, 0) + raw_frame(INPUT, 2, 0, b"E" * 20),
        raw_frame(MARK, 0, 0) + raw_frame(OUTPUT, 0, 0, b"E" * 20),
        raw_frame(MARK, 0, 0) * 2,
        raw_frame(INPUT, 1, 0, b"E" * 20),
        raw_frame(MARK, 0, 0) + raw_frame(INPUT, 1, 0, b"E" * 20, size=70_001),
        raw_frame(MARK, 0, 0) + raw_frame(INPUT, 1, 0),
        raw_frame(77, 0, 0),
    ],
    ids=["a count that skips", "a count that stays", "two marks", "no mark", "too long", "nothing", "no such frame"],
)
def test_what_no_source_sends_ends_the_attempt(mirror: Mirror, data: bytes) -> None:
    state = mirror.take(data)
    assert state["void"].startswith("the source sent")
    assert (state["inputs"], state["answers_compared"]) == (0, 0)
