# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""inter_copy: freeze, copy all memory, restore (QEMU: stop and copy)."""

from __future__ import annotations

from ..session.options import Plan
from . import cost_model
from .cost_model import Costs, Limits, Load, Prediction
from .freeze_and_copy import FreezeAndCopy

_AT_LEAST_BYTES_PER_S = 100e6
"""A switchover is not given up while its memory is sent at the rate of a link of 1 Gbit/s."""


class InterCopy(FreezeAndCopy):
    """Every byte is sent once; the downtime grows with the memory."""

    name = "inter_copy"
    methods = ("resident", "engine")
    places_directly = True
    final_command = "final_send"

    def longest_switchover_ms(self, plan: Plan) -> float:
        return super().longest_switchover_ms(plan) + 1000 * plan.memory_bytes / _AT_LEAST_BYTES_PER_S

    @classmethod
    def predict(cls, load: Load, limits: Limits, costs: Costs) -> Prediction:
        downtime_ms = costs.shortest_downtime_ms(load) + 1000 * load.memory_bytes / costs.bytes_per_s(load)
        return cost_model.prediction(cls.name, costs, downtime_ms, load.memory_bytes)
