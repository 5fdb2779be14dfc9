# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which orchestrator places a container."""

from __future__ import annotations

from ansible_collections.organic.live_migration.plugins.module_utils.engines.kubernetes import KubernetesEngine
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.base import Orchestrator
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes import (
    KubernetesOrchestrator,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.none import NoOrchestrator
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.swarm import SwarmOrchestrator


def orchestrator_of(spec: ContainerSpec | None, hosts: Hosts, timeout_s: int) -> Orchestrator:
    """The orchestrator of a container, for one migration.

    Args:
        spec: the container on the source host, if it is known already.
        hosts: of the migration.
        timeout_s: the longest that a step of the migration may take.
    """
    if spec is None or not spec.service:
        return NoOrchestrator()
    if hosts.engine == KubernetesEngine.name:
        return KubernetesOrchestrator(hosts, timeout_s)
    return SwarmOrchestrator(hosts, timeout_s)
