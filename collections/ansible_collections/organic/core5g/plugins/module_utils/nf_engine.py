# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which a module is told what runs the NFs of its host."""

from __future__ import annotations

from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.engines import docker_api, registry
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Engine

OPTIONS: dict[str, Any] = {
    "engine": {"type": "str", "choices": ["docker", "kubernetes"], "default": registry.DEFAULT},
    "docker_socket": {"type": "path", "default": docker_api.DEFAULT_SOCKET},
}


def connect(options: dict[str, Any]) -> Engine:
    """The engine that the options of a module name."""
    is_docker = options["engine"] == registry.DEFAULT
    return registry.connect(options["engine"], options["docker_socket"] if is_docker else None)
