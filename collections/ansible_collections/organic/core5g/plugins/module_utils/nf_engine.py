# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which a module is told what runs the NFs of its host."""

from __future__ import annotations

from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.engines import docker_api, registry
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Engine
from ansible_collections.organic.live_migration.plugins.module_utils.engines.kubernetes import KubernetesEngine
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec

OPTIONS: dict[str, Any] = {
    "engine": {"type": "str", "choices": ["docker", "kubernetes"], "default": registry.DEFAULT},
    "namespace": {"type": "str", "default": ""},
    "docker_socket": {"type": "path", "default": docker_api.DEFAULT_SOCKET},
}


class PodsOfNamespace(KubernetesEngine):
    """The pods of one core on this node: another namespace may have NFs of the same names."""

    namespace = ""

    def inspect(self, name: str) -> ContainerSpec | None:
        return super().inspect(f"{self.namespace}.{name}" if self.namespace and "." not in name else name)


def connect(options: dict[str, Any]) -> Engine:
    """The engine that the options of a module name."""
    if options["engine"] == registry.DEFAULT:
        return registry.connect(registry.DEFAULT, options["docker_socket"])
    return of_host(options["engine"], options["namespace"])


def of_host(engine: str, namespace: str) -> Engine:
    """An engine by its name, where it is usually found; of Kubernetes, the pods of a namespace, or of all if empty."""
    if engine != KubernetesEngine.name:
        return registry.connect(engine)
    pods = PodsOfNamespace()
    pods.namespace = namespace
    return pods
