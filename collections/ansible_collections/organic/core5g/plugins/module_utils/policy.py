# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an NF runs and belongs, and how it is migrated. Works on what nf_state_info returned; asks nobody."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError

NfsByHost = Mapping[str, Iterable[Mapping[str, Any]]]
"""Host name -> entries ``nfs`` of nf_state_info on that host."""

PROFILE = "profile"
"""The strategy that the NF's profile asks for."""
AUTO = "auto"
"""container_migrate measures and chooses the strategy."""


def _containers(found: NfsByHost, nf: str) -> dict[str, Mapping[str, Any]]:
    return {
        host: entry["container"]
        for host, entries in found.items()
        for entry in entries
        if entry["name"] == nf and entry["container"]["status"] != "absent"
    }


def running_on(found: NfsByHost, nf: str) -> str | None:
    """The host on which the NF runs, None if it runs nowhere.

    Raises:
        CoreError: it runs on two hosts.
    """
    hosts = sorted(host for host, container in _containers(found, nf).items() if container["pid"])
    if len(hosts) > 1:
        raise CoreError(
            f"The NF {nf} has a running container on {' and '.join(hosts)}. "
            "If a migration is in progress, wait for its end; else remove the container that is not live"
        )
    return hosts[0] if hosts else None


def current_host(found: NfsByHost, nf: str) -> str | None:
    """The host of an NF: where it runs, else where the engine would start it again, else None.

    A container that an NF has left by migration is stopped and has the restart policy ``no``.

    Raises:
        CoreError: two hosts hold it.
    """
    running = running_on(found, nf)
    if running is not None:
        return running
    hosts = sorted(host for host, container in _containers(found, nf).items() if container["restart_policy"] != "no")
    if len(hosts) > 1:
        raise CoreError(
            f"The NF {nf} runs on no host, and {' and '.join(hosts)} hold a stopped container of it. "
            "Remove all but one, or run playbooks/remove_core.yml"
        )
    return hosts[0] if hosts else None


def places(
    found: NfsByHost,
    names: Iterable[str],
    profiles: Mapping[str, Mapping[str, Any]],
    placement: Mapping[str, str],
    hosts: Sequence[str],
) -> dict[str, str]:
    """Host of each NF: where it is; else that of its placement; else the first one, for the user plane the second one.

    Args:
        found: state of all NFs.
        names: of the NFs.
        profiles: of the NFs.
        placement: host of an NF, as the user wants it.
        hosts: all hosts of the play.

    Raises:
        CoreError: two hosts hold an NF.
    """
    return {
        name: current_host(found, name)
        or placement.get(name)
        or (hosts[:2][-1] if profiles[name]["plane"] == "user" else hosts[0])
        for name in names
    }


@dataclasses.dataclass(frozen=True)
class Request:
    """The migration that the user asks for.

    Attributes:
        nf: name of the NF.
        target_host: inventory name of the host that it moves to.
        hosts: all hosts of the play.
        profile: of the NF.
        strategy: PROFILE, AUTO, or a strategy's name.
        method: of container_migrate.
        force: migrate an NF that its profile calls stateless.
        drains: whether it can be drained, so that it is redeployed without a gap.
        movable: whether an NF on its network driver keeps its address on another host.
        network_driver: that driver's name.
    """

    nf: str
    target_host: str
    hosts: Collection[str]
    profile: Mapping[str, Any]
    strategy: str = PROFILE
    method: str = "resident"
    force: bool = False
    drains: bool = False
    movable: bool = True
    network_driver: str = ""

    def refusal(self) -> str:
        """Why nothing may be touched for this request; empty if it may be done."""
        if self.target_host not in self.hosts:
            return (
                f"There is no host '{self.target_host}' to migrate to, set target_host to one of: "
                f"{', '.join(self.hosts)}"
            )
        if not self.profile["stateful"] and not self.force:
            redeployment = (
                f"playbooks/redeploy_{self.nf}.yml -e target_host={self.target_host}"
                if self.drains
                else f"playbooks/remove_nf.yml -e nf={self.nf} and playbooks/deploy_nf.yml -e nf={self.nf} "
                f"-e host={self.target_host}"
            )
            return (
                f"{self.nf} is stateless{self._section()}: redeploy it by {redeployment}, "
                "or migrate it all the same with -e force_migration=true"
            )
        if not self.movable:
            return (
                f"An NF with the network driver {self.network_driver} cannot keep its address on another host: "
                f"redeploy {self.nf}, or put the core on the driver macvlan or bridge"
            )
        return ""

    def chosen_strategy(self, implemented: Mapping[str, Collection[str]]) -> tuple[str, str]:
        """The strategy that container_migrate is given, and why it is not the profile's; empty if it is.

        One that a profile may not take is replaced by the first of its alternatives that it may, else by AUTO.

        Args:
            implemented: the strategies that container_migrate knows, each with the methods that have it; without
                methods, one that is used only where a user names it.
        """
        if self.strategy != PROFILE:
            return self.strategy, ""
        migration = self.profile["migration"]
        wanted = migration["strategy"]
        if self.method in implemented.get(wanted, ()):
            return wanted, ""
        lack = "which is not implemented"
        if wanted in implemented:
            lack = f"which method {self.method} does not have"
            if not implemented[wanted]:
                lack = f"which is used only where it is named (migration_strategy={wanted})"
        instead = next((name for name in migration["alternatives"] if self.method in implemented.get(name, ())), AUTO)
        return instead, (
            f"The profile of {self.nf} asks for strategy {wanted}{self._section()}, {lack}; "
            f"strategy {instead} is used instead"
        )

    def _section(self) -> str:
        section = self.profile["migration"].get("paper_section")
        return f" (paper, section {section})" if section else ""

    def downtime_budget_ms(self) -> int:
        """After that time the first of those that wait for the NF gives up; 0 if nobody does."""
        return min((budget for budget in self.profile["budgets"].values() if budget), default=0)


@dataclasses.dataclass(frozen=True)
class MigrationPlan:
    """What is done for a request.

    Attributes:
        error: why nothing can be done, and what to do about it; empty if something can.
        message: what is done, for the user.
        source_host: where the NF runs.
        moves: False: it runs on the target host already.
        strategy: for container_migrate, as is ``downtime_budget_ms``.
        downtime_budget_ms: milliseconds, 0 for none.
    """

    error: str = ""
    message: str = ""
    source_host: str = ""
    moves: bool = False
    strategy: str = AUTO
    downtime_budget_ms: int = 0


def plan(request: Request, found: NfsByHost, implemented: Mapping[str, Collection[str]]) -> MigrationPlan:
    """What is to be done, by where the NFs are.

    Args:
        request: of the user.
        found: state of all NFs.
        implemented: the strategies that container_migrate knows, each with the methods that have it.
    """
    nf = request.nf
    try:
        source = running_on(found, nf)
    except CoreError as error:
        return MigrationPlan(error=str(error))
    if source is None:
        return MigrationPlan(f"{nf} runs on no host of the play: deploy it with playbooks/deploy_core.yml")
    if source == request.target_host:
        return MigrationPlan("", f"{nf} runs on {source} already: there is nothing to migrate", source)
    fault = next(entry["error"] for entry in found[source] if entry["name"] == nf)
    if fault:
        return MigrationPlan(
            f"{nf} on {source} does not report its state, so what a migration keeps could not be verified: {fault}"
        )
    strategy, fallback = request.chosen_strategy(implemented)
    message = f"{nf} moves from {source} to {request.target_host}" + (f". {fallback}" if fallback else "")
    return MigrationPlan("", message, source, True, strategy, request.downtime_budget_ms())


def sctp_remedy(migrated: Mapping[str, Any], remedy: str) -> str:
    """What to do if container_migrate refused the NF because of SCTP; empty if it did not.

    Args:
        migrated: result of container_migrate.
        remedy: of the core's description.
    """
    found = [
        blocker["message"]
        for blocker in migrated.get("blockers", [])
        if blocker["code"] == "undumpable" and "SCTP socket" in blocker["message"]
    ]
    return f"{migrated.get('msg') or '. '.join(found)} {remedy}." if found else ""
