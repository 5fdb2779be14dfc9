# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a core runs: by which orchestrator, and over which network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.harness.overlay import overlay_variables


@dataclass(frozen=True)
class Deployment:
    """A way to run the core.

    Attributes:
        name: as the table calls it.
        orchestrator: variable of the inventory.
        over_overlay: whether the SBI is on an overlay.
        strategies: of the migrations; None for all. PROFILE for the one of each NF's profile.
        where: options of nf_state_info that say what runs the NFs, if it is not Docker.
    """

    name: str
    orchestrator: str
    over_overlay: bool = False
    strategies: tuple[str, ...] | None = None
    where: Mapping[str, str] = field(default_factory=dict)

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
        if self.orchestrator == KUBERNETES:
            # the kubelet looks at a probe each second, and pulls up a sandbox before each NF
            made["nf_ready_timeout_s"] = 90
        if self.over_overlay:
            made.update(overlay_variables(given))
        return made


KUBERNETES = "kubernetes"
PROFILE = "profile"
"""The strategy that the NF's profile asks for."""
DEPLOYMENTS = {
    "docker-macvlan": Deployment("docker over macvlan", "none"),
    "swarm-macvlan": Deployment("swarm over macvlan", "swarm", strategies=(PROFILE,)),
    "swarm-overlay": Deployment("swarm over overlay", "swarm", over_overlay=True, strategies=(PROFILE,)),
    "kubernetes-macvlan": Deployment(
        "kubernetes over macvlan", KUBERNETES, where={"engine": KUBERNETES, "namespace": "core5g"}
    ),
}
"""By the name that the command line has. Under Swarm each NF moves once."""
ON_ENGINES = [name for name, deployment in DEPLOYMENTS.items() if deployment.orchestrator != KUBERNETES]
"""Those that the hosts of one lab can run one after the other. A cluster has a lab of its own."""
BY_DEFAULT = DEPLOYMENTS["docker-macvlan"]
