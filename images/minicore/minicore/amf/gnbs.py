# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gNBs that have an N2 association."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..n2.link import Association


@dataclass(slots=True, eq=False)
class Gnb:
    """One association; `is_ready` after its NG Setup."""

    association: Association
    is_ready: bool = False
    gnb_id: str = ""
    tacs: frozenset[int] = frozenset()
    """Tracking areas of our PLMN that it has cells in."""


class GnbTable:
    """gNBs by the id of their association."""

    def __init__(self) -> None:
        self._gnbs: dict[int, Gnb] = {}

    def __iter__(self) -> Iterator[Gnb]:
        return (gnb for gnb in self._gnbs.values() if gnb.is_ready)

    def add(self, association: Association) -> Gnb:
        gnb = self._gnbs[association.id] = Gnb(association)
        return gnb

    def get(self, association: Association) -> Gnb | None:
        return self._gnbs.get(association.id)

    def remove(self, association: Association) -> Gnb | None:
        return self._gnbs.pop(association.id, None)

    def serving(self, tac: int) -> list[Gnb]:
        """The gNBs of a tracking area."""
        return [gnb for gnb in self if tac in gnb.tacs]
