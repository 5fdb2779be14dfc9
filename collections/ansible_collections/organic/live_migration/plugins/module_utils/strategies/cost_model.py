# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each strategy would cost: downtime and migration time, predicted from a few measured figures.

Symbols: M memory in use (bytes), W working set (bytes that are written again and again, at most M), d bytes of pages
written per second, R bytes of pages moved per second: the link's rate, or what the hosts can read, check and place if
that is less. Costs: S before the first page, F fixed downtime (freeze, CRIU's dump and restore, the address), w
downtime for each byte of mapped memory (the pager looks once more which pages there are), r for each round (the scan),
H downtime for processes, threads, TCP connections and shared memory (which are handled one by one in the freeze). With
H each F + w M below is F + w M + H.

Pages written within t seconds, when writes fall evenly on the working set:

    D(t) = W (1 - exp(-d t / W))                about d t at first, and never more than W

inter_copy
    downtime = F + w M + M / R
    time     = S + downtime
pre_copy, rounds i = 1 to n, where s1 = M, t_i = r + s_i / R, s_i+1 = D(t_i)
    downtime = F + w M + s_n+1 / R
    time     = S + t_1 + ... + t_n + downtime
    n is the first round after which the downtime is within its limit, or after which another round would not leave
    less to send (at 95 % and more), or the last that is allowed. Where d >= R it may never come below the limit.
post_copy
    downtime = F + w M
    time     = S + downtime + M / (e R)
    e is the part of the rate that is left while pages are fetched on demand between those that are pushed.
hybrid
    downtime = F + w M
    time     = S + t_1 + downtime + D(t_1) / (e R)

While a process waits for its own pages, in post_copy and hybrid, it runs slower: that time is told as ``degraded_ms``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from ..host.holdings import Holdings
from .convergence import FIXED_DOWNTIME_MS, PAGE_BYTES

ERROR = 0.3
"""How far a prediction may be from what is measured, as a part of it."""
_MIB = 1 << 20


@dataclass(frozen=True)
class Costs:
    """Costs that do not depend on the container.

    Measured between two hosts of the lab on one machine of 2 cores (``make benchmark``, medians).

    Attributes:
        setup_ms: from the start of the migration to its first page.
        fixed_downtime_ms: of the smallest process.
        walk_ms_per_mib: of downtime, for each MiB of mapped memory, sent or not.
        hosts_bytes_per_s: what the hosts can read, send and place without a link's limit.
        round_ms: of a round that sends nothing.
        on_demand_efficiency: part of the rate that is left in post-copy.
        files_bytes_per_s: what the hosts can pack, send and unpack of files.
        compared_bytes_per_s: what the source can read and compare of them.
        process_ms, thread_ms, connection_ms: of downtime, for each further process and thread, and each TCP connection
            (``make benchmark OPTIONS=--scale``).
        shared_ms_per_mib: of downtime, for each MiB of shared memory, of which each page is hashed in the freeze.
        system_v_ms_per_mib: the same of System V, which CRIU copies in the freeze.
    """

    setup_ms: float = 1600.0
    fixed_downtime_ms: float = FIXED_DOWNTIME_MS
    walk_ms_per_mib: float = 0.003
    hosts_bytes_per_s: float = 1.7e9
    round_ms: float = 8.0
    on_demand_efficiency: float = 0.9
    files_bytes_per_s: float = 150e6
    compared_bytes_per_s: float = 1e9
    process_ms: float = 8.0
    thread_ms: float = 0.8
    connection_ms: float = 0.14
    shared_ms_per_mib: float = 0.05
    system_v_ms_per_mib: float = 1.5

    def on_loaded_hosts(self, slowdown: float) -> Costs:
        """The costs where each second on a CPU takes ``slowdown`` seconds.

        The agents' priority in the downtime shortens nothing here: it counts against processes of their own cgroup, and
        what loads a host runs in containers.
        """
        return replace(
            self,
            setup_ms=self.setup_ms * slowdown,
            fixed_downtime_ms=self.fixed_downtime_ms * slowdown,
            walk_ms_per_mib=self.walk_ms_per_mib * slowdown,
            hosts_bytes_per_s=self.hosts_bytes_per_s / slowdown,
            round_ms=self.round_ms * slowdown,
            files_bytes_per_s=self.files_bytes_per_s / slowdown,
            compared_bytes_per_s=self.compared_bytes_per_s / slowdown,
            process_ms=self.process_ms * slowdown,
            thread_ms=self.thread_ms * slowdown,
            connection_ms=self.connection_ms * slowdown,
            shared_ms_per_mib=self.shared_ms_per_mib * slowdown,
            system_v_ms_per_mib=self.system_v_ms_per_mib * slowdown,
        )

    def bytes_per_s(self, load: Load) -> float:
        """R: the link's rate, or what the hosts can do if that is less."""
        return min(load.link_bytes_per_s, self.hosts_bytes_per_s)

    def on_demand_bytes_per_s(self, load: Load) -> float:
        """e R: the rate at which post-copy sends."""
        return self.bytes_per_s(load) * self.on_demand_efficiency

    def shortest_downtime_ms(self, load: Load) -> float:
        """F + w M + H: the downtime without a page to send."""
        held = load.holdings
        return (
            self.fixed_downtime_ms
            + self.walk_ms_per_mib * load.memory_bytes / _MIB
            + self.process_ms * (held.processes - 1)
            + self.thread_ms * held.threads
            + self.connection_ms * held.connections
            + self.shared_ms_per_mib * held.shared_bytes / _MIB
            + self.system_v_ms_per_mib * held.system_v_bytes / _MIB
        )


LAB = Costs()
LAB_ENCRYPTED = Costs(hosts_bytes_per_s=0.6e9)
"""With TLS for the pages."""


@dataclass(frozen=True)
class Load:
    """What is known of the container and the way to its target.

    Attributes:
        memory_bytes: in use.
        link_bytes_per_s: between the hosts.
        dirty_pages_per_s: pages of 4096 bytes that it writes.
        working_set_bytes: what these writes fall on; None: all of the memory, which is the worst.
        holdings: what else the processes hold.
    """

    memory_bytes: int
    link_bytes_per_s: float
    dirty_pages_per_s: float = 0.0
    working_set_bytes: int | None = None
    holdings: Holdings = field(default_factory=Holdings)

    def __post_init__(self) -> None:
        if self.memory_bytes < 0 or self.dirty_pages_per_s < 0 or (self.working_set_bytes or 0) < 0:
            raise ValueError("Memory, dirty rate and working set cannot be negative.")
        if self.link_bytes_per_s <= 0:
            raise ValueError("The link's rate must be more than 0 bytes/s.")

    def written_bytes(self, seconds: float) -> float:
        """D(t): how much is to be sent again after that time."""
        working_set = self.memory_bytes if self.working_set_bytes is None else self.working_set_bytes
        working_set = min(working_set, self.memory_bytes)
        if not working_set or not self.dirty_pages_per_s:
            return 0.0
        return -working_set * math.expm1(-self.dirty_pages_per_s * PAGE_BYTES * seconds / working_set)


@dataclass(frozen=True)
class Limits:
    """What the user allows.

    Attributes:
        downtime_ms: rounds of pre-copy go on until the expected downtime is below it.
        max_rounds: of pre-copy.
    """

    downtime_ms: float = 300.0
    max_rounds: int = 30


@dataclass(frozen=True)
class Prediction:
    """What one strategy would cost.

    Attributes:
        downtime_ms: from the freeze until the process runs on the target.
        migration_time_ms: from the start until the source is released.
        bytes_sent: of memory.
        rounds: before the freeze.
        degraded_ms: how long the process runs while some of its pages are still on the source.
        converges: pre_copy: whether its rounds come below the limit; else true.
    """

    strategy: str
    downtime_ms: float
    migration_time_ms: float
    bytes_sent: int
    rounds: int = 0
    degraded_ms: float = 0.0
    converges: bool = True


def prediction(
    strategy: str,
    costs: Costs,
    downtime_ms: float,
    bytes_sent: float,
    rounds: int = 0,
    rounds_ms: float = 0.0,
    degraded_ms: float = 0.0,
    converges: bool = True,
) -> Prediction:
    """A prediction, with its figures rounded and the migration time added up."""
    return Prediction(
        strategy,
        round(downtime_ms, 1),
        round(costs.setup_ms + rounds_ms + downtime_ms + degraded_ms, 1),
        int(bytes_sent),
        rounds,
        round(degraded_ms, 1),
        converges,
    )


@dataclass(frozen=True)
class Choice:
    """The strategy that was chosen.

    Attributes:
        keeps: whether it is predicted to stay within the limit and the budget.
        reason: in words, with the figures.
    """

    strategy: str
    keeps: bool
    reason: str


_COSTS_IN_ORDER: tuple[Callable[[Prediction], float], ...] = (
    lambda one: one.downtime_ms,
    lambda one: one.migration_time_ms + one.degraded_ms,
    lambda one: one.bytes_sent,
)


def choose(
    predictions: Iterable[Prediction], downtime_limit_ms: float, downtime_budget_ms: float | None = None
) -> Choice:
    """The strategy with the shortest downtime, then the one that takes the least time, then the one that sends least.

    What differs by less than the model's own error is equal. Time that the process runs slower counts twice. Among
    equal ones that is best during which a link that breaks stops the process for the least time.

    Args:
        predictions: of the strategies that may be used.
        downtime_limit_ms: what the user wants.
        downtime_budget_ms: what the clients bear, for example until a heartbeat is missed; None: anything.
    """
    candidates = list(predictions)
    if not candidates:
        raise ValueError("There is no strategy to choose from.")
    limit_ms = min(downtime_limit_ms, math.inf if downtime_budget_ms is None else downtime_budget_ms)
    keeping = [one for one in candidates if one.downtime_ms <= limit_ms]
    equal = keeping or candidates
    for cost in _COSTS_IN_ORDER:
        least = min(map(cost, equal))
        equal = [one for one in equal if cost(one) <= least * (1 + ERROR)]
    best = min(equal, key=lambda one: (one.degraded_ms, one.downtime_ms))
    words = (
        f"is the best within {limit_ms:g} ms of downtime"
        if keeping
        else f"stops it for the least time, as none stays within {limit_ms:g} ms"
    )
    return Choice(
        best.strategy,
        bool(keeping),
        f"{best.strategy} {words}: {best.downtime_ms:g} ms, and {best.migration_time_ms:g} ms in all, are predicted",
    )
