# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines that there are. An agent connects to one of them, once, and passes it on."""

from __future__ import annotations

from .base import Engine
from .docker import DockerEngine

DEFAULT = DockerEngine.name
ENGINES: dict[str, type[Engine]] = {DockerEngine.name: DockerEngine}


def connect(name: str, address: str | None = None) -> Engine:
    """The engine of this host that has this name.

    Args:
        address: where it listens, if not at its usual place.

    Raises:
        Refused: it cannot be used here; the blockers say why.
    """
    return ENGINES[name](address=address)
