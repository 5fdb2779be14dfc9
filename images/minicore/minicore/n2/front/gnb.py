# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the front knows of one gNB: its association, its NG setup with each AMF, and whose its UEs are."""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field

from ...ngap.messages import NgSetupResponse
from ..sctp import SctpAssociation
from .amf_link import AmfLink


class LegState(enum.Enum):
    AWAY = enum.auto()
    """The AMF is not connected, or the gNB has not asked for NG setup."""
    SETTING_UP = enum.auto()
    READY = enum.auto()
    REFUSED = enum.auto()


@dataclass(slots=True)
class Leg:
    """One gNB at one AMF."""

    amf: AmfLink
    state: LegState = LegState.AWAY
    answer: bytes = b""
    """The NG SETUP RESPONSE or FAILURE of this AMF."""
    response: NgSetupResponse | None = None
    waiting: deque[tuple[int, bytes]] = field(default_factory=deque)
    """Streams and PDUs of the gNB that came while the AMF was away."""


@dataclass(slots=True, eq=False)
class Ue:
    """A UE-associated logical NG connection."""

    gnb: Gnb
    ran_ue_ngap_id: int
    amf: AmfLink
    amf_ue_ngap_id: int | None = None


@dataclass(slots=True)
class Question:
    """A request of a gNB that went to all AMFs."""

    is_answered: bool = False


class Gnb:
    """One association."""

    def __init__(self, number: int, association: SctpAssociation) -> None:
        self.number = number
        """Of the association in frames."""
        self.association = association
        self.setup: tuple[int, bytes] | None = None
        """Stream and PDU of the latest NG SETUP REQUEST: each AMF that comes (back) gets it."""
        self.is_answered = False
        """Whether the gNB has had an answer to that request."""
        self.legs: dict[AmfLink, Leg] = {}
        self.ues: dict[int, Ue] = {}
        """By RAN UE NGAP ID."""
        self.lost: dict[AmfLink, list[Ue]] = {}
        """UEs of AMFs that have been away: the gNB does not know yet that their connections are gone."""
        self.asked: dict[int, deque[AmfLink | None]] = {}
        """By procedure code: whose request without a UE the gNB has yet to answer; None: nobody waits for it."""
        self.asks: dict[tuple[int, AmfLink], deque[Question]] = {}
        """By procedure code and AMF: what the gNB has asked without a UE and the AMF has not answered."""

    def leg(self, amf: AmfLink) -> Leg:
        leg = self.legs.get(amf)
        if leg is None:
            leg = self.legs[amf] = Leg(amf)
        return leg

    @property
    def waiting(self) -> int:
        """Messages that wait for an AMF."""
        return sum(len(leg.waiting) for leg in self.legs.values())

    @property
    def is_waiting(self) -> bool:
        """Something of the gNB has no AMF that could answer it."""
        return self.waiting > 0 or (self.setup is not None and not self.is_answered)

    @property
    def name(self) -> str:
        return f"{self.association.peers[0] if self.association.peers else '?'}:{self.association.peer_port}"
