# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker Swarm: a manager starts the new task beside the old one, and ends the old one when the process has moved."""

from __future__ import annotations

import contextlib

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker
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

    def recover(self, spec: ContainerSpec) -> None:
        self._find(spec)
        if self._ask(phases.RECOVER).done == phases.REVERT:
            self._await_file(phases.REVOKE, on_source=True)
            self._await_file(phases.REVOKE, on_source=False)

    def blockers(self, spec: ContainerSpec) -> list[Blocker]:
        try:
            self._find(spec)
        except AnsibleActionFail as error:
            return [
                Blocker(
                    "no_manager",
                    str(error).rstrip("."),
                    "Put a manager of the Swarm into the inventory; 'docker node ls' shows them",
                )
            ]
        return self._ask(phases.CHECK, wait_s=self._patience_s).blockers

    @property
    def _patience_s(self) -> float:
        """How long the new task may wait for its process: copying, the switchover and post-copy have a limit each."""
        return 3.0 * self._timeout_s

    def place(self, spec: ContainerSpec, target_host: str) -> None:
        self._find(spec)
        self._has_placed = True
        self._await_file(phases.HOLD, on_source=True)
        self._await_file(phases.AWAIT, on_source=False)
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
            AnsibleActionFail: there is no manager among the hosts of the inventory that can be reached.
        """
        if self._nodes is not None:
            return
        self._spec = spec
        question = Parameters(phases.SWARM_NODE)
        source = self._hosts.on_source(question, NodeAnswer)
        target = self._hosts.on_target(question, NodeAnswer)
        for host, answer in ((self._hosts.source, source), (self._hosts.target, target)):
            if answer.is_manager and not self._manager:
                self._manager = host
        for host in [] if self._manager else self._hosts.others:
            with contextlib.suppress(AnsibleError):
                if self._hosts.on(host, question, NodeAnswer).is_manager:
                    self._manager = host
                    break
        if not self._manager:
            raise AnsibleActionFail(f"No host of the inventory is a manager of the Swarm of service '{spec.service}'.")
        self._nodes = (source.node, target.node)

    def _ask(self, action: str, wait_s: float = 1.0) -> SwarmAnswer:
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
        return self._hosts.on(self._manager, request, SwarmAnswer)

    def _await_file(self, action: str, on_source: bool) -> None:
        if self._spec is None or self._spec.await_key is None:
            return
        request = Parameters(phases.AWAIT_FILE, self._spec.await_key, action=action)
        (self._hosts.on_source if on_source else self._hosts.on_target)(request, Done)
