# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a core runs: by which orchestrator, and over which network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

N2_TO_N4 = {"amf": ("n2",), "smf": ("n4",), "upf": ("n3", "n4")}
"""What is reached from outside the Swarm, or by a fixed address, and so is not on an overlay."""


@dataclass(frozen=True)
class Deployment:
    """A way to run the core.

    Attributes:
        name: as the table calls it.
        orchestrator: variable of the inventory.
        over_overlay: whether the SBI is on an overlay.
        strategies: of the migrations; None for all. PROFILE for the one of each NF's profile.
    """

    name: str
    orchestrator: str
    over_overlay: bool = False
    strategies: tuple[str, ...] | None = None

    @property
    def moves(self) -> bool:
        """Whether an NF can be migrated; an overlay refuses it."""
        return not self.over_overlay

    def variables(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Variables of the playbooks, beside those of the inventory.

        Args:
            given: variables of a host of the inventory.
        """
        made: dict[str, Any] = {"orchestrator": self.orchestrator}
        if self.over_overlay:
            fixed: Mapping[str, str] = given["nf_addresses"]
            made["nf_networks"] = {
                "sbi": {"driver": "overlay", "subnet": "203.0.113.0/24"},
                "access": {
                    "driver": "macvlan",
                    "parent": given["nf_network_parent"],
                    "subnet": given["nf_network_subnet"],
                },
            }
            made["nf_addresses"] = {
                nf: {
                    "sbi": "dynamic",
                    **{point: {"ipv4": fixed[nf], "network": "access"} for point in N2_TO_N4.get(nf, ())},
                }
                for nf in fixed
                if nf != "front" and "-" not in nf
            }
        return made


PROFILE = "profile"
"""The strategy that the NF's profile asks for."""
DEPLOYMENTS = {
    "docker-macvlan": Deployment("docker over macvlan", "none"),
    "swarm-macvlan": Deployment("swarm over macvlan", "swarm", strategies=(PROFILE,)),
    "swarm-overlay": Deployment("swarm over overlay", "swarm", over_overlay=True, strategies=(PROFILE,)),
}
"""By the name that the command line has. Under Swarm each NF moves once."""
BY_DEFAULT = DEPLOYMENTS["docker-macvlan"]
