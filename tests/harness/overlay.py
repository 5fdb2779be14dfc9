# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A core whose SBI is on an overlay of a Docker Swarm: the inventory's addresses, as its variables have them then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SUBNET = "203.0.113.0/24"
_FIXED = {"amf": ("n2",), "smf": ("n4",), "upf": ("n3", "n4")}
"""What is reached from outside the Swarm, or by a fixed address, stays on the inventory's own network."""


def overlay_variables(given: Mapping[str, Any]) -> dict[str, Any]:
    """nf_networks and nf_addresses; without the N2 front and without further instances of an NF.

    Args:
        given: variables of a host of the inventory, whose network is macvlan.
    """
    access = {"driver": "macvlan", "parent": given["nf_network_parent"], "subnet": given["nf_network_subnet"]}
    addresses = {nf: address for nf, address in given["nf_addresses"].items() if nf != "front" and "-" not in nf}
    return {
        "nf_networks": {"sbi": {"driver": "overlay", "subnet": SUBNET}, "access": access},
        "nf_addresses": {
            nf: {"sbi": "dynamic", **{point: {"ipv4": address, "network": "access"} for point in _FIXED.get(nf, ())}}
            for nf, address in addresses.items()
        },
    }
