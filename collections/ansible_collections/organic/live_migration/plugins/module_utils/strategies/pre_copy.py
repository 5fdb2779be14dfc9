# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pre_copy: copy memory in rounds while the process runs, freeze it for the last small round."""

from __future__ import annotations

from ..session.options import Plan
from . import cost_model
from .base import Strategy
from .context import SourceContext
from .cost_model import Costs, Limits, Load, Prediction
from .freeze_and_copy import FreezeAndCopy
from .post_copy import PostCopy
from .rounds import Rounds

_WORTH_A_ROUND = 0.95
"""A round that leaves more than this part of what it sent is not worth it."""


class PreCopy(FreezeAndCopy):
    """A short downtime, and nothing is left on the source when it ends."""

    name = "pre_copy"
    tracks_writes = True
    final_command = "final_send"

    @classmethod
    def predict(cls, load: Load, limits: Limits, costs: Costs) -> Prediction:
        rate = costs.bytes_per_s(load)
        least_ms = costs.shortest_downtime_ms(load)
        rest = float(load.memory_bytes)
        sent = rounds_ms = 0.0
        rounds = 0
        shrinks = True
        while shrinks and rounds < limits.max_rounds:
            if rounds and least_ms + 1000 * rest / rate <= limits.downtime_ms:
                break
            round_ms = costs.round_ms + 1000 * rest / rate
            left = load.written_bytes(round_ms / 1000)
            shrinks = left < _WORTH_A_ROUND * rest
            sent, rounds_ms, rounds, rest = sent + rest, rounds_ms + round_ms, rounds + 1, left
        downtime_ms = least_ms + 1000 * rest / rate
        return cost_model.prediction(
            cls.name,
            costs,
            downtime_ms,
            sent + rest,
            rounds=rounds,
            rounds_ms=rounds_ms,
            converges=downtime_ms <= limits.downtime_ms,
        )

    def longest_switchover_ms(self, plan: Plan) -> float:
        return super().longest_switchover_ms(plan) + plan.options.downtime_limit_ms

    def copy_live(self, source: SourceContext) -> Strategy:
        source.refresh_files()  # what takes long must not be sent after the memory, which is written meanwhile
        converged = Rounds(source).copy_until_convergence()
        source.refresh_files()
        return self if converged else PostCopy()

    def copy_after_pause(self, source: SourceContext) -> None:
        Rounds(source).copy(0, source.plan.timeout_s)
        super().copy_after_pause(source)
