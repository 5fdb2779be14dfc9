# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This host as a node of a Docker Swarm."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .docker_api import DockerApi

_LINKS = Path("/sys/class/net")


@dataclass
class SwarmNode:
    """A host in its Swarm.

    Attributes:
        node: its id; empty where it is in none.
        is_manager: of that Swarm.
        configurations: the network configurations (``config-only``) of the host, from which a network of the Swarm
            takes what each host has for itself. By name the parent interface that the host lacks; empty if it lacks
            none.
    """

    node: str = ""
    is_manager: bool = False
    configurations: dict[str, str] = field(default_factory=dict)


def look(api: DockerApi, links: Path = _LINKS) -> SwarmNode:
    """Ask the engine of this host.

    Args:
        links: directory with an entry for each network interface.

    Raises:
        EngineError: it does not answer.
    """
    swarm = api.call("GET", "/info")["Swarm"]
    if swarm["LocalNodeState"] not in ("active", "error"):
        return SwarmNode()
    found = SwarmNode(str(swarm["NodeID"]), bool(swarm["ControlAvailable"]))
    for network in api.call("GET", "/networks"):
        if network.get("ConfigOnly"):
            parent = str((network.get("Options") or {}).get("parent", ""))
            found.configurations[network["Name"]] = "" if not parent or _exists(parent, links) else parent
    return found


def _exists(parent: str, links: Path) -> bool:
    """Whether an interface is there, or one of which Docker makes it: the VLAN eth0.30 of eth0."""
    base, dot, _vlan = parent.rpartition(".")
    return (links / parent).exists() or (bool(dot) and (links / base).exists())
