# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends the moves of Kubernetes Deployments whose controller was killed: the hosts go on alone, the cluster does not."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from ansible.errors import AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils import decoded
from ansible_collections.organic.live_migration.plugins.module_utils.errors import as_sentence
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    NEVER_RAN,
    RUNNING,
    Done,
    OutcomeAnswer,
    Parameters,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.deployment import (
    DeploymentMove,
    Move,
    move_of,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes import connect, node_of
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import (
    ApiRefused,
    KubernetesApi,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.service_moves import Ended, EndedMove

DEFAULT_NAMESPACE = "core5g"
"""That of the role nf, where the variable ``kubernetes_namespace`` names no other."""
_NO_MIGRATION = "0" * 16
"""Only whether the process runs on a host is asked; those that were interrupted are recovered already."""


class DeploymentMoves:
    """The moves that begin at the node of one host, or end there when no host of the inventory is the source node.

    Args:
        hosts: the host, as the source.
        api: of the cluster; by default that of the host's variables.
    """

    def __init__(self, hosts: Hosts, api: KubernetesApi | None = None) -> None:
        self._hosts = hosts
        self._api = api

    def end(self, busy: Collection[str], dry_run: bool) -> Ended:
        """End them all, except those of Deployments whose migration is in progress or in doubt.

        Args:
            busy: names of these, with or without their namespace.
            dry_run: change nothing.
        """
        ended = Ended()
        try:
            api = self._api or connect(self._hosts)
            found = api.deployments(self._hosts.variable("kubernetes_namespace") or DEFAULT_NAMESPACE)
        except ApiRefused as error:
            ended.warnings.append(
                f"Whether a pod was to move away from {self._hosts.source} is not known: {as_sentence(str(error))}"
            )
            return ended
        for deployment in found:
            namespace, name = (decoded.text(deployment, "metadata", key) for key in ("namespace", "name"))
            key = f"{namespace}.{name}"
            try:
                move = move_of(deployment)
                if move is None or name in busy or key in busy or not self._is_mine(move):
                    continue
                outcome = self._outcome(key, move)
                if not dry_run:
                    self._end(api, key, move, outcome)
            except (ApiRefused, AnsibleError) as error:
                ended.faults.append(f"The move of '{key}' did not end: {as_sentence(str(error))}")
                continue
            ended.moves.append(EndedMove(key, move.source, move.target, outcome))
        return ended

    def _is_mine(self, move: Move) -> bool:
        node = node_of(self._hosts, self._hosts.source)
        return node == move.source or (node == move.target and not self._host_of(move.source))

    def _host_of(self, node: str) -> str:
        """Inventory name of the host that is a node; empty if none is."""
        everyone = [self._hosts.source, *self._hosts.others]
        return next((host for host in everyone if node_of(self._hosts, host) == node), "")

    def _outcome(self, key: str, move: Move) -> str:
        """RUNNING: the process runs on the target node. NEVER_RAN: it is on the source node.

        Raises:
            AnsibleError: nobody can say, as the target node cannot be asked and the source has no process.
        """
        source, target = self._host_of(move.source), self._host_of(move.target)
        if source and self._runs_on(source, key):
            return NEVER_RAN
        if not target:
            raise AnsibleError(f"no host of the inventory is the node {move.target}, where its process may be")
        return RUNNING if self._runs_on(target, key) else NEVER_RAN

    def _runs_on(self, host: str, key: str) -> bool:
        question = Parameters(phases.QUERY_OUTCOME, key, migration_id=_NO_MIGRATION)
        return self._hosts.on(host, question, OutcomeAnswer).outcome == RUNNING

    def _end(self, api: KubernetesApi, key: str, move: Move, outcome: str) -> None:
        stays, goes = (move.target, move.source) if outcome == RUNNING else (move.source, move.target)
        if source := self._host_of(stays):
            self._revoke(source, key)
        DeploymentMove(api, key).end(stays, goes)
        with contextlib.suppress(AnsibleError):  # a host that is gone: the file keeps its init from a false start
            if left := self._host_of(goes):
                self._revoke(left, key)

    def _revoke(self, host: str, key: str) -> None:
        self._hosts.on(host, Parameters(phases.AWAIT_FILE, key, action=phases.REVOKE), Done)
