# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes: a Deployment whose one pod moves; see deployment.py for what is asked of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import Done, Parameters
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators import kubernetes_blockers
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.base import Orchestrator
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.deployment import (
    DeploymentMove,
    Move,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import (
    ApiRefused,
    KubernetesApi,
)


def connect(hosts: Hosts) -> KubernetesApi:
    """The API server that the variables ``kubeconfig`` and ``kubernetes_context`` of the source host name.

    Raises:
        ApiRefused: they name none.
    """
    return KubernetesApi(hosts.variable("kubeconfig"), hosts.variable("kubernetes_context"))


def node_of(hosts: Hosts, host: str) -> str:
    """The node that a host is: its inventory name, or its variable ``kubernetes_node``."""
    return hosts.variable("kubernetes_node", host) or host


class KubernetesOrchestrator(Orchestrator):
    """The pod of a Deployment.

    Args:
        hosts: of the migration.
        timeout_s: the longest that a step of the migration may take.
        api: of the cluster; by default see :func:`connect`.
    """

    def __init__(self, hosts: Hosts, timeout_s: int, api: KubernetesApi | None = None) -> None:
        self._hosts = hosts
        self._timeout_s = timeout_s
        self._given = api
        self._spec: ContainerSpec | None = None
        self._has_placed = False
        self._notes: list[str] = []

    @property
    def _api(self) -> KubernetesApi:
        if self._given is None:
            self._given = connect(self._hosts)
        return self._given

    @property
    def _key(self) -> str:
        if self._spec is None or self._spec.await_key is None:
            raise AnsibleActionFail("The cluster was not asked yet.")
        return self._spec.await_key

    @property
    def _deployment(self) -> DeploymentMove:
        return DeploymentMove(self._api, self._key)

    @property
    def _nodes(self) -> Move:
        return Move(node_of(self._hosts, self._hosts.source), node_of(self._hosts, self._hosts.target))

    @property
    def notes(self) -> list[str]:
        return self._notes

    # What is known before anything is changed

    def recover(self, spec: ContainerSpec) -> None:
        """End an interrupted move: the process runs on the source host, or there would be nothing to migrate."""
        self._spec = spec
        with _failing("end the move that an earlier migration began"):
            move = self._deployment.unfinished()
            if move is None:
                return
            stays = self._nodes.source
            if stays not in (move.source, move.target):
                raise ApiRefused(f"it leads from {move.source} to {move.target}, but the process runs on {stays}")
            goes = move.target if stays == move.source else move.source
            self._deployment.end(stays, goes)
        for host in (self._hosts.source, self._hosts.target):
            if node_of(self._hosts, host) in (stays, goes):
                self._await_file(phases.REVOKE, on_source=host == self._hosts.source)

    def blockers(self, spec: ContainerSpec) -> list[Blocker]:
        self._spec = spec
        nodes = self._nodes
        known = {name.strip() for name in self._hosts.variable("kubernetes_known_managers").split(",")}
        try:
            found = kubernetes_blockers.Preflight(self._api, self._key, nodes.source, nodes.target, known)
            self._notes = found.notes
            return found.blockers
        except ApiRefused as error:
            return [
                Blocker(
                    "api_unreachable",
                    f"The API server does not answer as it should: {error}",
                    "Set the variable kubeconfig to a file with which 'kubectl --kubeconfig FILE get nodes' works "
                    "on this controller",
                )
            ]

    # The move

    def place(self, spec: ContainerSpec, target_host: str, migration_id: str) -> None:
        self._spec = spec
        self._has_placed = True
        nodes = self._nodes
        try:
            self._await_file(phases.HOLD, on_source=True, migration_id=migration_id)
            self._await_file(phases.AWAIT, on_source=False, migration_id=migration_id)
            with _failing(f"start a second pod of '{self._key}' on node '{nodes.target}'"):
                self._deployment.begin(nodes, self._timeout_s)
        except AnsibleError:
            self.revert()
            raise

    def commit(self) -> None:
        nodes = self._nodes
        with _failing(f"end the pod of '{self._key}' on node '{nodes.source}'"):
            self._deployment.await_ready(nodes.target)
            self._deployment.end(nodes.target, nodes.source)
        self._await_file(phases.REVOKE, on_source=True)

    def revert(self) -> None:
        if not self._has_placed:
            return
        nodes = self._nodes
        self._await_file(phases.REVOKE, on_source=True)
        with _failing(f"end the pod of '{self._key}' on node '{nodes.target}'"):
            self._deployment.end(nodes.source, nodes.target)
        with contextlib.suppress(AnsibleError):  # a host that is gone: the file keeps its init from a false start
            self._await_file(phases.REVOKE, on_source=False)

    def _await_file(self, action: str, on_source: bool, migration_id: str = "") -> None:
        request = Parameters(phases.AWAIT_FILE, self._key, action=action, migration_id=migration_id)
        (self._hosts.on_source if on_source else self._hosts.on_target)(request, Done)


@contextlib.contextmanager
def _failing(action: str) -> Iterator[None]:
    """Name the action in what the cluster refused."""
    try:
        yield
    except ApiRefused as error:
        raise AnsibleActionFail(f"The cluster could not {action}: {error}.") from None
