# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of a container engine: containers of this host, each described without the engine's own notions.

An engine can be a daemon (Docker) or nothing but /proc, where a cluster creates, starts and removes the containers:
methods that change a container then have nothing to do, and :meth:`Engine.create_awaiting` finds what was placed.
"""

from __future__ import annotations

import datetime
import enum
import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from .. import paths
from ..errors import Blocker, EngineError
from ..host.mounted_content import MountedContent
from .swarm import ServiceMove, SwarmService
from .swarm_node import SwarmNode

RUNNING = "running"
CLUSTER_SOCKETS = ("cluster_connection", "cluster_socket")
"""Blockers of sockets whose address stays on the host."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_AWAIT_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
"""As src/await.h accepts it: a file name that never leaves its directory."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]*")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


class Side(enum.Enum):
    """Which end of a migration a host is."""

    SOURCE = "source"
    TARGET = "target"


@dataclass(frozen=True)
class RestartPolicy:
    """Whether the engine starts a container again that has ended.

    Attributes:
        name: ``no``, ``on-failure``, ``always`` or ``unless-stopped``.
        max_retries: of ``on-failure``; 0 is no limit.
    """

    name: str = "no"
    max_retries: int = 0

    def __post_init__(self) -> None:
        if self.name not in ("no", "on-failure", "always", "unless-stopped"):
            raise ValueError(f"unknown restart policy '{self.name}'")
        if self.max_retries < 0:
            raise ValueError(f"restart policy with max_retries {self.max_retries}")

    def restarts(self, exit_code: int) -> bool:
        """Whether a container is started again after it ended by itself with this exit status."""
        return self.name in ("always", "unless-stopped") or (self.name == "on-failure" and exit_code != 0)


@dataclass(frozen=True)
class NetworkAttachment:
    """A network that a container is on, and its addresses there; an address is empty where it has none.

    Attributes:
        aliases: further names of the container on this network.
    """

    name: str
    ipv4: str = ""
    mac: str = ""
    ipv6: str = ""
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.ipv4:
            ipaddress.IPv4Address(self.ipv4)
        if self.ipv6:
            ipaddress.IPv6Address(self.ipv6)
        if self.mac and not _MAC.fullmatch(self.mac):
            raise ValueError(f"'{self.mac}' is not a MAC address")


@dataclass(frozen=True)
class VolumeMount:
    """A file system that the engine mounted into a container.

    Attributes:
        kind: ``bind``, ``volume``, ``tmpfs``, or another of the engine's.
        source: a path of the host, the name of a volume, or empty where the engine has nothing to name.
        content: of a read-only one on the source host, once the preflight has looked.
    """

    kind: str
    destination: str
    writable: bool
    source: str = ""
    content: MountedContent | None = None


@dataclass(frozen=True)
class ContainerSpec:
    """A container of one host, as it is now. The source host's is sent to the target host.

    Attributes:
        name: the same on both hosts of a migration.
        id: at this host's engine.
        image: its reference, for messages.
        image_id: of its content.
        entrypoint: path of the program that its first process was started from.
        await_key: name under which the resident init looks for its await file (``--name``); None for other programs.
        status: ``running``, or the engine's word for what it is instead.
        pid: of its first process as the host counts; 0 when there is none.
        started_at: when it was started last, ISO 8601 in UTC; year 1 if never.
        networks: that the engine manages.
        restart_policy: its own, also while that is suspended on this host by a migration of its predecessor.
        tty: it has a terminal.
        host_network: it shares the network namespace of its host.
        service: name of the service that a cluster runs it for; empty for a container on its own.
        kept_interfaces: whose addresses belong to the host, or to its cluster, and stay when the process moves.
        kept_addresses: of these interfaces, if their connections end with the migration instead of preventing it.
        native: whatever else its engine needs to create one like it. Only that engine reads it.
    """

    name: str
    id: str
    image: str
    image_id: str
    entrypoint: str
    await_key: str | None
    status: str
    pid: int
    started_at: str
    networks: tuple[NetworkAttachment, ...] = ()
    mounts: tuple[VolumeMount, ...] = ()
    restart_policy: RestartPolicy = RestartPolicy()
    tty: bool = False
    host_network: bool = False
    service: str = ""
    kept_interfaces: tuple[str, ...] = ()
    kept_addresses: tuple[str, ...] = ()
    native: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"'{self.name}' is not the name of a container")
        if not _ID.fullmatch(self.id):
            raise ValueError(f"'{self.id}' is not the id of a container")
        if self.await_key is not None and not _AWAIT_KEY.fullmatch(self.await_key):
            raise ValueError(f"'{self.await_key}' is not the name of an await file")
        if self.pid < 0:
            raise ValueError(f"{self.pid} is not a process id")
        _seconds_since_epoch(self.started_at)

    @property
    def running(self) -> bool:
        return self.status == RUNNING

    @property
    def has_resident_init(self) -> bool:
        """Whether its first process is the resident init."""
        return self.entrypoint == paths.INIT

    @property
    def started_at_s(self) -> float:
        """When it was started last, in seconds since the epoch; long ago if never."""
        return _seconds_since_epoch(self.started_at)


@dataclass(frozen=True)
class AddressPool:
    """Addresses that a network gives to its containers; the gateway is empty where it has none."""

    subnet: str
    gateway: str = ""


@dataclass(frozen=True)
class NetworkSpec:
    """A network that the engine of a host manages.

    Attributes:
        driver: the engine's name for the kind of network.
        options: of the driver.
    """

    name: str
    driver: str
    options: dict[str, str] = field(default_factory=dict)
    pools: tuple[AddressPool, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For the result of a module."""
        return asdict(self)


def _seconds_since_epoch(text: str) -> float:
    """Of a time in ISO 8601, in UTC; Python 3.9 reads no fractions of nine digits, and no Z."""
    seconds = text.partition(".")[0].rstrip("Z")
    return datetime.datetime.fromisoformat(seconds).replace(tzinfo=datetime.timezone.utc).timestamp()


def await_key(command: Sequence[str]) -> str | None:
    """The name under which a resident init looks for its await file (``--name``); None for any other program."""
    if not command or command[0] != paths.INIT:
        return None
    for option, value in zip(command[1:], command[2:]):
        if option == "--name":
            return value if _AWAIT_KEY.fullmatch(value) else None
        if option == "--":
            break
    return None


class Checkpoints(ABC):
    """An engine's own checkpoint and restore of a whole container, which method ``engine`` uses."""

    @abstractmethod
    def blockers(self) -> list[Blocker]:
        """Why the engine of this host can do neither; empty if it can."""

    @abstractmethod
    def create_stopped(self, spec: ContainerSpec) -> str:
        """Create the container to restore into, like one of another host; returns its id."""

    @abstractmethod
    def dump(self, spec: ContainerSpec, checkpoint: str) -> None:
        """Write a checkpoint of a running container, and end it."""

    @abstractmethod
    def restore(self, name: str, checkpoint: str) -> None:
        """Start a stopped container from a checkpoint."""

    @abstractmethod
    def directory(self, container_id: str, checkpoint: str) -> str:
        """Where the engine keeps a checkpoint; it restores from nowhere else."""

    @abstractmethod
    def upper_directory(self, spec: ContainerSpec) -> str:
        """Where the engine keeps what a container wrote into its own layer.

        Raises:
            EngineError: it has no such directory.
        """


class Engine(ABC):
    """The containers of this host. It may be used on both sides of a fork.

    Every method raises EngineError when the engine does not answer or refuses.
    """

    name: ClassVar[str]
    restarts_in_place: ClassVar[bool] = False
    """Whether a cluster starts a container again that has ended, instead of a new one in its place."""

    def __init__(self, address: str | None = None) -> None:
        """Connect to the engine of this host.

        Args:
            address: where it listens, if not at its usual place.

        Raises:
            Refused: it cannot be used here; the blockers say why.
        """
        self.address = address

    @classmethod
    def is_present(cls) -> bool:
        """Whether this host has the engine, even if that does not answer."""
        return True

    @property
    def checkpoints(self) -> Checkpoints | None:
        """The engine's own checkpoints; None where it has none."""
        return None

    @abstractmethod
    def identity(self) -> str:
        """The same under whatever name the host is known, and another on every other host."""

    @abstractmethod
    def inspect(self, name: str) -> ContainerSpec | None:
        """A container by its name or id; None when there is none.

        The name of a cluster's service is that of its container on this host, too.
        """

    def running_containers(self) -> list[ContainerSpec]:
        """All that run, by name; none of an engine that cannot list them."""
        return []

    @abstractmethod
    def blockers(self, spec: ContainerSpec, side: Side) -> list[Blocker]:
        """What keeps a container of the source host from leaving this host, or from arriving here."""

    def path_of(self, mount: VolumeMount, container: ContainerSpec | None) -> str:
        """Where on this host the source of a mount is; empty where it has none, or one that is not this host's own.

        Args:
            container: of this host that has the mount; None where there is none yet.
        """
        return mount.source if mount.kind == "bind" else ""

    @abstractmethod
    def create_awaiting(self, spec: ContainerSpec) -> str:
        """Create a container like one of the source host, with its IP addresses; returns its id.

        It has MAC addresses of its own, and is not restarted until :meth:`restore_restarts`: without the process, a
        restart would start a second one. An engine whose containers a cluster places waits for that one instead.
        """

    @abstractmethod
    def start(self, container_id: str) -> ContainerSpec:
        """Start a container, and look at it.

        Raises:
            EngineError: it cannot be started, or ended as soon as it was.
        """

    @abstractmethod
    def restart_if_ended(self, container_id: str, policy: RestartPolicy) -> None:
        """Start a container that ended while its restarts were suspended, if the policy had it restarted.

        If it cannot be started it stays as it is, as if the engine had tried.
        """

    @abstractmethod
    def suspend_restarts(self, container_id: str) -> None:
        """From now on the container stays stopped when it has ended. Nothing happens when it is gone."""

    @abstractmethod
    def restore_restarts(self, container_id: str, policy: RestartPolicy) -> None:
        """Give a container its restart policy back. Nothing happens when it is gone."""

    @abstractmethod
    def wait_until_stopped(self, container_id: str, timeout_s: float = 30) -> None:
        """Wait until a container has ended, or is gone.

        Raises:
            EngineError: it has not within ``timeout_s``.
        """

    @abstractmethod
    def wait_until_exit_seen(self, container_id: str, pid: int, timeout_s: float) -> None:
        """Wait until the engine has seen that a container's first process has ended, ``timeout_s`` at most.

        Until then it may refuse to change the container.
        """

    def log_directory(self, container_id: str) -> str:
        """Where a container's log is, see :class:`kept_log.KeptLog`; empty where that is elsewhere."""
        del container_id
        return ""

    @abstractmethod
    def remove(self, container_id: str, running: bool = True) -> None:
        """Remove a container, also a running one if wanted. Nothing happens when it is gone."""

    @abstractmethod
    def image_id(self, reference: str) -> str | None:
        """The id of an image of this host; None when it is missing."""

    @abstractmethod
    def network(self, name: str) -> NetworkSpec | None:
        """A network that the engine manages; None when there is none."""

    @abstractmethod
    def networks(self) -> list[NetworkSpec]:
        """All networks that the engine manages."""

    def in_swarm(self) -> bool:
        """Whether the engine is an active node of a Docker Swarm."""
        return False

    def has_ended_task(self, service: str) -> bool:
        """Whether this host has a container of a cluster's service that has ended, and none that has not."""
        return False

    def swarm_node(self) -> SwarmNode:
        """This host in its Docker Swarm."""
        return SwarmNode()

    def swarm_moves(self) -> list[ServiceMove]:
        """The moves of services that nobody has ended yet, where this host is a manager of a Docker Swarm."""
        return []

    def swarm_service(self, name: str) -> SwarmService:
        """A service of the Docker Swarm that this host is a manager of.

        Raises:
            EngineError: it is none.
        """
        raise EngineError(f"The engine '{self.name}' manages no service '{name}'.")
