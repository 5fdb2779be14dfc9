# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of everything that lives in a namespace of the container, and not in a process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ..errors import Blocker

State = dict[str, str]
"""What was read, for the other host; the keys are the kind's own."""


class NamespaceKind(ABC):
    """One kind of state. It is read on the source and applied on the target while the process runs on the source."""

    name: ClassVar[str]
    """Its key in the message to the target."""

    def blockers(self, pid: int) -> list[Blocker]:
        """What of it cannot be carried, by name; ``pid`` is the first process of the container."""
        return []

    @abstractmethod
    def read(self, pid: int) -> State:
        """What the target must have."""

    @abstractmethod
    def apply(self, pid: int, wanted: State) -> None:
        """Set it in the awaiting container whose first process is ``pid``; what is there already stays.

        Raises:
            MigrationError: this host does not take it.
        """
