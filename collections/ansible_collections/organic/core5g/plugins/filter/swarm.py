# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters on what organic.core5g.swarm_info returned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils import policy
from ansible_collections.organic.core5g.plugins.plugin_utils import swarm, swarm_objects

Found = Mapping[str, Mapping[str, Any]]
"""``swarm`` of swarm_info by inventory name."""


def nf_swarm(found: Found) -> dict[str, Any]:
    """The swarm of the hosts, and what is wrong with it."""
    cluster = swarm.Cluster(found)
    return {
        "manager": cluster.manager or "",
        "hostnames": {host: node["hostname"] for host, node in cluster.nodes.items()},
        "services": [name for name, service in cluster.services.items() if service["nf"]],
        "networks": list(found[cluster.manager]["networks"]) if cluster.manager else [],
        "secrets": dict(found[cluster.manager]["secrets"]) if cluster.manager else {},
        "configs": dict(found[cluster.manager]["configs"]) if cluster.manager else {},
        "places": cluster.places(),
        "problems": cluster.problems(),
    }


def nf_swarm_problems(found: Found, deployment: dict[str, Any], nfs: policy.NfsByHost) -> list[str]:
    """Why NFs cannot be deployed on the swarm; ``nfs`` as of nf_state_info by host."""
    running = {name: policy.running_on(nfs, name) for name in deployment["places"]}
    return swarm.Deployment(**deployment, running=running).problems(swarm.Cluster(found))


def nf_swarm_placeholders(found: Found, network: str, networks: list[str] | None = None) -> dict[str, str]:
    """Subnet of each host for the addresses that Docker gives before the init sets the NF's own."""
    return swarm.placeholders(found, network, networks or [])


def nf_resident_address(address: str, subnet: str, mac: str, gateway: str | None = None, is_alone: bool = True) -> str:
    """The option --address of the resident init."""
    return swarm.resident_address(address, subnet, gateway, mac, is_alone)


def nf_endpoint_mode(found: Found, endpoints: list[dict[str, Any]], wanted: str = "auto") -> str:
    """Endpoint mode of the service of an NF; ``endpoints`` as of nf_description."""
    return swarm.endpoint_mode(found, [str(one["driver"]) for one in endpoints], wanted)


def nf_swarm_objects(secrets: dict[str, Any], configs: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The secrets and configs that the Swarm must have, by kind: name in the Swarm, the user's name, and content."""
    made: dict[str, list[dict[str, Any]]] = {swarm_objects.SECRETS: [], swarm_objects.CONFIGS: []}
    for one in swarm_objects.described(secrets, configs):
        made[one.kind].append({"name": one.swarm_name, "label": one.name, "content": str(one.given["content"])})
    return made


def nf_swarm_object_problems(
    secrets: dict[str, Any], configs: dict[str, Any], nfs: list[str], orchestrator: str
) -> list[str]:
    """Why they cannot be given to the NFs; ``nfs`` are the names of those of the core."""
    return swarm_objects.problems(swarm_objects.described(secrets, configs), nfs, orchestrator)


def nf_swarm_object_mounts(
    secrets: dict[str, Any], configs: dict[str, Any], nf: str, known: list[str]
) -> dict[str, list[dict[str, Any]]]:
    """What docker_swarm_service gives to an NF, by kind; ``known`` has the names that the Swarm has."""
    mounts: dict[str, list[dict[str, Any]]] = {swarm_objects.SECRETS: [], swarm_objects.CONFIGS: []}
    for one in swarm_objects.described(secrets, configs):
        if nf in one.given["nfs"]:
            mounts[one.kind].append(one.mount(known))
    return mounts


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        filters = (
            nf_swarm,
            nf_swarm_problems,
            nf_swarm_placeholders,
            nf_resident_address,
            nf_endpoint_mode,
            nf_swarm_objects,
            nf_swarm_object_problems,
            nf_swarm_object_mounts,
        )
        return {function.__name__: function for function in filters}
