# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Docker engine answers about containers and networks, as the descriptions that every engine makes."""

from __future__ import annotations

from .. import decoded
from ..decoded import JsonObject
from .spec import AddressPool, ContainerSpec, NetworkAttachment, NetworkSpec, RestartPolicy, VolumeMount, await_key

SERVICE_LABEL = "com.docker.swarm.service.name"


def spec_of(answer: JsonObject) -> ContainerSpec:
    """From what the engine answers about a container."""
    config, host_config = decoded.section(answer, "Config"), decoded.section(answer, "HostConfig")
    container_id, path = decoded.text(answer, "Id"), decoded.text(answer, "Path")
    tmpfs = (VolumeMount("tmpfs", point, writable=True) for point in decoded.section(host_config, "Tmpfs"))
    service = decoded.labels(config, "Labels").get(SERVICE_LABEL, "")
    return ContainerSpec(
        name=service or decoded.text(answer, "Name").lstrip("/"),
        id=container_id,
        image=decoded.text(config, "Image"),
        image_id=decoded.text(answer, "Image"),
        entrypoint=path,
        await_key=await_key([path, *decoded.texts(answer, "Args")]),
        status=decoded.text(answer, "State", "Status"),
        pid=decoded.number(answer, "State", "Pid"),
        started_at=decoded.text(answer, "State", "StartedAt"),
        networks=tuple(
            _attachment_of(decoded.section(answer, "NetworkSettings", "Networks", name), name, container_id)
            for name in decoded.section(answer, "NetworkSettings", "Networks")
        ),
        mounts=(*map(_mount_of, decoded.sections(answer, "Mounts")), *tmpfs),
        restart_policy=RestartPolicy(
            decoded.text(host_config, "RestartPolicy", "Name", default="") or "no",
            decoded.number(host_config, "RestartPolicy", "MaximumRetryCount", default=0),
        ),
        tty=bool(config["Tty"]),
        host_network=decoded.text(host_config, "NetworkMode") == "host",
        service=service,
        native={
            "Config": config,
            "HostConfig": host_config,
            "GraphDriver": decoded.section(answer, "GraphDriver", "Data"),
        },
    )


def _mount_of(mount: JsonObject) -> VolumeMount:
    names = (decoded.text(mount, key, default="") for key in ("Name", "Source"))
    return VolumeMount(
        decoded.text(mount, "Type"),
        decoded.text(mount, "Destination"),
        bool(mount.get("RW")),
        next(filter(None, names), ""),
    )


def _attachment_of(settings: JsonObject, name: str, container_id: str) -> NetworkAttachment:
    """A container's own id is one of its aliases, which it does not keep on another host."""
    return NetworkAttachment(
        name,
        decoded.text(settings, "IPAddress"),
        decoded.text(settings, "MacAddress").lower(),
        decoded.text(settings, "GlobalIPv6Address", default=""),
        tuple(alias for alias in decoded.texts(settings, "Aliases") if alias != container_id[:12]),
    )


def network_of(answer: JsonObject) -> NetworkSpec:
    """From what the engine answers about a network."""
    return NetworkSpec(
        decoded.text(answer, "Name"),
        decoded.text(answer, "Driver"),
        decoded.labels(answer, "Options"),
        tuple(
            AddressPool(decoded.text(pool, "Subnet"), decoded.text(pool, "Gateway", default=""))
            for pool in decoded.sections(answer, "IPAM", "Config")
            if "Subnet" in pool
        ),
    )


def host_interface(network: JsonObject) -> str | None:
    """The interface of the host that leads into a Docker network; None where there is none to probe from."""
    driver, options = decoded.text(network, "Driver"), decoded.labels(network, "Options")
    if driver == "macvlan":
        return options.get("parent")
    if driver == "bridge":
        return options.get("com.docker.network.bridge.name") or f"br-{decoded.text(network, 'Id')[:12]}"
    return None
