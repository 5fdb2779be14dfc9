# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a core runs: by which orchestrator, and over which network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
            made.update(overlay_variables(given))
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
