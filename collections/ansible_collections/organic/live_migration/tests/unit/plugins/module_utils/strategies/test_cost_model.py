# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host.holdings import Holdings
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import registry
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.cost_model import (
    ERROR,
    LAB,
    PAGE_BYTES,
    Costs,
    Limits,
    Load,
    Prediction,
    choose,
)
from hypothesis import given
from hypothesis import strategies as st

MB = 10**6
COSTS = Costs(setup_ms=1000, fixed_downtime_ms=40, walk_ms_per_mib=0, hosts_bytes_per_s=1e9, round_ms=10,
              on_demand_efficiency=0.5)  # fmt: skip
LOADS = st.builds(
    Load,
    memory_bytes=st.integers(0, 1 << 40),
    link_bytes_per_s=st.floats(1e3, 1e12),
    dirty_pages_per_s=st.floats(0, 1e7),
    working_set_bytes=st.none() | st.integers(0, 1 << 40),
)


def predict(
    strategy: str, load: Load, downtime_limit_ms: float = 300, max_rounds: int = 30, costs: Costs = LAB
) -> Prediction:
    return registry.strategy_class(strategy).predict(load, Limits(downtime_limit_ms, max_rounds), costs)


def predict_all(load: Load, downtime_limit_ms: float, costs: Costs = LAB) -> list[Prediction]:
    return registry.predict_all(load, Limits(downtime_limit_ms), costs)


def test_inter_copy_is_the_copy() -> None:
    told = predict("inter_copy", Load(200 * MB, 1e8), costs=COSTS)
    assert told.downtime_ms == 40 + 2000
    assert told.migration_time_ms == 1000 + 40 + 2000
    assert told.bytes_sent == 200 * MB


@pytest.mark.parametrize("strategy", ["inter_copy", "pre_copy", "post_copy", "hybrid"])
def test_what_is_held_takes_time_of_every_downtime(strategy: str) -> None:
    costs = replace(COSTS, process_ms=8, thread_ms=0.5, connection_ms=0.1, shared_ms_per_mib=2, system_v_ms_per_mib=3)
    plain = predict(strategy, Load(20 << 20, 1e8), costs=costs)
    for held, more_ms in ((Holdings(processes=11), 80), (Holdings(threads=100), 50), (Holdings(connections=50), 5)):
        told = predict(strategy, Load(20 << 20, 1e8, holdings=held), costs=costs)
        assert told.downtime_ms == pytest.approx(plain.downtime_ms + more_ms, abs=0.2)
    shared = predict(strategy, Load(20 << 20, 1e8, holdings=Holdings(shared_bytes=10 << 20)), costs=costs)
    assert shared.downtime_ms == pytest.approx(plain.downtime_ms + 20, abs=0.2)
    system_v = predict(strategy, Load(20 << 20, 1e8, holdings=Holdings(system_v_bytes=10 << 20)), costs=costs)
    assert system_v.downtime_ms == pytest.approx(plain.downtime_ms + 30, abs=0.2)


def test_the_hosts_may_be_slower_than_the_link() -> None:
    assert predict("inter_copy", Load(1000 * MB, 1e12), costs=COSTS).downtime_ms == 1040


def test_pre_copy_of_what_writes_nothing_freezes_for_nothing_else() -> None:
    told = predict("pre_copy", Load(200 * MB, 1e8), costs=COSTS)
    assert (told.rounds, told.downtime_ms, told.converges) == (1, 40, True)
    assert told.migration_time_ms == 1000 + 10 + 2000 + 40
    assert told.bytes_sent == 200 * MB


def test_pre_copy_makes_rounds_until_the_rest_is_small_enough() -> None:
    load = Load(1000 * MB, 1e8, dirty_pages_per_s=0.2 * 1e8 / PAGE_BYTES)  # a fifth of the link
    few, many = (predict("pre_copy", load, limit, costs=COSTS) for limit in (2000, 60))
    assert few.rounds < many.rounds
    assert many.downtime_ms <= 60
    assert few.downtime_ms <= 2000
    assert many.bytes_sent == pytest.approx(1000 * MB / (1 - 0.2), rel=0.05)  # a geometric series


def test_a_rate_above_the_link_never_converges() -> None:
    load = Load(1000 * MB, 1e8, dirty_pages_per_s=20 * 1e8 / PAGE_BYTES)
    told = predict("pre_copy", load, 300, costs=COSTS)
    assert not told.converges
    assert told.rounds < 5  # it is seen at once that rounds do not help
    assert told.downtime_ms > 5000
    choice = choose(predict_all(load, 300, costs=COSTS), 300)
    assert choice.strategy in ("post_copy", "hybrid")
    assert choice.keeps


def test_a_small_working_set_converges_at_any_rate() -> None:
    load = Load(1000 * MB, 1e8, dirty_pages_per_s=1e9, working_set_bytes=10 * MB)
    told = predict("pre_copy", load, 300, costs=COSTS)
    assert told.converges
    assert told.downtime_ms == pytest.approx(40 + 100)


def test_no_more_rounds_than_allowed() -> None:
    load = Load(1000 * MB, 1e8, dirty_pages_per_s=0.5 * 1e8 / PAGE_BYTES)
    assert predict("pre_copy", load, 41, max_rounds=2, costs=COSTS).rounds == 2


def test_post_copy_does_not_depend_on_memory_but_for_the_walk() -> None:
    small, large = (predict("post_copy", Load(size, 1e8, 1e6), costs=COSTS) for size in (MB, 1000 * MB))
    assert small.downtime_ms == large.downtime_ms == 40
    assert large.degraded_ms == 20000
    walked = predict("post_copy", Load(1 << 30, 1e8), costs=Costs(fixed_downtime_ms=40, walk_ms_per_mib=0.1))
    assert walked.downtime_ms == pytest.approx(40 + 102.4)


def test_hybrid_fetches_only_what_was_written_in_its_round() -> None:
    load = Load(1000 * MB, 1e8, dirty_pages_per_s=0.1 * 1e8 / PAGE_BYTES)
    hybrid, post_copy = (predict(strategy, load, costs=COSTS) for strategy in ("hybrid", "post_copy"))
    assert hybrid.degraded_ms < 0.2 * post_copy.degraded_ms
    assert hybrid.bytes_sent > post_copy.bytes_sent


@given(LOADS, st.floats(1, 1e5))
def test_whatever_the_load_is(load: Load, limit_ms: float) -> None:
    predictions = predict_all(load, limit_ms)
    assert [one.strategy for one in predictions] == list(registry.STRATEGIES)
    by_strategy = {one.strategy: one for one in predictions}
    for one in predictions:
        assert math.isfinite(one.migration_time_ms)
        assert one.migration_time_ms >= one.downtime_ms > 0
        assert one.downtime_ms <= by_strategy["inter_copy"].downtime_ms + 0.1
        assert one.bytes_sent >= load.memory_bytes
    pre_copy = by_strategy["pre_copy"]
    assert pre_copy.converges == (pre_copy.downtime_ms <= limit_ms) or abs(pre_copy.downtime_ms - limit_ms) < 0.1
    choice = choose(predictions, limit_ms)
    chosen = by_strategy[choice.strategy]
    assert choice.keeps == (chosen.downtime_ms <= limit_ms)
    candidates = [one for one in predictions if not choice.keeps or one.downtime_ms <= limit_ms]
    assert chosen.downtime_ms <= (1 + ERROR) * min(one.downtime_ms for one in candidates)


@given(LOADS, st.floats(0, 60), st.floats(0, 60))
def test_more_time_never_means_fewer_written_pages(load: Load, one: float, other: float) -> None:
    assert load.written_bytes(min(one, other)) <= load.written_bytes(max(one, other)) <= load.memory_bytes


@pytest.mark.parametrize("memory_mb", [1, 2, 20, 200, 1000])
def test_the_downtime_comes_first(memory_mb: int) -> None:
    choice = choose(predict_all(Load(memory_mb * MB, 1.2e9, 1000), 300), 300)
    assert (choice.strategy, choice.keeps) == ("pre_copy", True)
    assert "within 300 ms" in choice.reason


def told(strategy: str, downtime_ms: float, time_ms: float, sent: int = 100, degraded_ms: float = 0) -> Prediction:
    return Prediction(strategy, downtime_ms, time_ms, sent, degraded_ms=degraded_ms)


@pytest.mark.parametrize(
    ("one", "other", "better"),
    [
        (told("one", 22, 9000), told("other", 40, 2300), "one"),
        (told("one", 22, 9000), told("other", 28, 2300), "other"),
        (told("one", 22, 2900, 200), told("other", 28, 2300, 100), "other"),
        (told("one", 22, 2900, 110), told("other", 28, 2300, 100), "one"),
        (told("one", 22, 2900, degraded_ms=1), told("other", 28, 2300), "other"),
    ],
)
def test_what_differs_by_less_than_the_model_s_error_decides_nothing(
    one: Prediction, other: Prediction, better: str
) -> None:
    assert choose([one, other], 300).strategy == choose([other, one], 300).strategy == better


def test_the_budget_of_the_clients_counts_as_well() -> None:
    predictions = [told("one", 200, 2300), told("other", 150, 9000)]
    assert choose(predictions, 2000, 300).keeps
    assert not choose(predictions, 300, 100).keeps


def test_where_none_keeps_the_limit_it_is_the_shortest_and_says_so() -> None:
    choice = choose(predict_all(Load(1000 * MB, 1.2e9, 1e6), 10), 10)
    assert not choice.keeps
    assert "none stays within 10 ms" in choice.reason


@pytest.mark.parametrize(
    "figures", [{"memory_bytes": -1}, {"link_bytes_per_s": 0}, {"dirty_pages_per_s": -1}, {"working_set_bytes": -1}]
)
def test_what_cannot_be_is_refused(figures: dict[str, Any]) -> None:
    known: dict[str, Any] = {"memory_bytes": 1, "link_bytes_per_s": 1, **figures}
    with pytest.raises(ValueError, match=r"negative|more than 0"):
        Load(**known)


def test_unknown_strategies_are_refused() -> None:
    with pytest.raises(ValueError, match="strategy is 'magic'"):
        predict("magic", Load(1, 1))
    with pytest.raises(ValueError, match="no strategy to choose"):
        choose([], 300)
