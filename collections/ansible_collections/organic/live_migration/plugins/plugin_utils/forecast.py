# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prediction of what a migration costs, and the choice of the strategy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

from ansible_collections.organic.live_migration.plugins.module_utils.host.holdings import Holdings
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import PreflightAnswer
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import (
    AUTO,
    Options,
)
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import cost_model, registry


@dataclass(frozen=True)
class Measured:
    """Load of the container and of the link to the target.

    Attributes:
        memory_bytes: in use.
        dirty_pages_per_s: pages of 4096 bytes that it writes; None when it was not or cannot be measured.
        holdings: what else its processes hold.
        link_bytes_per_s: between the hosts; None when it was not measured; then the hosts are assumed to be the limit.
        files_bytes: of the container's own layer and its tmpfs mounts.
        compared_bytes: of large files, of which the freeze has to find what has changed.
        cpu_slowdown: seconds that a second on a CPU takes on the source host.
    """

    memory_bytes: int
    dirty_pages_per_s: float | None = None
    link_bytes_per_s: float | None = None
    files_bytes: int = 0
    compared_bytes: int = 0
    holdings: Holdings = field(default_factory=Holdings)
    cpu_slowdown: float = 1.0

    @classmethod
    def of(cls, found: PreflightAnswer, link_bytes_per_s: float | None) -> Measured:
        """What the preflight of the source has found."""
        return cls(
            found.memory_bytes,
            found.dirty_pages_per_s,
            link_bytes_per_s,
            found.files_bytes,
            found.compared_bytes,
            found.holdings,
            found.cpu_slowdown,
        )

    @property
    def load(self) -> cost_model.Load:
        link = self.link_bytes_per_s or cost_model.LAB.hosts_bytes_per_s
        return cost_model.Load(self.memory_bytes, link, self.dirty_pages_per_s or 0.0, holdings=self.holdings)

    def with_files(self, costs: cost_model.Costs) -> cost_model.Costs:
        """Files are sent before the memory, whatever the strategy; in the freeze large ones are compared."""
        rate = min(self.load.link_bytes_per_s, costs.files_bytes_per_s)
        return replace(
            costs,
            setup_ms=costs.setup_ms + 1000 * self.files_bytes / rate,
            fixed_downtime_ms=costs.fixed_downtime_ms + 1000 * self.compared_bytes / costs.compared_bytes_per_s,
        )


class Forecast:
    """The strategies' costs, and the one that is used.

    Args:
        measured: what the model is given.
        options: of the migration; with AUTO the strategy is chosen here.
        downtime_budget_ms: see :func:`cost_model.choose`; 0 is none.
        method: of container_migrate; some strategies are known to one method only.
    """

    def __init__(self, measured: Measured, options: Options, downtime_budget_ms: int, method: str) -> None:
        self._measured = measured
        idle = cost_model.LAB_ENCRYPTED if options.is_encrypted else cost_model.LAB
        costs = measured.with_files(idle.on_loaded_hosts(measured.cpu_slowdown))
        limits = cost_model.Limits(options.downtime_limit_ms, options.max_rounds)
        predictions = registry.predict_all(measured.load, limits, costs)
        self._predictions = {one.strategy: one for one in predictions}
        if options.strategy in registry.ON_REQUEST:
            one = registry.strategy_class(options.strategy)
            self._predictions[one.name] = one.predict(measured.load, limits, costs)
        self.reason = ""
        self.strategy = options.strategy
        if options.strategy != AUTO:
            return
        usable = registry.usable(method, can_track_writes=measured.dirty_pages_per_s is not None)
        choice = cost_model.choose(
            [self._predictions[strategy.name] for strategy in usable],
            options.downtime_limit_ms,
            downtime_budget_ms or None,
        )
        self.strategy = choice.strategy
        self.reason = choice.reason

    @property
    def predicted(self) -> cost_model.Prediction:
        return self._predictions[self.strategy]

    def as_dict(self) -> dict[str, object]:
        """What was measured, what each strategy would cost, and which is used, and why."""
        return {
            **asdict(self._measured),
            "strategy": self.strategy,
            "reason": self.reason,
            "downtime_ms": self.predicted.downtime_ms,
            "migration_time_ms": self.predicted.migration_time_ms,
            "bytes_sent": self.predicted.bytes_sent,
            "strategies": [asdict(one) for one in self._predictions.values()],
        }
