# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker Swarm: a manager starts the new task beside the old one, and ends the old one when the process has moved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker, Refused
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    Done,
    NodeAnswer,
    Parameters,
    SwarmAnswer,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.base import Orchestrator


class SwarmOrchestrator(Orchestrator):
    """The task of a service. Its managers are asked on the hosts of the inventory, the migration's own first.

    Args:
        hosts: of the migration.
        timeout_s: the longest that a step of the migration may take.
    """

    def __init__(self, hosts: Hosts, timeout_s: int) -> None:
        self._hosts = hosts
        self._timeout_s = timeout_s
        self._spec: ContainerSpec | None = None
        self._has_placed = False
        self._nodes: tuple[str, str] | None = None
        self._manager = ""
        self._notes: list[str] = []
        self._on_target: dict[str, str] = {}

    def recover(self, spec: ContainerSpec) -> None:
        """A Swarm that cannot be asked has :meth:`blockers`, which say so with the remedy."""
        try:
            self._find(spec)
            done = self._ask(phases.RECOVER).done
        except Refused:
            return
        except AnsibleActionFail:
            if any(blocker.code == "swarm_unreachable" for blocker in self.blockers(spec)):
                return
            raise
        if done == phases.REVERT:
            self._await_file(phases.REVOKE, on_source=True)
            self._await_file(phases.REVOKE, on_source=False)

    def blockers(self, spec: ContainerSpec) -> list[Blocker]:
        try:
            self._find(spec)
        except Refused as refused:
            return refused.blockers
        found = self._ask(phases.CHECK, wait_s=self._patience_s)
        self._notes = found.notes
        if self._nodes is None or not self._nodes[1]:  # in no Swarm, which is told already
            return found.blockers
        return [*found.blockers, *self._network_blockers(found.configurations)]

    def _network_blockers(self, wanted: Mapping[str, str]) -> Iterator[Blocker]:
        """A network of the Swarm that the target node cannot make for itself."""
        for network, configuration in wanted.items():
            lacking = self._on_target.get(configuration)
            if lacking is None:
                yield Blocker(
                    "network_missing",
                    f"The configuration '{configuration}' of the network '{network}' is missing on the target host",
                    "Create it there as on the source host (docker network create --config-only), or run the playbook "
                    "that deploys the service",
                )
            elif lacking:
                yield Blocker(
                    "parent_missing",
                    f"The target host has no network interface '{lacking}', by which the network '{network}' would go "
                    "out",
                    f"Create the interface, or the configuration '{configuration}' of that host with another parent",
                )

    @property
    def notes(self) -> list[str]:
        return self._notes

    @property
    def _patience_s(self) -> float:
        """How long the new task may wait for its process: copying, the switchover and post-copy have a limit each."""
        return 3.0 * self._timeout_s

    def place(self, spec: ContainerSpec, target_host: str, migration_id: str) -> None:
        self._find(spec)
        self._has_placed = True
        self._await_file(phases.HOLD, on_source=True, migration_id=migration_id)
        self._await_file(phases.AWAIT, on_source=False, migration_id=migration_id)
        self._ask(phases.PLACE, wait_s=float(self._timeout_s))

    def commit(self) -> None:
        self._ask(phases.COMMIT)

    def revert(self) -> None:
        if not self._has_placed:
            return
        self._ask(phases.REVERT)
        self._await_file(phases.REVOKE, on_source=True)
        with contextlib.suppress(AnsibleError):  # a host that is gone: the file keeps its init from a false start
            self._await_file(phases.REVOKE, on_source=False)

    def _find(self, spec: ContainerSpec) -> None:
        """Find out the ids of both nodes, and a manager.

        Raises:
            Refused: there is no manager among the hosts of the inventory that can be reached, or no engine on the
                target host.
        """
        if self._nodes is not None:
            return
        self._spec = spec
        question = Parameters(phases.SWARM_NODE)
        source = self._hosts.on_source(question, NodeAnswer)
        target = self._hosts.on_target(question, NodeAnswer)
        if target.blockers:
            raise Refused(target.blockers)
        self._on_target = target.configurations
        for host, answer in ((self._hosts.source, source), (self._hosts.target, target)):
            if answer.is_manager and not self._manager:
                self._manager = host
        if not self._manager:
            self._manager = next((host for host in self._hosts.others if self._is_manager(host)), "")
        if not self._manager:
            raise Refused(
                [
                    Blocker(
                        "no_manager",
                        f"No host of the inventory is a manager of the Swarm of service '{spec.service}'",
                        "Put a manager of the Swarm into the inventory; 'docker node ls' shows them",
                    )
                ]
            )
        self._nodes = (source.node, target.node)

    def _is_manager(self, host: str) -> bool:
        """Whether a host is a manager, and its engine answers."""
        try:
            return self._hosts.on(host, Parameters(phases.SWARM_NODE), NodeAnswer).is_manager
        except AnsibleError:
            return False

    def _finds_another(self) -> bool:
        """Whether the manager is lost, and another one can be asked instead."""
        if self._is_manager(self._manager):
            return False
        hosts = (self._hosts.source, self._hosts.target, *self._hosts.others)
        another = next((host for host in hosts if host != self._manager and self._is_manager(host)), "")
        self._manager = another or self._manager
        return bool(another)

    def _ask(self, action: str, wait_s: float = 1.0) -> SwarmAnswer:
        """Of a manager; what may be done twice is asked of another one when it is lost."""
        if self._nodes is None or self._spec is None:
            raise AnsibleActionFail("The Swarm was not asked yet.")
        source, target = self._nodes
        request = Parameters(
            phases.SWARM_SERVICE,
            self._spec.service,
            action=action,
            source_node=source,
            target_node=target,
            wait_s=wait_s,
        )
        try:
            return self._hosts.on(self._manager, request, SwarmAnswer)
        except AnsibleError:
            if action == phases.PLACE or not self._finds_another():
                raise
        return self._hosts.on(self._manager, request, SwarmAnswer)

    def _await_file(self, action: str, on_source: bool, migration_id: str = "") -> None:
        if self._spec is None or self._spec.await_key is None:
            return
        request = Parameters(phases.AWAIT_FILE, self._spec.await_key, action=action, migration_id=migration_id)
        (self._hosts.on_source if on_source else self._hosts.on_target)(request, Done)
