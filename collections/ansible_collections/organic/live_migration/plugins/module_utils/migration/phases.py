# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of the agent module: what the controller sends to a host, and what the host answers.

Both sides use these classes. Nothing here needs what only a host has.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import typed
from ..engines import registry
from ..engines.spec import ContainerSpec
from ..engines.swarm import ServiceMove
from ..errors import Blocker
from ..host.cpu import Cpu
from ..host.holdings import Holdings
from ..memory import dirty_tracking
from ..session.channel import Credentials
from ..session.options import Options, Plan
from ..session.outcome import Outcome, Pending

# What became of the process of an interrupted migration, on the host that is asked

RUNNING = "running"
EXITED = "exited"
"""It ran there, and runs no more."""
NEVER_RAN = "never_ran"
LOST = "lost"
"""It ran there before it had all its memory, and exited: its state is lost. Decided on the source host."""
TARGET_OUTCOMES = (RUNNING, EXITED, NEVER_RAN)


@dataclass(frozen=True)
class PlanParameters:
    """The plan of a migration before the strategy is chosen, and without the secrets; see :class:`options.Plan`."""

    migration_id: str
    name: str
    peer: str
    timeout_s: int
    memory_bytes: int
    options: Options

    def decided(self, credentials: Credentials) -> Plan:
        """The plan as an end of the migration takes it.

        Raises:
            ValueError: the strategy is not chosen.
        """
        return Plan(
            self.migration_id, self.name, self.peer, self.timeout_s, credentials, self.memory_bytes, self.options
        )


@dataclass
class Parameters:
    """The options of the agent module, where they are described."""

    phase: str
    name: str = ""
    plan: PlanParameters | None = None
    credentials: Credentials | None = None
    source: ContainerSpec | None = None
    engine: str = registry.DEFAULT
    engine_id: str = ""
    source_cpu: Cpu = field(default_factory=Cpu)
    system_files: list[str] = field(default_factory=list)
    memory_reserve_mb: int = 256
    shared_volumes: list[str] = field(default_factory=list)
    copy_missing_mounts: bool = False
    end_cluster_connections: bool = False
    mount_copies: dict[str, str] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    port: int = 0
    migration_id: str = ""
    events_seen: int = -1
    wait_s: float = 1.0
    patience_s: float = 45.0
    measure: bool = False
    tracks_pages: bool = False
    clones: bool = False
    page_tracking: str = dirty_tracking.AUTO
    trial_dump: bool = False
    outcome: str = ""
    method: str = "resident"
    action: str = ""
    source_node: str = ""
    target_node: str = ""
    dry_run: bool = False

    @property
    def decided_plan(self) -> Plan:
        """Raises ValueError when the phase came without one."""
        if self.plan is None or self.credentials is None:
            raise ValueError(f"The phase '{self.phase}' needs a plan and credentials")
        return self.plan.decided(self.credentials)

    def as_module_arguments(self) -> dict[str, object]:
        return {name: value for name, value in typed.to_dict(self).items() if value not in (None, "")}


# What is found and done on a host


@dataclass(frozen=True)
class InDoubt:
    """A committed migration whose frozen copy is on the host, and whose target must be asked."""

    migration_id: str
    name: str
    target_host: str


@dataclass(frozen=True)
class Recovered:
    """One end of an interrupted migration that the host could recover alone.

    Attributes:
        role: of the host, ``source`` or ``target``.
        peer: inventory name of the other host.
        outcome: ``running`` when the process runs on this host, ``never_ran`` when what had been prepared for it was
            removed.
        not_restored: settings of its network that the kernel refused to set again.
    """

    migration_id: str
    name: str
    role: str
    peer: str
    outcome: str
    not_restored: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class NotRecovered:
    """One end of an interrupted migration whose recovery failed; the others were recovered all the same.

    Attributes:
        name: of the container; empty when the record cannot be read.
        reason: why, in a sentence.
    """

    migration_id: str
    name: str
    role: str
    reason: str


@dataclass(frozen=True)
class InProgress:
    """A migration that is not interrupted."""

    migration_id: str
    name: str
    role: str
    peer: str


@dataclass
class HostMigrations:
    """The migrations of a host; the answer to ``recover``.

    Attributes:
        supervised: names of the containers that a controller is about to migrate, or waits for.
        node: id of the host in its Docker Swarm; empty where it is in none.
        is_manager: of that Swarm.
    """

    recovered: list[Recovered] = field(default_factory=list)
    in_doubt: list[InDoubt] = field(default_factory=list)
    in_progress: list[InProgress] = field(default_factory=list)
    not_recovered: list[NotRecovered] = field(default_factory=list)
    supervised: list[str] = field(default_factory=list)
    node: str = ""
    is_manager: bool = False


# The answers


@dataclass
class PreflightAnswer:
    """Of the source, to ``preflight``.

    Attributes:
        source: the container; None when there is none.
        memory_bytes: that its processes have in use.
        files_bytes: of its own layer and its tmpfs mounts.
        compared_bytes: of large files that processes can write to anywhere.
        cpu: of the source host.
        dirty_pages_per_s: None when it was not measured, or cannot be.
        doubts: about the strategy, in whole sentences.
        queued: the migration has begun, and must wait until others have ended.
        holdings: what its processes hold besides private memory.
        mount_copies: what small read-only bind mounts hold, by their source; where that was asked for.
        system_files: that are open below /sys and /proc.
        cpu_slowdown: by the load of the source host, see :class:`host.cpu_wait.CpuWait`.
        trial_downtime_ms: for so long a trial dump stopped the process; None without one.
    """

    blockers: list[Blocker] = field(default_factory=list)
    in_doubt: list[InDoubt] = field(default_factory=list)
    source: ContainerSpec | None = None
    engine_id: str = ""
    memory_bytes: int = 0
    files_bytes: int = 0
    compared_bytes: int = 0
    processes: int = 0
    cpu: Cpu = field(default_factory=Cpu)
    dirty_pages_per_s: float | None = None
    doubts: list[str] = field(default_factory=list)
    queued: bool = False
    mount_copies: dict[str, str] = field(default_factory=dict)
    system_files: list[str] = field(default_factory=list)
    holdings: Holdings = field(default_factory=Holdings)
    cpu_slowdown: float = 1.0
    trial_downtime_ms: float | None = None


@dataclass
class PrepareAnswer:
    """Of the target, to ``prepare``.

    Attributes:
        port: at which its agent waits for the source; 0 when nothing was prepared.
        queued: other migrations must end before.
        present: status of a container of this name before the migration; empty when there was none.
    """

    blockers: list[Blocker] = field(default_factory=list)
    port: int = 0
    queued: bool = False
    present: str = ""


@dataclass
class PollAnswer:
    """Of the source, to ``start`` and ``poll``: the outcome, or how far the migration is."""

    outcome: Outcome | None = None
    pending: Pending | None = None

    @classmethod
    def of(cls, found: Outcome | Pending) -> PollAnswer:
        return cls(outcome=found) if isinstance(found, Outcome) else cls(pending=found)


@dataclass
class OutcomeAnswer:
    """Of the target, to ``query_outcome``, and of the source, to ``resolve``: what became of the process."""

    outcome: str


@dataclass
class BandwidthServerAnswer:
    """Of the target, to ``bandwidth_server``: the port on which it takes bytes for a moment."""

    port: int


@dataclass
class BandwidthClientAnswer:
    """Of the source, to ``bandwidth_client``."""

    link_bytes_per_s: float


@dataclass
class NodeAnswer:
    """Of any host, to ``swarm_node``.

    Attributes:
        node: its id in its Docker Swarm; empty where it is in none.
        blockers: why its engine cannot be asked.
        configurations: as of :class:`SwarmNode`.
    """

    node: str
    is_manager: bool
    blockers: list[Blocker] = field(default_factory=list)
    configurations: dict[str, str] = field(default_factory=dict)


@dataclass
class SwarmAnswer:
    """Of a manager, to ``swarm_service``.

    Attributes:
        blockers, notes, configurations: answer to ``check``, as of :class:`Findings`.
        done: answer to ``recover``: ``commit``, ``revert`` or nothing.
    """

    blockers: list[Blocker] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    configurations: dict[str, str] = field(default_factory=dict)
    done: str = ""


@dataclass
class MovesAnswer:
    """Of a manager, to ``swarm_moves``."""

    moves: list[ServiceMove] = field(default_factory=list)


@dataclass
class AwaitFilesAnswer:
    """Of any host, to ``await_files``.

    Attributes:
        files: those that are valid until they are removed: by their init's name, the id of the migration.
        migrations: ids of those that this host accompanies, or has a record of.
        running: names of the containers that have their process.
        waiting: names of those that run without it.
    """

    files: dict[str, str] = field(default_factory=dict)
    migrations: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


@dataclass
class Done:
    """The answer of a phase that has nothing to report."""


# The phases

PREFLIGHT = "preflight"
PREPARE = "prepare"
START = "start"
POLL = "poll"
ABORT_QUEUED = "abort_queued"
QUERY_OUTCOME = "query_outcome"
RESOLVE = "resolve"
DISCARD_TARGET = "discard_target"
RECOVER = "recover"
ALL = "*"
"""In place of a container's name, for the phase RECOVER: no name has an asterisk."""
BANDWIDTH_SERVER = "bandwidth_server"
BANDWIDTH_CLIENT = "bandwidth_client"
SWARM_NODE = "swarm_node"
SWARM_SERVICE = "swarm_service"
SWARM_MOVES = "swarm_moves"
AWAIT_FILE = "await_file"
AWAIT_FILES = "await_files"

# Actions of SWARM_SERVICE and of AWAIT_FILE

CHECK, PLACE, COMMIT, REVERT = "check", "place", "commit", "revert"
AWAIT, HOLD, REVOKE = "await", "hold", "revoke"
ACTIONS = (CHECK, PLACE, COMMIT, REVERT, RECOVER, AWAIT, HOLD, REVOKE)

PHASES: dict[str, tuple[str, ...]] = {
    PREFLIGHT: ("name",),
    PREPARE: ("name", "plan", "credentials", "source"),
    START: ("plan", "credentials", "addresses", "port"),
    POLL: ("migration_id",),
    ABORT_QUEUED: ("migration_id",),
    QUERY_OUTCOME: ("name", "migration_id"),
    RESOLVE: ("migration_id", "outcome"),
    DISCARD_TARGET: ("name", "migration_id"),
    RECOVER: (),
    BANDWIDTH_SERVER: ("credentials",),
    BANDWIDTH_CLIENT: ("credentials", "addresses", "port"),
    SWARM_NODE: (),
    SWARM_SERVICE: ("name", "action"),
    SWARM_MOVES: (),
    AWAIT_FILE: ("name", "action"),
    AWAIT_FILES: (),
}
"""Each phase, and the parameters that it needs."""
