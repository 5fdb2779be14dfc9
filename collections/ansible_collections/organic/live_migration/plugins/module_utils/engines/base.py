# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of a container engine: what can be asked of the one of this host, and done with its containers.

An engine can be a daemon (Docker) or nothing but /proc, where a cluster creates, starts and removes the containers:
methods that change a container then have nothing to do, and :meth:`Engine.create_awaiting` finds what was placed.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from typing import ClassVar

from ..errors import Blocker, EngineError
from .spec import ContainerSpec, NetworkSpec, RestartPolicy, VolumeMount
from .swarm import ServiceMove, SwarmService
from .swarm_node import SwarmNode

CLUSTER_SOCKETS = ("cluster_connection", "cluster_socket")
"""Blockers of sockets whose address stays on the host."""


class Side(enum.Enum):
    """Which end of a migration a host is."""

    SOURCE = "source"
    TARGET = "target"


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
