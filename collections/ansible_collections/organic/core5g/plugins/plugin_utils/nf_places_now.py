# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where NFs run, from the containers and migrations of the hosts, and from the pods of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_objects import NF_LABEL as POD_LABEL

NF_LABEL = "organic.core5g.nf"
# Until a migration has committed, the container on its target host awaits; afterwards that on its source host is left.
_AWAITS = {"target": ("setup", "active", "restored", "cloned"), "source": ("committed", "completed")}


def places(containers: list[Mapping[str, Any]], migrations: list[Mapping[str, Any]]) -> list[str]:
    """The NFs whose process runs on a host.

    Args:
        containers: of the host, as docker_host_info returns them with verbose_output.
        migrations: of the host, as container_migration_info returns them.
    """
    absent = _without_process(migrations)
    found = set()
    for container in containers:
        nf = container["Labels"][NF_LABEL]
        names = [str(name).lstrip("/") for name in container["Names"]]
        # A task of a Swarm service is named SERVICE.SLOT.ID.
        if not any(name == left or name.startswith(f"{left}.") for name in names for left in absent):
            found.add(nf)
    return sorted(found)


def pod_places(pods: list[Mapping[str, Any]], node: str, migrations: list[Mapping[str, Any]]) -> list[str]:
    """The NFs whose process runs on a node.

    Args:
        pods: of the cluster, as its API server lists them.
        node: name of the node.
        migrations: of the node's host, as container_migration_info returns them.
    """
    absent = _without_process(migrations)
    arrived = [str(one["name"]) for one in migrations if (one["role"], one["state"]) == ("target", "completed")]
    found = set()
    for pod in pods:
        metadata = pod["metadata"]
        nf = metadata["labels"][POD_LABEL]
        name = f"{metadata['namespace']}.{nf}"
        # The probe asks the init whether it has a process, but only once a second: a migration is known earlier.
        if pod["spec"].get("nodeName") == node and name not in absent and _runs(pod, name in arrived):
            found.add(nf)
    return sorted(found)


def _without_process(migrations: list[Mapping[str, Any]]) -> list[str]:
    return [str(one["name"]) for one in migrations if one["state"] in _AWAITS[one["role"]]]


def _runs(pod: Mapping[str, Any], has_arrived: bool) -> bool:
    statuses = pod["status"].get("containerStatuses", ())
    return any("running" in one["state"] and (one["ready"] or has_arrived) for one in statuses)


def failures(answers: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Why hosts gave no answer, by host."""
    return {
        host: str(answer.get("msg", "no reason given"))
        for host, answer in answers.items()
        if answer.get("unreachable") or answer.get("failed")
    }
