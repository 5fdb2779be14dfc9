# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a container network is as it should be."""

from __future__ import annotations

from typing import Any


def is_complete(found: dict[str, Any] | None, wanted: dict[str, Any], subnet: str | None, gateway: str | None) -> bool:
    """Whether nothing is to be changed in a network; what differs is left to the module that creates networks.

    Args:
        found: the engine's network as a dictionary of live_migration's NetworkSpec; None if there is no such network.
        wanted: driver and options, as below ``engines`` of a network driver.
        subnet: of the network.
        gateway: of the network; None for the engine's choice.
    """
    if found is None or found["driver"] != wanted["driver"]:
        return False
    if any(found["options"].get(key) != str(value) for key, value in wanted.get("options", {}).items()):
        return False
    return any(pool["subnet"] == subnet and gateway in (None, pool["gateway"]) for pool in found["pools"])
