# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is where before and after a migration, in the form that ``--diff`` prints."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec


@dataclass(frozen=True)
class Placement:
    """A container and the two hosts that it moves between.

    Attributes:
        container: as it is on the source host.
        source: inventory name of the host that it runs on.
        target: inventory name of the host that it moves to.
        on_target: status of a container of this name on the target host before the migration, for example
            ``exited``; empty when there is none.
    """

    container: ContainerSpec
    source: str
    target: str
    on_target: str = ""

    def diff(self) -> dict[str, str]:
        name = self.container.name
        idle = f"container {name} {self.on_target}" if self.on_target else f"no container {name}"
        stopped = f"container {name} stopped with exit status 0, restart policy no"
        if self.container.service:  # its cluster ends it
            stopped = f"no container {name}"
        return {
            "before_header": f"{name} (before)",
            "before": "\n".join([*self._running_on(self.source), f"{self.target}: {idle}"]) + "\n",
            "after_header": f"{name} (after)",
            "after": "\n".join([f"{self.source}: {stopped}", *self._running_on(self.target)]) + "\n",
        }

    def _running_on(self, host: str) -> list[str]:
        container = self.container
        return [
            f"{host}: container {container.name} running, restart policy {container.restart_policy.name}",
            *(
                f"{host}:   network {network.name}: {' '.join(filter(None, (network.ipv4, network.mac)))}"
                for network in container.networks
            ),
        ]
