# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No orchestrator: the engine of the target host creates the awaiting container itself, and removes it."""

from __future__ import annotations

from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.base import Orchestrator


class NoOrchestrator(Orchestrator):
    """For an engine without a cluster: there is nothing to do on the controller."""

    def recover(self, spec: ContainerSpec) -> None:
        """There is no cluster that could have been left unfinished."""

    def blockers(self, spec: ContainerSpec) -> list[Blocker]:
        return []

    def place(self, spec: ContainerSpec, target_host: str, migration_id: str) -> None:
        """The target's agent creates the container."""

    def commit(self) -> None:
        """The source's agent has ended its container."""

    def revert(self) -> None:
        """The target's agent removes what it created."""
