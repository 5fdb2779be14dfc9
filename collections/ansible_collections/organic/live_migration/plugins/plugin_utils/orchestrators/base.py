# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface of an orchestrator: who places the awaiting container on the target host."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker


class Orchestrator(ABC):
    """One object a migration, on the controller.

    :meth:`place` is called at most once, before the target host prepares itself. One of the others follows as soon as
    it is known where the process runs; neither does while the migration is in doubt.
    """

    @abstractmethod
    def recover(self, spec: ContainerSpec) -> None:
        """End what an earlier migration of this container left unfinished with the cluster."""

    @abstractmethod
    def blockers(self, spec: ContainerSpec) -> list[Blocker]:
        """What prevents the cluster from placing it; nothing is changed."""

    @property
    def notes(self) -> list[str]:
        """What the user should know before the migration, in whole sentences; once :meth:`blockers` has looked."""
        return []

    @abstractmethod
    def place(self, spec: ContainerSpec, target_host: str, migration_id: str) -> None:
        """Have a second container like the source's placed on the target host, where its init will await the process.

        Args:
            spec: the container on the source host.
            target_host: inventory name.
            migration_id: which the await files name, so that a recovery knows whose they are.

        Raises:
            AnsibleActionFail: the cluster refused; nothing is left of the placement.
        """

    @abstractmethod
    def commit(self) -> None:
        """The process runs on the target host: the source's container is no longer wanted."""

    @abstractmethod
    def revert(self) -> None:
        """The process runs on the source host as before: the container that was placed is no longer wanted.

        Also called when :meth:`place` was not.
        """
