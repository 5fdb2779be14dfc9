# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The short run of `make fuzz`: some hundred inputs each, from the seeds by small changes, and at random."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from tests.fuzz.targets import REFUSALS, TARGETS, Target

set_hypothesis_home_dir(Path(__file__).parents[3] / ".cache/hypothesis")
quick = settings(max_examples=300, deadline=None, database=None)


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Seeds with a few bytes changed, seeds changed as their format allows, and anything."""
    piece = st.one_of(st.binary(max_size=8), st.sampled_from([word.encode() for word in target.words] or [b"\xff" * 4]))
    seeds = st.sampled_from(target.seeds)
    changed = st.builds(
        lambda seed, at, length, new: seed[: at % (len(seed) + 1)] + new + seed[at % (len(seed) + 1) + length :],
        seeds, st.integers(0, 1 << 16), st.integers(0, 8), piece,
    )  # fmt: skip
    if target.change:
        changed = st.one_of(changed, st.builds(target.change, seeds, st.randoms(use_true_random=False)))
    return st.one_of(changed, st.builds(lambda one, other: one + other, changed, changed), st.binary(max_size=200))


@pytest.mark.parametrize("name", TARGETS)
def test_anything_is_taken_or_refused(name: str) -> None:
    target = TARGETS[name]
    if name == "archive" and os.geteuid():
        pytest.skip("a root directory of its own needs root")

    @settings(quick, max_examples=30 if target.share < 0.1 else 300)
    @given(inputs(target))
    def run(data: bytes) -> None:
        with contextlib.suppress(*REFUSALS):
            target.take(data)

    run()


@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"stream", "header"}))
def test_what_is_right_is_taken(name: str) -> None:
    """Or else a target that refuses everything would pass."""
    if name == "archive" and os.geteuid():
        pytest.skip("a root directory of its own needs root")
    for seed in TARGETS[name].seeds:
        TARGETS[name].take(seed)
