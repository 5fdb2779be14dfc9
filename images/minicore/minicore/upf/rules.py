# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet detection and forwarding rules of the sessions, and the tables that packets are looked up in."""

from __future__ import annotations

import hashlib
import itertools
import socket
from dataclasses import dataclass, field

from ..pfcp.endpoint import Address
from ..pfcp.ies import ApplyAction, Interface, Seid, Teid


@dataclass(slots=True)
class Pdr:
    """What to detect: a tunnel (from the access side) or a UE address (from the core side)."""

    pdr_id: int
    far_id: int
    source: Interface
    teid: Teid | None
    ue_address: str


@dataclass(slots=True)
class Far:
    """What to do with it; `outer` is the tunnel towards the gNB."""

    far_id: int
    action: ApplyAction
    destination: Interface
    outer: Teid | None = None


@dataclass(slots=True)
class N4Session:
    up_seid: int
    cp_seid: Seid
    peer: Address
    pdrs: dict[int, Pdr] = field(default_factory=dict)
    fars: dict[int, Far] = field(default_factory=dict)

    def describe(self) -> str:
        rules = [*sorted(map(repr, self.pdrs.values())), *sorted(map(repr, self.fars.values()))]
        return f"{self.up_seid} {self.cp_seid} {' '.join(rules)}"


class RuleTable:
    """Sessions by SEID, and their rules by what a packet has: TEID uplink, destination address downlink."""

    def __init__(self, n3_address: str) -> None:
        self._n3_address = n3_address
        self._seids = itertools.count(1)
        self._teids = itertools.count(1)
        self.sessions: dict[int, N4Session] = {}
        self.uplink: dict[int, tuple[N4Session, Pdr]] = {}
        self.downlink: dict[bytes, tuple[N4Session, Pdr]] = {}

    def allocate_seid(self) -> int:
        return next(self._seids)

    def allocate_teid(self) -> Teid:
        return Teid(next(self._teids), self._n3_address)

    def add(self, session: N4Session) -> None:
        self.sessions[session.up_seid] = session
        for pdr in session.pdrs.values():
            if pdr.teid is not None:
                self.uplink[pdr.teid.teid] = session, pdr
            else:
                self.downlink[socket.inet_aton(pdr.ue_address)] = session, pdr

    def remove(self, session: N4Session) -> None:
        del self.sessions[session.up_seid]
        for pdr in session.pdrs.values():
            if pdr.teid is not None:
                del self.uplink[pdr.teid.teid]
                continue
            key = socket.inet_aton(pdr.ue_address)
            # The address may belong to a younger session by now.
            if self.downlink.get(key, (None,))[0] is session:
                del self.downlink[key]

    def remove_all_of(self, peer: Address) -> int:
        """Remove the sessions that a peer made; return how many."""
        gone = [session for session in self.sessions.values() if session.peer == peer]
        for session in gone:
            self.remove(session)
        return len(gone)

    def digest(self) -> str:
        """SHA-256 over the sorted sessions."""
        digest = hashlib.sha256()
        for _, session in sorted(self.sessions.items()):
            digest.update(session.describe().encode() + b"\n")
        return digest.hexdigest()
