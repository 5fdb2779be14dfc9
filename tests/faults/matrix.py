# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault in every state of every strategy: the tables from which the cases are generated.

A state is a moment that a saboteur (saboteur.py) awaits on one host; it stops the migration's worker there, so that the
fault strikes in that very state. A fault is an act on one host. What must hold afterwards follows from the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

SMALL_MB, BIG_MB, HUGE_MB = 20, 100, 300
SLOW = {"max_bandwidth": 25 << 20}
"""Bytes a second: what else would be over in a moment takes four seconds with much memory."""
TLS = {"encryption": "tls"}
POSTCOPY_TIMEOUT_S = 8


@dataclass(frozen=True)
class State:
    """A moment of a migration.

    Attributes:
        moment: as a saboteur awaits it; its first part is the host.
        deaf: a first moment, and the host that from then on hears no word of the other one until the fault has struck;
            so a moment that would be over at once lasts.
        committed: the source has given its copy up.
        armed: CRIU waits on both hosts, and the target's image file system is there.
        receives: CRIU's page server waits on the target; it ends with the dump.
        dumps: CRIU's dump is not over.
        restores: CRIU's restore is not over.
        copy_on_target: the process stands, or runs, on the target.
        runs_on_target: nothing can bring the source's copy back.
        fetches: the target runs and still needs pages of the source.
        memory_mb: of the workload; much, where the transfer must last.
        options: of the migration.
    """

    moment: str
    deaf: tuple[str, str] | None = None
    committed: bool = False
    armed: bool = False
    receives: bool = False
    dumps: bool = False
    restores: bool = False
    copy_on_target: bool = False
    runs_on_target: bool = False
    fetches: bool = False
    memory_mb: int = SMALL_MB
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def side(self) -> str:
        return self.moment.partition(":")[0]

    @property
    def matters_on_source(self) -> bool:
        """The source's copy may be gone back to, or holds what the other one lacks."""
        return not self.runs_on_target or self.fetches

    @property
    def pages(self) -> bool:
        """The pagers are at work, or wait for it."""
        return self.armed or self.restores or self.fetches


SETUP = State("source:setup")
ACTIVE = State("source:active")
ROUND = State("source:round=1", armed=True, receives=True, dumps=True, restores=True, memory_mb=BIG_MB, options=SLOW)
SWITCHOVER = State("source:switchover", armed=True, receives=True, dumps=True, restores=True)
FROZEN = State("source:dumping", armed=True, dumps=True, restores=True)
TRANSFER = State("source:dumping", armed=True, dumps=True, restores=True, memory_mb=HUGE_MB)
RESTORED = State("target:restored", deaf=("target:standing", "source"), restores=True, copy_on_target=True)
ENCRYPTED_TRANSFER = replace(TRANSFER, options=TLS)
COMMITTED = State("source:committed", deaf=("target:standing", "target"), committed=True, copy_on_target=True)
COMPLETED = State("target:completed", committed=True, copy_on_target=True, runs_on_target=True)
_POSTCOPY = {"postcopy_timeout_s": POSTCOPY_TIMEOUT_S}
COMPLETED_BUT_MEMORY = replace(COMPLETED, fetches=True, options=_POSTCOPY)
FETCHING = State(
    "source:progress=postcopy-active", committed=True, copy_on_target=True, runs_on_target=True, fetches=True,
    memory_mb=BIG_MB, options={**SLOW, **_POSTCOPY},
)  # fmt: skip
ENCRYPTED_FETCHING = replace(FETCHING, options={**FETCHING.options, **TLS})

_BEFORE = {"setup": SETUP, "active": ACTIVE}
_SWITCH = {"switchover": SWITCHOVER, "frozen": FROZEN}
_AFTER = {"restored": RESTORED, "committed": COMMITTED}
_END = {"completed": COMPLETED}
_POSTCOPY_END = {"completed": COMPLETED_BUT_MEMORY, "postcopy-active": FETCHING}
STRATEGIES: dict[str, dict[str, State]] = {
    "inter_copy": {
        **_BEFORE, **_SWITCH, "transfer": TRANSFER, "transfer-encrypted": ENCRYPTED_TRANSFER, **_AFTER, **_END,
    },
    "pre_copy": {**_BEFORE, "round": ROUND, **_SWITCH, **_AFTER, **_END},
    "post_copy": {
        **_BEFORE, **_SWITCH, **_AFTER, **_POSTCOPY_END, "postcopy-active-encrypted": ENCRYPTED_FETCHING,
    },
    "hybrid": {**_BEFORE, "round": ROUND, **_SWITCH, **_AFTER, **_POSTCOPY_END},
}  # fmt: skip
"""By strategy its states, in their order."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        side: where it does: source, target or controller.
        act: of the saboteur; ``{peer}`` is the other host's address.
        needs: what a state must have to be struck by it; attributes of :class:`State`.
        ends_process: the process itself is killed where it runs, so that only a new one can be found afterwards.
        mends_after_s: the fault is undone so long after it struck; None: when the migration is over.
        by_itself: the hosts settle without a next run.
        stepped_clock: the hosts' Python has a clock that can be stepped.
    """

    side: str
    act: str
    needs: tuple[str, ...] = ()
    ends_process: bool = False
    mends_after_s: float | None = None
    by_itself: bool = True
    stepped_clock: bool = False

    def strikes(self, state: State) -> bool:
        return all(getattr(state, need) for need in self.needs)


FAULTS = {
    "source_process_killed": Fault("source", "end_process", ("matters_on_source",), ends_process=True),
    "target_process_killed": Fault("target", "end_process", ("copy_on_target",), ends_process=True),
    "target_container_killed": Fault("target", "end_container", ends_process=True),
    "controller_killed": Fault("controller", ""),
    "source_agent_killed": Fault("source", "kill_worker"),
    "target_agent_killed": Fault("target", "kill_worker"),
    "source_agent_and_guardian_killed": Fault("source", "kill_worker_and_guardian", by_itself=False),
    "target_agent_and_guardian_killed": Fault("target", "kill_worker_and_guardian", by_itself=False),
    "source_pager_killed": Fault("source", "kill_pager", ("pages",)),
    "target_pager_killed": Fault("target", "kill_pager", ("pages",)),
    "target_agent_hangs": Fault("target", "hang_worker", ("armed",)),
    "target_pager_hangs": Fault("target", "hang_pager", ("armed",)),
    "restore_hangs": Fault("target", "hang_criu", ("armed",)),
    "page_server_hangs": Fault("target", "hang_page_server", ("receives",)),
    "link_cut": Fault("source", "cut {peer}"),
    "link_cut_and_back": Fault("source", "cut {peer}", mends_after_s=0.5),
    "memory_full": Fault("target", "fill", ("armed",)),
    "dump_fails": Fault("source", "end_criu", ("dumps",)),
    "restore_fails": Fault("target", "end_criu", ("restores",)),
    "clock_steps_forward": Fault("source", "step_clock 3600", stepped_clock=True),
    "clock_steps_back": Fault("target", "step_clock -3600", stepped_clock=True),
}


FATAL_IN_POSTCOPY = (
    "source_process_killed", "target_process_killed", "target_container_killed", "source_agent_and_guardian_killed",
    "target_agent_and_guardian_killed", "target_pager_killed", "link_cut",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A fault that strikes in a state of a strategy."""

    strategy: str
    state_name: str
    fault_name: str

    @property
    def name(self) -> str:
        """What it is reproduced by."""
        return f"{self.strategy}-{self.state_name}-{self.fault_name}"

    @property
    def state(self) -> State:
        return STRATEGIES[self.strategy][self.state_name]

    @property
    def fault(self) -> Fault:
        return FAULTS[self.fault_name]

    @property
    def may_lose_the_process(self) -> bool:
        """Whether the fault ends the only copy; a new process is all there can be then.

        Before the commit the source's is the only one that counts, and after it the target's. A frozen copy that was
        killed on the source is not missed when the process goes on on the target, where it stands already.
        """
        state, fault = self.state, self.fault
        if not fault.ends_process:
            return False
        if fault.side == "source":
            return not state.copy_on_target
        return state.runs_on_target

    @property
    def may_fail_for_good(self) -> bool:
        """Post-copy's documented end: half of the memory here, half there, and one of them, or the way, is gone."""
        return self.state.fetches and self.fault_name in FATAL_IN_POSTCOPY


def cases() -> Iterator[Case]:
    """Every case, in the order of the tables."""
    for strategy, states in STRATEGIES.items():
        for state_name, state in states.items():
            for fault_name, fault in FAULTS.items():
                if fault.strikes(state):
                    yield Case(strategy, state_name, fault_name)


if __name__ == "__main__":
    print(*(case.name for case in cases()), sep="\n")
