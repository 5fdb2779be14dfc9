# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines that there are. An agent connects to one of them, once, and passes it on."""

from __future__ import annotations

from .base import Engine
from .docker import DockerEngine
from .kubernetes import KubernetesEngine
from .spec import ContainerSpec

DEFAULT = DockerEngine.name
ENGINES: dict[str, type[Engine]] = {DockerEngine.name: DockerEngine, KubernetesEngine.name: KubernetesEngine}


def find(name: str) -> tuple[Engine, ContainerSpec | None]:
    """The engine of this host that has a container of this name, and the container; None if no engine has one.

    Raises:
        Refused: there is no engine here that can be used.
    """
    present = [engine for engine in ENGINES.values() if engine.is_present()] or [ENGINES[DEFAULT]]
    engines = [engine() for engine in present]
    for engine in engines:
        if spec := engine.inspect(name):
            return engine, spec
    return engines[0], None


def connect(name: str, address: str | None = None) -> Engine:
    """The engine of this host that has this name.

    Args:
        address: where it listens, if not at its usual place.

    Raises:
        Refused: it cannot be used here; the blockers say why.
    """
    return ENGINES[name](address=address)
