# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a network driver asks of a host. The drivers themselves are data, see network_drivers/ of this collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class NetworkDriver:
    """The part of a driver's description that a host is checked against; schemas/network_driver.yml explains it."""

    name: str
    creates_network: bool
    needs_parent: bool
    parent_keeps_address: bool = True
    needs_swarm: bool = False
    link_kind: str | None = None
    kernel_option: str | None = None

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> NetworkDriver:
        """From a description; fields that concern the role alone are left out."""
        fields = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: description[name] for name in fields if description.get(name) is not None})
