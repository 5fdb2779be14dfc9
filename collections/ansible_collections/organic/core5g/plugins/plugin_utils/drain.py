# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it takes to empty a host, or to bring its containers back. Works on surveys of the hosts; asks nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils import policy
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.plugin_utils.placement import Load, Room, place
from ansible_collections.organic.live_migration.plugins.module_utils.migration.methods import METHODS

AWAY, BACK = "away", "back"
NFS_ONLY, ALL = "nfs", "all"
MIGRATE, LEAVE = "migrate", "leave"
"""What is done with stateless NFs. Their redeployment by the orchestrator is to become a third choice; the plan then
gives such a move another ``how``."""

Survey = Mapping[str, Any]
"""Result of nf_survey on a host, which may have failed or have been unreachable."""


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    Attributes:
        host: that is emptied, or whose containers come back.
        direction: AWAY or BACK.
        hosts: all hosts of the play.
        containers: NFS_ONLY, ALL, or names of containers that are moved besides the NFs.
        stateless: MIGRATE or LEAVE.
        strategy, method: as of policy.Request.
        home: BACK: names of the containers that have left the host.
        namespace: of the NFs on Kubernetes, which their containers' names begin with; else empty.
    """

    host: str
    direction: str
    hosts: Sequence[str]
    containers: str | Collection[str] = NFS_ONLY
    stateless: str = MIGRATE
    strategy: str = policy.PROFILE
    method: str = "resident"
    home: Collection[str] = ()
    namespace: str = ""


@dataclass(frozen=True)
class Core:
    """What a drain must know of the core's NFs.

    Attributes:
        depends_on: names of those whose services an NF uses.
        fixed_drivers: names of an NF's network drivers on which it cannot keep its address on another host.
        kept: numbers in the state of an NF that must not shrink.
    """

    names: list[str]
    profiles: dict[str, dict[str, Any]]
    depends_on: dict[str, list[str]]
    fixed_drivers: dict[str, list[str]]
    kept: dict[str, list[str]] = field(default_factory=dict)
    sctp_remedy: str = ""

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Core:
        """From the result of nf_description, of which only what is needed is read: other parts hold templates."""
        drivers = described["drivers"]
        return cls(
            described["names"],
            described["profiles"],
            {nf["name"]: nf.get("depends_on", []) for nf in described["core"]["nfs"]},
            {
                name: sorted({one["driver"] for one in endpoints if not drivers[one["driver"]]["movable"]})
                for name, endpoints in described["endpoints"].items()
            },
            {nf["name"]: nf.get("kept", []) for nf in described["core"]["nfs"]},
            described["core"]["sctp_remedy"],
        )


@dataclass
class Plan:
    """What is done.

    Attributes:
        error: why nothing is done at all; empty if something is, or nothing is to be done.
        moves: of containers_migrate, by the host that they leave.
        refused: name and reason of each container that stays.
        already: names of those that are where they shall be.
        notes: what the user should know of the moves, by name.
    """

    error: str = ""
    moves: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    already: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def targets(self) -> list[str]:
        return sorted({move["target_host"] for moves in self.moves.values() for move in moves})


def dependencies(depends_on: Mapping[str, Collection[str]], name: str) -> set[str]:
    """All that a network function depends on, itself or by others; itself only if it depends on itself."""
    found: set[str] = set()
    waiting = list(depends_on.get(name, ()))
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += depends_on.get(other, ())
    return found


def in_order(names: Collection[str], depends_on: Mapping[str, Collection[str]], known: Sequence[str]) -> list[str]:
    """Names so that each follows those that it depends on; else in the order of ``known``, and others by name last."""
    number = {name: position for position, name in enumerate(known)}
    waiting = sorted(names, key=lambda name: (number.get(name, len(number)), name))
    ordered: list[str] = []
    while waiting:
        left = set(waiting)
        free = next((name for name in waiting if not dependencies(depends_on, name) & left - {name}), waiting[0])
        waiting.remove(free)
        ordered.append(free)
    return ordered


class Planner:
    """Makes the plan for a request.

    Args:
        surveys: of each host of the play.
        implemented: the strategies that container_migrate knows, each with the methods that have it.
    """

    def __init__(
        self, request: Request, core: Core, surveys: Mapping[str, Survey], implemented: Mapping[str, Collection[str]]
    ) -> None:
        self._request = request
        self._core = core
        self._surveys = surveys
        self._implemented = implemented
        self._nfs = {host: survey["nfs"] for host, survey in surveys.items() if is_usable(survey)}
        self._plan = Plan()

    def plan(self) -> Plan:
        self._plan.error = self._error()
        if self._plan.error:
            return self._plan
        here = self._request.host
        if self._request.direction == AWAY:
            wanted = [*self._nfs_on(here), *self._others_on(here)]
            movable = [name for name in wanted if self._may_move(name, here)]
            self._add({name: (here, target) for name, target in self._placed(movable).items()})
            return self._plan
        places: dict[str, tuple[str, str]] = {}
        for name in self._request.home:
            at = self._found_on(name)
            if at == here:
                self._plan.already.append(name)
            elif at and self._may_move(name, at):
                places[name] = (at, here)
        self._add(places)
        return self._plan

    def _error(self) -> str:
        host = self._request.host
        if host not in self._request.hosts:
            return f"There is no host '{host}'. Set host to one of: {', '.join(self._request.hosts)}"
        if not is_usable(self._surveys[host]):
            return f"{host} cannot be read: {why_not(self._surveys[host])}. Nothing was touched. Make {host} reachable"
        if self._request.direction == BACK:
            return ""
        others = [other for other in self._nfs if other != host]
        if not others and (self._nfs_on(host) or self._others_on(host)):
            dead = "; ".join(
                f"{other}: {why_not(survey)}" for other, survey in self._surveys.items() if not is_usable(survey)
            )
            return f"No other host can take what runs on {host}. {dead or 'Add a host to the inventory'}"
        return ""

    def _nfs_on(self, host: str) -> list[str]:
        entries = {entry["name"]: entry for entry in self._nfs[host]}
        found = []
        for name in self._core.names:
            container = entries.get(name, {}).get("container", {})
            if container.get("pid"):
                found.append(name)
            elif container.get("status", "absent") != "absent" and container["restart_policy"] != "no":
                self._plan.refused[name] = (
                    f"It is {container['status']} on {host}, and would be started again there. Start it by "
                    f"'docker start {name}' and run this playbook again, or remove it by "
                    f"playbooks/remove_nf.yml -e nf={name}"
                )
        return found

    def _others_on(self, host: str) -> list[str]:
        """Containers that are no NFs of the core, and that the user wants to move."""
        if self._request.containers == NFS_ONLY:
            return []
        running = {name: one for name, one in self._containers(host).items() if name not in self._core.names}
        if self._request.containers == ALL:
            return sorted(running)
        return sorted(name for name in self._request.containers if name in running)

    def _containers(self, host: str) -> dict[str, Mapping[str, Any]]:
        return {one["name"]: one for one in self._surveys[host]["resources"]["containers"]}

    def _found_on(self, name: str) -> str:
        """The host that a container runs on; empty if that is not one host, which is a reason to refuse it."""
        try:
            hosts = [policy.running_on(self._nfs, name) or ""] if name in self._core.names else []
        except CoreError as error:
            self._plan.refused[name] = str(error)
            return ""
        hosts = [host for host in hosts if host] or [host for host in self._nfs if name in self._containers(host)]
        if len(hosts) == 1:
            return hosts[0]
        dead = [host for host, survey in self._surveys.items() if not is_usable(survey)]
        self._plan.refused[name] = (
            f"It runs on {' and '.join(hosts)}. Remove the container that is not live"
            if hosts
            else "It runs on no host that can be read. "
            + (f"Make {', '.join(dead)} reachable" if dead else "Deploy it by playbooks/deploy_core.yml")
        )
        return ""

    def _may_move(self, name: str, at: str) -> bool:
        """Whether it can be moved from where it is; if not, the reason is kept."""
        reason = self._nf_refusal(name, at) if name in self._core.names else self._container_refusal(name, at)
        if reason:
            self._plan.refused[name] = reason
        return not reason

    def _nf_refusal(self, name: str, at: str) -> str:
        try:
            policy.running_on(self._nfs, name)
        except CoreError as error:
            return str(error)
        if fixed := self._core.fixed_drivers.get(name):
            return (
                f"An NF with the network driver {', '.join(fixed)} cannot keep its address on another host. "
                "Redeploy it there, or put the core on the driver macvlan or bridge"
            )
        if not self._core.profiles[name]["stateful"] and self._request.stateless == LEAVE:
            return (
                f"It is stateless, and drain_stateless is {LEAVE}. Redeploy it by playbooks/remove_nf.yml -e nf={name} "
                f"and playbooks/deploy_nf.yml -e nf={name} -e host=HOST"
            )
        fault = next(entry["error"] for entry in self._nfs[at] if entry["name"] == name)
        if fault:
            return (
                f"It does not report its state, so what a migration keeps could not be verified: {fault}. Repair it, "
                f"or remove it by playbooks/remove_nf.yml -e nf={name}"
            )
        return ""

    def _container_refusal(self, name: str, at: str) -> str:
        if self._containers(at)[name]["is_resident"] or METHODS[self._request.method].by_engine:
            return ""
        return (
            "It was not started with the resident init, so its processes cannot be moved. Start it again as "
            "docs/your-own-container.md describes, or stop it"
        )

    def _placed(self, names: Collection[str]) -> dict[str, str]:
        here = self._containers(self._request.host)
        rooms = [Room.of(host, self._surveys[host]["resources"]) for host in self._nfs if host != self._request.host]
        loads = [
            Load(name, here[name]["memory_bytes"], here[name]["cpus"]) if name in here else Load(name, 0, 0.0)
            for name in names
        ]
        barred = {name: {room.host for room in rooms if name in self._containers(room.host)} for name in names}
        placement = place(loads, rooms, barred)
        self._plan.refused.update(placement.refused)
        return placement.hosts

    def _add(self, places: Mapping[str, tuple[str, str]]) -> None:
        ordered = in_order(list(places), self._core.depends_on, self._core.names)
        for name in ordered:
            source, target = places[name]
            mine = [other for other in ordered if other != name and places[other][0] == source]
            before = dependencies(self._core.depends_on, name)
            self._plan.moves.setdefault(source, []).append(
                {
                    "name": name,
                    "target_host": target,
                    "after": [other for other in mine[: _position(mine, ordered, name)] if other in before],
                    "options": self._options(name, target),
                }
            )

    def _options(self, name: str, target: str) -> dict[str, Any]:
        if name not in self._core.names:
            return {"method": self._request.method}
        request = policy.Request(
            name, target, self._request.hosts, self._core.profiles[name], self._request.strategy, self._request.method
        )
        strategy, note = request.chosen_strategy(self._implemented)
        if note:
            self._plan.notes[name] = note
        budget = request.downtime_budget_ms()
        of_engine = {"name": f"{self._request.namespace}.{name}"} if self._request.namespace else {}
        return {"strategy": strategy, "method": self._request.method, "downtime_budget_ms": budget, **of_engine}


def _position(mine: Sequence[str], ordered: Sequence[str], name: str) -> int:
    """How many of ``mine`` come before ``name``, so that no circle of dependencies makes a circle of moves."""
    return sum(ordered.index(other) < ordered.index(name) for other in mine)


def is_usable(survey: Survey) -> bool:
    """Whether the survey says what is on its host."""
    return "nfs" in survey and not survey.get("failed") and not survey.get("unreachable")


def why_not(survey: Survey) -> str:
    """Why a host could not be surveyed."""
    return str(survey.get("msg") or "it was not surveyed").rstrip(".")
