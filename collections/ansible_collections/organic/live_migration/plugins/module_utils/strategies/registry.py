# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The strategies there are. A new one is a file of its own and a line here; all other lists derive from this one."""

from __future__ import annotations

from ..session.options import AUTO
from .base import Strategy
from .cost_model import Costs, Limits, Load, Prediction
from .hybrid import Hybrid
from .inter_copy import InterCopy
from .post_copy import PostCopy
from .ppm import Ppm
from .pre_copy import PreCopy

STRATEGIES: dict[str, type[Strategy]] = {strategy.name: strategy for strategy in (InterCopy, PreCopy, PostCopy, Hybrid)}
"""By name, in the order in which equal ones are preferred."""
ON_REQUEST: dict[str, type[Strategy]] = {strategy.name: strategy for strategy in (Ppm,)}
"""Those that are used only where somebody names them: never by auto, nor by a profile that chooses for the user."""


def choices() -> tuple[str, ...]:
    """What a user may ask for: a strategy, or that one is chosen."""
    return (AUTO, *STRATEGIES, *ON_REQUEST)


def strategy_class(name: str) -> type[Strategy]:
    """The class of a strategy.

    Raises:
        ValueError: there is no strategy of this name.
    """
    known = {**STRATEGIES, **ON_REQUEST}
    if name not in known:
        raise ValueError(f"strategy is '{name}'; choose one of {', '.join(known)}.")
    return known[name]


def attempts(name: str, clones: int) -> tuple[str, ...]:
    """As :meth:`Strategy.attempts`, of a strategy or AUTO."""
    return (name,) if name == AUTO else strategy_class(name).attempts(clones)


def methods() -> tuple[str, ...]:
    """The methods that some strategy knows, the one with most strategies first."""
    return tuple(dict.fromkeys(method for strategy in STRATEGIES.values() for method in strategy.methods))


def usable(method: str, can_track_writes: bool = True) -> list[type[Strategy]]:
    """The strategies that a method knows, on a host that can find written pages, or cannot."""
    return [
        strategy
        for strategy in STRATEGIES.values()
        if method in strategy.methods and (can_track_writes or not strategy.tracks_writes)
    ]


def can_be_asked_for(method: str) -> list[str]:
    """The names of all strategies that a method knows."""
    return [name for name, strategy in {**STRATEGIES, **ON_REQUEST}.items() if method in strategy.methods]


def for_profiles() -> dict[str, tuple[str, ...]]:
    """By name, the methods with which a profile may choose a strategy: none for one that a user must name."""
    return {**{name: one.methods for name, one in STRATEGIES.items()}, **dict.fromkeys(ON_REQUEST, ())}


def predict_all(load: Load, limits: Limits, costs: Costs) -> list[Prediction]:
    """What each strategy would cost, in the order of :data:`STRATEGIES`."""
    return [strategy.predict(load, limits, costs) for strategy in STRATEGIES.values()]
