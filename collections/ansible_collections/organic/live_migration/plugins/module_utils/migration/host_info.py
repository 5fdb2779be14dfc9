# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container is on this host, and whether a migration uses it."""

from __future__ import annotations

from dataclasses import dataclass

from ..engines import registry
from ..session import journal


@dataclass(frozen=True)
class ContainerOnHost:
    """A container as this host knows it.

    Attributes:
        status: as the engine names it, for example ``running``; empty when there is no such container.
        migration_role: of this host in a migration of the container that has not ended, ``source`` or ``target``;
            empty without one.
    """

    status: str = ""
    migration_role: str = ""

    @classmethod
    def find(cls, name: str) -> ContainerOnHost:
        """Ask the engine and the journal of migrations.

        Raises:
            Refused: no engine answers.
        """
        container = registry.connect(registry.DEFAULT).inspect(name)
        return cls(status=container.status if container else "", migration_role=role_of(name))


def role_of(name: str) -> str:
    """The role of this host in a migration of the container that is in progress; empty without one."""
    roles = [one.role for one in journal.all_records() if one.container_name == name and one.in_progress]
    return roles[0] if roles else ""
