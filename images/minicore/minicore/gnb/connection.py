# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What binds a UE to its gNB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..ngap.values import Snssai
from .session import UeSession

if TYPE_CHECKING:
    from .station import Gnb


@dataclass(frozen=True, slots=True)
class Network:
    """What UEs and gNBs must know of the network."""

    plmn: str
    tac: int
    slice: Snssai
    dnn: str


class ConnectedUe(Protocol):
    """What a gNB needs of a UE."""

    session: UeSession | None
    connection: Connection | None

    def receive(self, nas: bytes) -> None:
        """A NAS message has arrived."""

    def changed(self) -> None:
        """The connection, the session, or their user plane has changed."""

    def fail(self, reason: str) -> None:
        """What the UE does now has failed."""

    def check_key(self, k_gnb: bytes) -> None: ...

    def paged(self) -> None: ...


@dataclass(slots=True, eq=False)
class Connection:
    """UE-associated logical NG connection."""

    gnb: Gnb
    ran_id: int
    ue: ConnectedUe
    amf_id: int | None = None
    context: bool = False
    """Whether the AMF has set up the UE context at the gNB."""
    is_abandoned: bool = False
    """The UE has left without a word."""
