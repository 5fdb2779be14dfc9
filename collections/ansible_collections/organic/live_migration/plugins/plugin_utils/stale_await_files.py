# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removes await files of a Kubernetes node that no migration needs any more.

A controller that is killed leaves them, and with its Deployment deleted as well, no move shows them: the next pod of
that name would hold until somebody removes the file. One that is removed too early lets the program start a second
time, so whatever cannot be asked keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible.errors import AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils.errors import as_sentence
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    AwaitFilesAnswer,
    Done,
    Parameters,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.deployment import move_of
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes import connect, node_of
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import (
    ApiRefused,
    KubernetesApi,
)


class StaleAwaitFiles:
    """Those of one host.

    Args:
        hosts: the host, as the source.
        api: of the cluster; by default that of the host's variables.
    """

    def __init__(self, hosts: Hosts, api: KubernetesApi | None = None) -> None:
        self._hosts = hosts
        self._api = api
        self.removed: list[str] = []
        """Names of the inits whose file was removed, or in a dry run would be."""
        self.warnings: list[str] = []
        """Why others stay, in whole sentences."""

    def remove(self, dry_run: bool) -> None:
        """Remove them, once interrupted migrations and moves have been recovered.

        Args:
            dry_run: change nothing.
        """
        try:
            here = self._ask(self._hosts.source)
            candidates = {key: owner for key, owner in here.files.items() if owner not in here.migrations}
            if not candidates:
                return
            api = self._api or connect(self._hosts)
            others = {host: self._ask(host) for host in self._other_nodes(api)}
            # The cluster last: a migration that has a supervisor no more had its move noted there before
            for key, owner in candidates.items():
                if any(owner in other.migrations for other in others.values()) or _is_moving(api, key):
                    continue
                elsewhere = [host for host, other in others.items() if key in other.running]
                if elsewhere and key in here.waiting:
                    self.warnings.append(
                        f"A pod of '{key}' waits on {self._hosts.source} while its process runs on {elsewhere[0]}: "
                        "delete that pod, then run this again."
                    )
                    continue
                if not dry_run:
                    revoke = Parameters(phases.AWAIT_FILE, key, action=phases.REVOKE, migration_id=owner)
                    self._hosts.on(self._hosts.source, revoke, Done)
                self.removed.append(key)
        except (ApiRefused, AnsibleError) as error:
            self.warnings.append(
                f"Whether await files on {self._hosts.source} are still needed is not known: {as_sentence(str(error))}"
            )

    def _other_nodes(self, api: KubernetesApi) -> Iterator[str]:
        """Inventory names of the other hosts that are nodes of the cluster."""
        return (host for host in self._hosts.others if api.node(node_of(self._hosts, host)) is not None)

    def _ask(self, host: str) -> AwaitFilesAnswer:
        return self._hosts.on(host, Parameters(phases.AWAIT_FILES), AwaitFilesAnswer)


def _is_moving(api: KubernetesApi, key: str) -> bool:
    """Whether the cluster was asked to move a Deployment, which recovery has not ended.

    Raises:
        ApiRefused: the cluster does not say.
    """
    namespace, _dot, name = key.partition(".")
    deployment = api.deployment(namespace, name)
    return deployment is not None and move_of(deployment) is not None
