# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault in every state of every strategy: the tables from which the cases are generated.

A state is an injection point (harness/fault_injector.py) on one host. The migration's worker is stopped there, so that
the fault occurs in that very state. A fault is an act on one host. What must hold afterwards follows from the two.
A new strategy has its cases from what its class says about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import ON_REQUEST, STRATEGIES

SMALL_MB, BIG_MB, HUGE_MB = 20, 100, 300
SLOW = {"max_bandwidth": 25 << 20}
"""Bytes a second: the transfer of BIG_MB then takes four seconds."""
TLS = {"encryption": "tls"}
POSTCOPY_TIMEOUT_S = 8


class Strategy(Protocol):
    """What the states of a strategy follow from."""

    @property
    def tracks_writes(self) -> bool: ...

    @property
    def needs_source_after_commit(self) -> bool: ...

    @property
    def runs_before_commit(self) -> bool: ...


@dataclass(frozen=True)
class State:
    """A state of a migration.

    Attributes:
        injection_point: its first part is the host.
        drop_inbound: an earlier injection point, and the host that from then on receives no message of the other one
            until the fault is injected; so a state of a millisecond lasts.
        committed: the source has given its copy up.
        armed: CRIU waits on both hosts, and the target's image file system is mounted.
        receives: CRIU's page server listens on the target; it ends with the dump.
        dumps: CRIU's dump is not over.
        restores: CRIU's restore is not over.
        copy_on_target: the process is restored, or runs, on the target.
        runs_on_target: nothing can bring the source's copy back.
        fetches: the target runs and still needs pages of the source.
        mirrors: both packet mirrors run.
        memory_mb: of the workload; much, where the transfer must last.
        options: of the migration.
    """

    injection_point: str
    drop_inbound: tuple[str, str] | None = None
    committed: bool = False
    armed: bool = False
    receives: bool = False
    dumps: bool = False
    restores: bool = False
    copy_on_target: bool = False
    runs_on_target: bool = False
    fetches: bool = False
    mirrors: bool = False
    memory_mb: int = SMALL_MB
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def side(self) -> str:
        return self.injection_point.partition(":")[0]

    @property
    def matters_on_source(self) -> bool:
        """The migration may roll back to the source's copy, or the target still needs its memory."""
        return not self.runs_on_target or self.fetches

    @property
    def pages(self) -> bool:
        """The pagers run."""
        return self.armed or self.restores or self.fetches


SETUP = State("source:setup")
ACTIVE = State("source:active")
ROUND = State("source:round=1", armed=True, receives=True, dumps=True, restores=True, memory_mb=BIG_MB, options=SLOW)
SWITCHOVER = State("source:switchover", armed=True, receives=True, dumps=True, restores=True)
FROZEN = State("source:dumped", armed=True, dumps=True, restores=True)
TRANSFER = State("source:dumping", armed=True, restores=True, memory_mb=HUGE_MB)
"""The pagers work; CRIU's own dump is over long before."""
RESTORED = State("target:restored", drop_inbound=("target:restoring", "source"), restores=True, copy_on_target=True)
ENCRYPTED_TRANSFER = replace(TRANSFER, options=TLS)
COMMITTED = State("source:committed", drop_inbound=("target:restoring", "target"), committed=True, copy_on_target=True)
COMPLETED = State("target:completed", committed=True, copy_on_target=True, runs_on_target=True)
_POSTCOPY = {"postcopy_timeout_s": POSTCOPY_TIMEOUT_S}
COMMITTED_BUT_MEMORY = replace(COMMITTED, options=_POSTCOPY)
"""The source tries to connect again before it is in doubt, and a client repeats its segments less and less often."""
COMPLETED_BUT_MEMORY = replace(COMPLETED, fetches=True, options=_POSTCOPY)
FETCHING = State(
    "source:progress=postcopy-active", committed=True, copy_on_target=True, runs_on_target=True, fetches=True,
    memory_mb=BIG_MB, options={**SLOW, **_POSTCOPY},
)  # fmt: skip
CLONED = State("source:cloned", restores=True, mirrors=True)
CLONE_RESTORED = replace(RESTORED, mirrors=True)
CLONE_RUNS = State("target:cloned", copy_on_target=True, mirrors=True)
HANDED_OVER = State("source:committed", committed=True, copy_on_target=True, runs_on_target=True)
"""The target may have made the clone heard before the source stops: what ends it, ends the only copy."""
ENCRYPTED_FETCHING = replace(FETCHING, options={**FETCHING.options, **TLS})


def states_of(strategy: Strategy) -> dict[str, State]:
    """The states of a strategy, in their order, from what distinguishes it."""
    copies_all_frozen = not strategy.tracks_writes and not strategy.needs_source_after_commit
    states = {"setup": SETUP, "active": ACTIVE}
    if strategy.tracks_writes:
        states["round"] = ROUND
    states |= {"switchover": SWITCHOVER, "frozen": FROZEN}
    if strategy.runs_before_commit:
        clone = {"cloned": CLONED, "restored": CLONE_RESTORED, "clone-runs": CLONE_RUNS}
        return {**states, **clone, "committed": HANDED_OVER, "completed": COMPLETED}
    if copies_all_frozen:
        states |= {"transfer": TRANSFER, "transfer-encrypted": ENCRYPTED_TRANSFER}
    states["restored"] = RESTORED
    if not strategy.needs_source_after_commit:
        return {**states, "committed": COMMITTED, "completed": COMPLETED}
    states |= {"committed": COMMITTED_BUT_MEMORY, "completed": COMPLETED_BUT_MEMORY, "postcopy-active": FETCHING}
    if not strategy.tracks_writes:
        states["postcopy-active-encrypted"] = ENCRYPTED_FETCHING
    return states


STATES = {name: states_of(strategy) for name, strategy in {**STRATEGIES, **ON_REQUEST}.items()}
"""By strategy its states, in their order."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        side: where: source, target or controller.
        act: of the fault injector; ``{peer}`` is the address of the other host.
        needs: what a state must have for the fault to matter; attributes of :class:`State`.
        ends_process: the process itself is killed where it runs, so that only a new one can be found afterwards.
        healed_after_s: the fault is undone after so many seconds; None: when the migration has ended.
        by_itself: the hosts reach a final state without another migration.
        stepped_clock: the hosts' Python has a clock that can be stepped.
    """

    side: str
    act: str
    needs: tuple[str, ...] = ()
    ends_process: bool = False
    healed_after_s: float | None = None
    by_itself: bool = True
    stepped_clock: bool = False

    def applies_to(self, state: State) -> bool:
        return all(getattr(state, need) for need in self.needs)


FAULTS = {
    "source_process_killed": Fault("source", "end_process", ("matters_on_source",), ends_process=True),
    "target_process_killed": Fault("target", "end_process", ("copy_on_target",), ends_process=True),
    "target_container_killed": Fault("target", "end_container", ends_process=True),
    "controller_killed": Fault("controller", ""),
    "source_agent_killed": Fault("source", "kill_worker"),
    "target_agent_killed": Fault("target", "kill_worker"),
    "source_agent_and_watchdog_killed": Fault("source", "kill_worker_and_watchdog", by_itself=False),
    "target_agent_and_watchdog_killed": Fault("target", "kill_worker_and_watchdog", by_itself=False),
    "source_pager_killed": Fault("source", "kill_pager", ("pages",)),
    "target_pager_killed": Fault("target", "kill_pager", ("pages",)),
    "source_mirror_killed": Fault("source", "kill_mirror", ("mirrors",)),
    "target_mirror_killed": Fault("target", "kill_mirror", ("mirrors",)),
    "target_agent_hangs": Fault("target", "hang_worker", ("armed",)),
    "target_pager_hangs": Fault("target", "hang_pager", ("armed",)),
    "restore_hangs": Fault("target", "hang_criu", ("armed",)),
    "page_server_hangs": Fault("target", "hang_page_server", ("receives",)),
    "link_cut": Fault("source", "cut {peer}"),
    "link_cut_and_back": Fault("source", "cut {peer}", healed_after_s=0.5),
    "memory_full": Fault("target", "fill", ("armed",)),
    "dump_fails": Fault("source", "end_criu", ("dumps",)),
    "restore_fails": Fault("target", "end_criu", ("restores",)),
    "clock_steps_forward": Fault("source", "step_clock 3600", stepped_clock=True),
    "clock_steps_back": Fault("target", "step_clock -3600", stepped_clock=True),
}


FATAL_IN_POSTCOPY = (
    "source_process_killed", "target_process_killed", "target_container_killed", "source_agent_and_watchdog_killed",
    "target_agent_and_watchdog_killed", "target_pager_killed", "link_cut",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A fault in a state of a strategy."""

    strategy: str
    state_name: str
    fault_name: str

    @property
    def name(self) -> str:
        """The CASE that runs it alone."""
        return f"{self.strategy}-{self.state_name}-{self.fault_name}"

    @property
    def state(self) -> State:
        return STATES[self.strategy][self.state_name]

    @property
    def fault(self) -> Fault:
        return FAULTS[self.fault_name]

    @property
    def by_requests(self) -> bool:
        """The workload's answers follow from its requests alone, so that a clone can say the same."""
        return self.strategy in ON_REQUEST

    @property
    def may_lose_the_process(self) -> bool:
        """Whether the fault ends the only copy, so that only a new process can be found afterwards.

        Before the commit the copy of the source counts, after it the copy of the target. When the target has restored
        the process, the migration succeeds without the frozen copy of the source; but a clone is not heard, and only a
        process that still runs can hand over to it.
        """
        state, fault = self.state, self.fault
        if not fault.ends_process:
            return False
        if fault.side == "source":
            return not state.copy_on_target or state.mirrors
        return state.runs_on_target

    @property
    def may_fail_for_good(self) -> bool:
        """Post-copy's documented loss: memory is on both hosts, and one of them, or the link, is gone."""
        return self.state.fetches and self.fault_name in FATAL_IN_POSTCOPY


def cases() -> Iterator[Case]:
    """Every case, in the order of the tables."""
    for strategy, states in STATES.items():
        for state_name, state in states.items():
            for fault_name, fault in FAULTS.items():
                if fault.applies_to(state):
                    yield Case(strategy, state_name, fault_name)


if __name__ == "__main__":
    print(*(case.name for case in cases()), sep="\n")
