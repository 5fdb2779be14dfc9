# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ends of a migration, as every method implements them (see :mod:`methods`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from ..engines.base import Engine
from ..engines.spec import ContainerSpec
from ..session.journal import MigrationRecord
from ..session.options import Plan
from ..session.outcome import Outcome


class SourceEnd(ABC):
    """The source's end. The functions on a record serve a later run, after the agent died; they are idempotent."""

    @abstractmethod
    def __init__(self, plan: Plan, addresses: list[str], port: int, engine: Engine) -> None: ...

    @abstractmethod
    def run(self) -> Outcome:
        """Migrate; returns when the source copy is released, or runs here again."""

    @staticmethod
    @abstractmethod
    def release(record: MigrationRecord, engine: Engine) -> None:
        """Remove the copy of a process that runs on the target."""

    @staticmethod
    @abstractmethod
    def roll_back(record: MigrationRecord, engine: Engine) -> list[str]:
        """Let the process run here again as if nothing had happened.

        Returns:
            What could not be set again, for the user; it keeps nothing else from being restored.
        """


class TargetEnd(ABC):
    """The target's end. The functions on a record serve a later run, after the agent died; they are idempotent."""

    @abstractmethod
    def __init__(self, plan: Plan, source: ContainerSpec, engine: Engine) -> None: ...

    @abstractmethod
    def prepare(self, mount_copies: Mapping[str, str]) -> int:
        """Create the container and an agent that waits for the source; returns the agent's TCP port.

        Args:
            mount_copies: what this host may lack for the container's read-only mounts, see :mod:`read_only_mounts`.
        """

    @staticmethod
    @abstractmethod
    def may_have_run(record: MigrationRecord) -> bool:
        """Whether the process may have run on the target."""

    @staticmethod
    @abstractmethod
    def resolve(record: MigrationRecord, engine: Engine) -> None:
        """Complete what an agent that died has left, if the process may have run here; else remove it."""
