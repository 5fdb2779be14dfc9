# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product with the task of a Docker Swarm service: what Swarm adds to the same migration without it."""

from __future__ import annotations

import contextlib

from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES

from tests.harness.build import Workload
from tests.harness.hosts import Topology
from tests.harness.site import Site
from tests.harness.swarm import Service, Swarm

from .base import NAME, Load
from .resident import Resident


class SwarmTask(Resident):
    """As resident, but Swarm starts and ends the containers.

    The Swarm is made for each run and removed after it, as its macvlan network needs the parent that the network of
    the other backends has.
    """

    name = "swarm"
    strategies = tuple(STRATEGIES)
    compared = False

    def __init__(self, topology: Topology, workload: Workload) -> None:
        super().__init__(topology, workload)
        self._site = Site(topology.inventory)
        self._swarm = Swarm(self._site)
        self._service: Service | None = None

    def start(self, load: Load) -> None:
        number = int(self._site.ip(0)) - int(self.topology.address)
        self._swarm.create()
        self._service = Service(self._swarm, NAME, number, load=load.options(self.topology.port))

    def stop(self) -> None:
        if self._service is not None:
            self._service.remove()
            self._service = None
        self._swarm.remove()

    def clean(self) -> None:
        with contextlib.closing(self._site):
            self._swarm.remove()
            super().clean()
