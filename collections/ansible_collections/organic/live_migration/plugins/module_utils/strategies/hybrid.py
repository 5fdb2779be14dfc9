# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hybrid: pre-copy rounds, then post-copy for the rest."""

from __future__ import annotations

from . import cost_model
from .base import Strategy
from .context import SourceContext
from .cost_model import Costs, Limits, Load, Prediction
from .post_copy import PostCopy
from .rounds import Rounds


class Hybrid(PostCopy):
    """Post-copy with fewer waits for pages, as most of them are there before the process is."""

    name = "hybrid"
    tracks_writes = True
    places_directly = False

    @classmethod
    def predict(cls, load: Load, limits: Limits, costs: Costs) -> Prediction:
        round_s = costs.round_ms / 1000 + load.memory_bytes / costs.bytes_per_s(load)
        rest = load.written_bytes(round_s)
        return cost_model.prediction(
            cls.name,
            costs,
            costs.shortest_downtime_ms(load),
            load.memory_bytes + rest,
            rounds=1,
            rounds_ms=1000 * round_s,
            degraded_ms=1000 * rest / costs.on_demand_bytes_per_s(load),
        )

    def copy_live(self, source: SourceContext) -> Strategy:
        source.refresh_files()
        Rounds(source).copy_until_convergence()
        source.refresh_files()
        return self

    def copy_after_pause(self, source: SourceContext) -> None:
        Rounds(source).copy(0, source.plan.timeout_s)
        super().copy_after_pause(source)
