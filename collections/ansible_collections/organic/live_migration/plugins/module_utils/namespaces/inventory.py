# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All kinds of state that live in a namespace of the container, and not in a process."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Blocker
from ..network import configuration
from .base import NamespaceKind, State
from .ipc import Ipc
from .links import has_xfrm, made_inside
from .mounts import EngineFiles, mounted_inside
from .packet_filter import PacketFilter
from .settings import HostNames, NetworkSettings

KINDS: tuple[NamespaceKind, ...] = (NetworkSettings(), HostNames(), EngineFiles(), PacketFilter(), Ipc())
"""In the order in which they are applied."""


@dataclass
class NamespaceStates:
    """What :func:`read` has found, as the other host takes it."""

    states: dict[str, dict[str, str]]


def blockers(pid: int, destinations: list[str], devices: set[str], container_id: str) -> list[Blocker]:
    """Everything that cannot be carried, by name.

    Args:
        pid: first process of the container.
        destinations: of the mounts that the engine was asked for.
        devices: TUN devices that a process has open.
        container_id: at its engine.
    """
    found = [blocker for kind in KINDS for blocker in kind.blockers(pid)]
    found += configuration.blockers(pid) + made_inside(pid, devices) + has_xfrm(pid)
    return found + mounted_inside(pid, destinations, container_id)


def read(pid: int) -> dict[str, State]:
    """What the target must have, by kind."""
    return {kind.name: kind.read(pid) for kind in KINDS}


def apply(pid: int, wanted: dict[str, State]) -> None:
    """Set it in the awaiting container.

    Raises:
        MigrationError: this host does not take some of it.
    """
    for kind in KINDS:
        kind.apply(pid, wanted.get(kind.name, {}))
