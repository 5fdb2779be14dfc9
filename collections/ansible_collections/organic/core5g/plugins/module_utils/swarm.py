# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host knows about its Docker Swarm: its own membership, and as a manager the nodes and services."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

from ansible_collections.organic.live_migration.plugins.module_utils import decoded
from ansible_collections.organic.live_migration.plugins.module_utils.decoded import JsonObject
from ansible_collections.organic.live_migration.plugins.module_utils.engines.docker_api import DockerApi
from ansible_collections.organic.live_migration.plugins.module_utils.errors import EngineError

NF_LABEL = "organic.core5g.nf"
"""Label of a service: the NF that it runs."""
NETWORK_LABEL = "organic.core5g.network"
"""Label of a network: its driver, as network_drivers/ calls it."""
OBJECT_LABEL = "organic.core5g.object"
"""Label of a secret or a config: the name that the user gave it."""


@dataclasses.dataclass(frozen=True)
class Node:
    """A node as a manager sees it.

    Attributes:
        hostname: as placement constraints call it.
        state: ``ready``, ``down``, ``disconnected`` or ``unknown``.
        availability: ``active``, ``pause`` or ``drain``.
        role: ``manager`` or ``worker``.
        address: by which the other nodes reach it.
    """

    id: str
    hostname: str
    state: str
    availability: str
    role: str
    address: str


@dataclasses.dataclass(frozen=True)
class Task:
    """A task of a service, with the reason if it failed."""

    service: str
    node: str
    state: str
    desired_state: str
    error: str


@dataclasses.dataclass(frozen=True)
class Service:
    """A service; ``nf`` is empty if it is not one of ours."""

    name: str
    nf: str
    constraints: list[str]
    replicas: int | None


@dataclasses.dataclass(frozen=True)
class Membership:
    """A host and its swarm.

    Attributes:
        node_id: empty if the host is in no swarm.
        state: ``inactive``, ``pending``, ``active``, ``error`` or ``locked``.
        error: what the engine says against it.
        is_manager: whether the cluster can be managed from this host.
        cluster_error: why it cannot, although the host is a manager, for example as a quorum is missing.
        nodes, services, tasks: of the cluster, as a manager sees it.
        configurations: subnet of each of our network configurations (``config-only``) of this host, by its name.
        networks: our networks of the cluster, as a manager sees them.
        secrets, configs: ours in the cluster, as a manager sees them: by name the services that have them, or had them
            before their last update, to which Swarm may roll them back.
        has_ip_vs: whether the kernel can balance load (IP_VS), which virtual addresses of services need.
    """

    node_id: str
    state: str
    error: str
    is_manager: bool
    cluster_error: str
    nodes: list[Node]
    services: list[Service]
    tasks: list[Task]
    configurations: dict[str, str]
    networks: list[str]
    secrets: dict[str, list[str]]
    configs: dict[str, list[str]]
    has_ip_vs: bool

    def as_dict(self) -> dict[str, object]:
        return dataclasses.asdict(self)


def has_ip_vs(root: Path = Path("/")) -> bool:
    """Whether the kernel has IP_VS: in use, built in, or as a module."""
    if (root / "proc/net/ip_vs").exists():
        return True
    modules = root / "lib/modules" / os.uname().release
    for listing in ("modules.builtin", "modules.dep"):
        try:
            if "/ip_vs.ko" in (modules / listing).read_text(encoding="utf-8"):
                return True
        except OSError:
            continue
    return False


def membership(api: DockerApi) -> Membership:
    """Ask the engine of this host.

    Raises:
        EngineError: it does not answer.
    """
    swarm = decoded.section(decoded.checked(api.call("GET", "/info")), "Swarm")
    nodes: list[Node] = []
    services: list[Service] = []
    tasks: list[Task] = []
    networks: list[str] = []
    objects: dict[str, dict[str, list[str]]] = {"secrets": {}, "configs": {}}
    cluster_error = ""
    labelled = json.dumps({"label": [NETWORK_LABEL]})
    configurations = [one for one in _listed(api, "/networks", filters=labelled) if one.get("ConfigOnly")]
    if swarm.get("ControlAvailable"):
        try:
            nodes = [_node(answer) for answer in _listed(api, "/nodes")]
            answers = _listed(api, "/services")
            services = [_service(answer) for answer in answers]
            names = {decoded.text(answer, "ID"): _name(answer) for answer in answers}
            networks = _networks(api, {decoded.text(one, "Name") for one in configurations})
            objects = {kind: _objects(api, kind, answers) for kind in objects}
            tasks = [_task(answer, names) for answer in _tasks(api) if answer.get("ServiceID") in names]
        except EngineError as error:
            cluster_error = str(error)
    return Membership(
        node_id=decoded.text(swarm, "NodeID", default=""),
        state=decoded.text(swarm, "LocalNodeState", default="") or "inactive",
        error=decoded.text(swarm, "Error", default=""),
        is_manager=bool(swarm.get("ControlAvailable")),
        cluster_error=cluster_error,
        nodes=nodes,
        services=services,
        tasks=tasks,
        configurations={
            decoded.text(one, "Name"): next(
                (decoded.text(pool, "Subnet", default="") for pool in decoded.sections(one, "IPAM", "Config")), ""
            )
            for one in configurations
        },
        networks=networks,
        **objects,
        has_ip_vs=has_ip_vs(),
    )


def _listed(api: DockerApi, path: str, filters: str = "{}") -> list[JsonObject]:
    """The objects at a path; none where the engine answers null."""
    return decoded.checked_list(api.call("GET", path, filters=filters) or [])


def _name(found: JsonObject) -> str:
    """Of a service, a secret or a config."""
    return decoded.text(found, "Spec", "Name")


def _tasks(api: DockerApi) -> list[JsonObject]:
    """Newest first."""
    return sorted(_listed(api, "/tasks"), key=lambda task: decoded.text(task, "CreatedAt"), reverse=True)


def _objects(api: DockerApi, kind: str, services: list[JsonObject]) -> dict[str, list[str]]:
    labelled = json.dumps({"label": [OBJECT_LABEL]})
    return {
        _name(one): [_name(service) for service in services if one["ID"] in _object_ids(service, kind.capitalize())]
        for one in _listed(api, f"/{kind}", filters=labelled)
    }


def _object_ids(service: JsonObject, kind: str) -> set[str]:
    """Of the secrets or configs that a service has, or had before its last update."""
    return {
        decoded.text(one, f"{kind[:-1]}ID")
        for spec in ("Spec", "PreviousSpec")
        for one in decoded.sections(service, spec, "TaskTemplate", "ContainerSpec", kind)
    }


def _networks(api: DockerApi, configurations: set[str]) -> list[str]:
    """Those with our label; one that is made from a configuration cannot have labels."""
    return [
        decoded.text(network, "Name")
        for network in _listed(api, "/networks", filters=json.dumps({"scope": ["swarm"]}))
        if NETWORK_LABEL in decoded.labels(network, "Labels")
        or decoded.text(network, "ConfigFrom", "Network", default="") in configurations
    ]


def _node(answer: JsonObject) -> Node:
    return Node(
        id=decoded.text(answer, "ID"),
        hostname=decoded.text(answer, "Description", "Hostname"),
        state=decoded.text(answer, "Status", "State"),
        availability=decoded.text(answer, "Spec", "Availability"),
        role=decoded.text(answer, "Spec", "Role"),
        address=decoded.text(answer, "Status", "Addr", default=""),
    )


def _service(answer: JsonObject) -> Service:
    is_replicated = decoded.value(answer, "Spec", "Mode", "Replicated", "Replicas") is not None
    return Service(
        name=_name(answer),
        nf=decoded.labels(answer, "Spec", "Labels").get(NF_LABEL, ""),
        constraints=decoded.texts(answer, "Spec", "TaskTemplate", "Placement", "Constraints"),
        replicas=decoded.number(answer, "Spec", "Mode", "Replicated", "Replicas") if is_replicated else None,
    )


def _task(answer: JsonObject, names: dict[str, str]) -> Task:
    return Task(
        service=names[decoded.text(answer, "ServiceID")],
        node=decoded.text(answer, "NodeID", default=""),
        state=decoded.text(answer, "Status", "State"),
        desired_state=decoded.text(answer, "DesiredState"),
        error=decoded.text(answer, "Status", "Err", default=""),
    )
