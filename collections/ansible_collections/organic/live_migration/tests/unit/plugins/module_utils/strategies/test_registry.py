# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One list of strategies, from which every other list derives."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
import yaml
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Message
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import registry
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.base import Strategy
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.context import SourceContext
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.cost_model import (
    LAB,
    Costs,
    Limits,
    Load,
    Prediction,
    prediction,
)
from ansible_collections.organic.live_migration.plugins.modules import container_migrate
from ansible_collections.organic.live_migration.plugins.plugin_utils import arguments, forecast


class Toy(Strategy):
    """A strategy that nobody else knows of."""

    name = "toy"
    tracks_writes = True

    @classmethod
    def predict(cls, load: Load, limits: Limits, costs: Costs) -> Prediction:
        return prediction(cls.name, costs, 1.0, load.memory_bytes)

    def switch_over(self, source: SourceContext) -> Message:
        raise NotImplementedError


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Toy]]:
    """Registered as a new strategy is: by its line in the registry."""
    monkeypatch.setitem(registry.STRATEGIES, Toy.name, Toy)
    importlib.reload(arguments)
    yield Toy
    monkeypatch.undo()
    importlib.reload(arguments)


def test_a_new_strategy_is_a_choice_predicted_and_chosen(toy: type[Toy]) -> None:
    assert arguments.MIGRATE_ARGUMENTS["strategy"]["choices"][len(registry.STRATEGIES)] == toy.name
    measured = forecast.Measured(1 << 20, dirty_pages_per_s=10.0)
    chosen = forecast.Forecast(measured, Options(strategy="auto"), 0, "resident")
    assert chosen.strategy == toy.name
    assert [one["strategy"] for one in chosen.as_dict()["strategies"]] == list(registry.STRATEGIES)


def test_what_a_strategy_needs_is_asked_of_its_class(toy: type[Toy]) -> None:
    assert toy in registry.usable("resident")
    assert toy not in registry.usable("resident", can_track_writes=False)
    assert toy not in registry.usable("engine")


def test_the_documentation_names_the_registered_strategies() -> None:
    options = yaml.safe_load(container_migrate.DOCUMENTATION)["options"]
    assert options["strategy"]["choices"] == list(registry.choices())
    assert options["method"]["choices"] == list(registry.methods())


def test_a_strategy_is_registered_by_its_own_name() -> None:
    known = [*registry.STRATEGIES.items(), *registry.ON_REQUEST.items()]
    assert all(name == strategy.name for name, strategy in known)
    assert not registry.STRATEGIES.keys() & registry.ON_REQUEST.keys()
    assert Options().strategy in registry.STRATEGIES


def test_one_that_must_be_named_is_never_chosen_but_predicted_when_it_is_named() -> None:
    measured = forecast.Measured(1 << 20, dirty_pages_per_s=10.0)
    chosen = forecast.Forecast(measured, Options(strategy="auto"), 0, "resident")
    assert chosen.strategy not in registry.ON_REQUEST
    for name in registry.ON_REQUEST:
        named = forecast.Forecast(measured, Options(strategy=name), 0, "resident")
        assert (named.strategy, named.predicted.strategy) == (name, name)
        assert 0 < named.predicted.downtime_ms < named.predicted.migration_time_ms
        assert name in registry.can_be_asked_for("resident")
        assert name not in registry.can_be_asked_for("engine")


def test_an_unknown_strategy_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="strategy is 'magic'; choose one of inter_copy, "):
        registry.strategy_class("magic")


@pytest.mark.parametrize("strategy", registry.STRATEGIES.values(), ids=lambda strategy: strategy.name)
def test_a_strategy_that_leaves_pages_behind_lets_the_target_wait_for_them(strategy: type[Strategy]) -> None:
    waits = strategy.complete is not Strategy.complete
    pushes = strategy.after_commit is not Strategy.after_commit
    assert waits == pushes == strategy.needs_source_after_commit
    assert strategy.predict(Load(1 << 20, 1e9), Limits(), LAB).strategy == strategy.name
