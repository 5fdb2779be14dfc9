# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where NFs run, from what the hosts say of their containers and migrations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NF_LABEL = "organic.core5g.nf"
# Until a migration has committed, the container on its target host awaits; afterwards that on its source host is left.
_AWAITS = {"target": ("setup", "active", "restored"), "source": ("committed", "completed")}


def places(containers: list[Mapping[str, Any]], migrations: list[Mapping[str, Any]]) -> list[str]:
    """The NFs whose process runs on a host.

    Args:
        containers: of the host, as docker_host_info returns them with verbose_output.
        migrations: of the host, as container_migration_info returns them.
    """
    absent = [str(one["name"]) for one in migrations if one["state"] in _AWAITS[one["role"]]]
    found = set()
    for container in containers:
        nf = container["Labels"][NF_LABEL]
        names = [str(name).lstrip("/") for name in container["Names"]]
        # A task of a Swarm service is named SERVICE.SLOT.ID.
        if not any(name == left or name.startswith(f"{left}.") for name in names for left in absent):
            found.add(nf)
    return sorted(found)


def failures(answers: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Why hosts gave no answer, by host."""
    return {
        host: str(answer.get("msg", "no reason given"))
        for host, answer in answers.items()
        if answer.get("unreachable") or answer.get("failed")
    }
