# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of several hosts a container runs on, and whether it can be moved from there to a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Residence:
    """A container and what each host answered about it.

    Args:
        name: of the container.
        found: results of container_host_info by inventory name.
    """

    def __init__(self, name: str, found: Mapping[str, Mapping[str, Any]]) -> None:
        self._name = name
        self._found = found
        self.running = [host for host, result in found.items() if result.get("status") == "running"]

    @property
    def host(self) -> str:
        """The one host that the container runs on; empty when it runs on none or on several."""
        return self.running[0] if len(self.running) == 1 else ""

    def problem(self, target: str) -> str:
        """Why the container cannot be moved to the target, and what to do about it; empty if it can."""
        if target not in self._found:
            return f"There is no host '{target}' to move to. Set target_host to one of: {', '.join(self._found)}."
        unknown = [host for host, result in self._found.items() if "status" not in result]
        if unknown:
            return (
                f"It is not known whether container {self._name} runs on {', '.join(unknown)}. Make that host "
                "reachable, or leave it out with --limit."
            )
        busy = [host for host, result in self._found.items() if result.get("migration_role")]
        if busy:
            return (
                f"Container {self._name} is being migrated ({self._list(busy)}). Wait until that has ended, or "
                "end it with container_migration_cancel."
            )
        if not self.running:
            return f"Container {self._name} runs on no host ({self._list(list(self._found))}). Start it on one of them."
        if len(self.running) > 1:
            return (
                f"Container {self._name} runs on {' and '.join(self.running)}. Stop all but one; if one is left "
                "from an interrupted migration, container_migration_recover removes it."
            )
        return ""

    def message(self, target: str) -> str:
        if self.host == target:
            return f"Container {self._name} runs on {target} already; there is nothing to do."
        return f"Container {self._name} runs on {self.host} and is moved to {target}."

    def _list(self, hosts: list[str]) -> str:
        return ", ".join(
            f"{host}: {self._found[host].get('migration_role') or self._found[host].get('status') or 'no container'}"
            for host in hosts
        )


def placement(found: Mapping[str, Mapping[str, Any]], name: str, target: str) -> dict[str, str]:
    """The fields that the filter container_placement returns."""
    residence = Residence(name, found)
    problem = residence.problem(target)
    return {
        "host": residence.host,
        "problem": problem,
        "message": problem or residence.message(target),
    }
