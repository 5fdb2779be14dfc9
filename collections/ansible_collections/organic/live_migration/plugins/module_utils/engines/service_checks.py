# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What prevents the move of a Docker Swarm service, and what could go wrong in it. Works on what a manager answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import paths
from ..errors import Blocker

LABEL = "organic.live_migration.move"
"""Of a service that is moving: what it was like before."""
SECOND_NS = 1_000_000_000
_DEFAULT_INTERVAL_S = 30.0
_DEFAULT_RETRIES = 3
_DEFAULT_STOP_GRACE_S = 10.0
"""Docker's own, of a service that sets none."""
_IN_UPDATE = ("updating", "paused", "rollback_started", "rollback_paused")


@dataclass
class Findings:
    """What a manager knows about a move.

    Attributes:
        notes: what the user should know before the move, in whole sentences.
        configurations: by the name of each network of the service that of the configuration which its nodes must have.
    """

    blockers: list[Blocker] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    configurations: dict[str, str] = field(default_factory=dict)


def unreachable(reason: str) -> Blocker:
    """No manager, or too few of them, answer."""
    return Blocker(
        "swarm_unreachable",
        f"The Swarm does not answer: {reason.rstrip('.')}",
        "Bring a majority of its managers back; 'docker node ls' shows them",
    )


def networks_of(service: Mapping[str, Any]) -> list[str]:
    """Ids of the networks of a service."""
    return [one["Target"] for one in service["Spec"].get("TaskTemplate", {}).get("Networks") or ()]


@dataclass(frozen=True)
class ServiceChecks:
    """Judges the move of one service.

    Attributes:
        service: as the engine's API describes it.
        nodes: of the Swarm, by their ids.
        networks: of the service; None for one that is gone.
        patience_s: how long the new task may take until it is healthy.
    """

    service: Mapping[str, Any]
    nodes: Mapping[str, Mapping[str, Any]]
    networks: Sequence[Mapping[str, Any] | None]
    patience_s: float

    @property
    def _name(self) -> str:
        return str(self.service["Spec"]["Name"])

    @property
    def _container(self) -> Mapping[str, Any]:
        container: Mapping[str, Any] = self.service["Spec"]["TaskTemplate"]["ContainerSpec"]
        return container

    def findings(self, source: str, target: str) -> Findings:
        """Of a move from a node to another, which are given by their ids."""
        blockers = [
            *self._mode(),
            *self._health(),
            *self._membership(source, "source"),
            *self._membership(target, "target"),
            *self._target(self.nodes.get(target)),
            *self._overlays(),
        ]
        return Findings(blockers, list(self._stop_grace()), dict(self._configurations()))

    def _mode(self) -> Iterator[Blocker]:
        spec = self.service["Spec"]
        mode = spec["Mode"]
        if "Replicated" not in mode:
            yield Blocker(
                "service_mode",
                f"Service '{self._name}' has mode {'/'.join(mode).lower()}, whose tasks stay on their nodes",
                "Deploy it with mode replicated and one replica",
            )
            return
        replicas = mode["Replicated"].get("Replicas", 1)
        if replicas != 1:
            yield Blocker(
                "service_replicas",
                f"Service '{self._name}' has {replicas} replicas; only the task of a service with one can be moved",
                f"docker service scale {self._name}=1, or have Swarm start its replicas elsewhere",
            )
        state = (self.service.get("UpdateStatus") or {}).get("State", "")
        if LABEL in (spec.get("Labels") or {}):
            yield Blocker(
                "service_moving",
                f"Another move of service '{self._name}' has not ended",
                "Wait for it; if it was interrupted, run the migration again",
            )
        elif state in _IN_UPDATE:
            yield Blocker(
                "service_updating",
                f"An update of service '{self._name}' is {state.replace('_', ' ')}",
                f"Wait until it has ended; one that is paused ends with docker service rollback {self._name}",
            )

    def _health(self) -> Iterator[Blocker]:
        check = self._container.get("Healthcheck") or {}
        if check.get("Test") != ["CMD", paths.INIT, "health"]:
            yield Blocker(
                "service_health",
                f"Service '{self._name}' is not checked by '{paths.INIT} health', so that Swarm would end the old "
                "task before its process has moved",
                "Deploy it with that as its health check (CMD, not CMD-SHELL)",
            )
            return
        interval_s = check.get("Interval", 0) / SECOND_NS or _DEFAULT_INTERVAL_S
        given_s = check.get("StartPeriod", 0) / SECOND_NS + interval_s * (check.get("Retries", 0) or _DEFAULT_RETRIES)
        if given_s < self.patience_s:
            yield Blocker(
                "service_health_time",
                f"The health check of service '{self._name}' gives a new task {given_s:.0f} s, and a migration "
                f"may take {self.patience_s:.0f} s",
                f"Set its start_period to {self.patience_s:.0f}s or more, or lower timeout_s",
            )

    def _membership(self, node: str, side: str) -> Iterator[Blocker]:
        if node not in self.nodes:
            yield Blocker(
                "not_in_swarm",
                f"The {side} host is no node of the Swarm of service '{self._name}'",
                "Have it join: docker swarm join",
            )

    @staticmethod
    def _target(node: Mapping[str, Any] | None) -> Iterator[Blocker]:
        if node is None:
            return
        name, state = node["Description"]["Hostname"], node["Status"]["State"]
        availability = node["Spec"]["Availability"]
        if state != "ready":
            yield Blocker(
                "node_down",
                f"The target node {name} is {state} for the Swarm",
                "Start Docker there, and see that it reaches the managers; 'docker node ls' shows its state",
            )
        elif availability != "active":
            yield Blocker(
                "node_unavailable",
                f"The target node {name} has availability {availability}, so that Swarm starts no task there",
                f"docker node update --availability active {name}",
            )

    def _overlays(self) -> Iterator[Blocker]:
        for network in self.networks:
            if network is not None and network["Driver"] == "overlay":
                yield Blocker(
                    "overlay",
                    f"The network '{network['Name']}' is an overlay, on which a task on another node gets another "
                    "address",
                    "Put the service on a macvlan network of the Swarm, or redeploy it instead",
                )

    def _configurations(self) -> Iterator[tuple[str, str]]:
        for network in self.networks:
            name = ((network or {}).get("ConfigFrom") or {}).get("Network", "")
            if network is not None and name:
                yield network["Name"], name

    def _stop_grace(self) -> Iterator[str]:
        """A manager that is started again in the move ends the old task at once; the init puts that off."""
        given = self._container.get("StopGracePeriod")
        given_s = _DEFAULT_STOP_GRACE_S if given is None else given / SECOND_NS
        if given_s < self.patience_s:
            yield (
                f"Service '{self._name}' has a stop_grace_period of {given_s:.0f} s: if a manager of the Swarm starts "
                "again while the process moves, Swarm ends the old task, and its process is killed after that time. "
                f"Deploy the service with {self.patience_s:.0f}s or more (the change starts its task again)."
            )
