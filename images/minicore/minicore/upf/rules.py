# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet detection and forwarding rules of the sessions, and the tables that packets are looked up in."""

from __future__ import annotations

import hashlib
import itertools
import os
import socket
from collections import deque
from dataclasses import dataclass, field

from ..pfcp.endpoint import Address
from ..pfcp.ies import ApplyAction, Interface, Seid, Teid
from .qos import Qer
from .usage import Urr

BUFFERED_PER_SESSION = 64
BUFFERED_IN_ALL = 4096
"""Packets that wait for idle UEs: some 6 MB, which a migration would have to move."""


class Far:
    """What to do with a packet; `outer` is the tunnel towards the gNB."""

    __slots__ = ("action", "buffers", "destination", "far_id", "forwards", "notifies", "outer")

    def __init__(self, far_id: int, action: ApplyAction, destination: Interface, outer: Teid | None = None) -> None:
        self.far_id = far_id
        self.destination = destination
        self.outer = outer
        self.apply(action)

    def apply(self, action: ApplyAction) -> None:
        """Set the action; its flags apart, since looking into them takes longer than forwarding a packet."""
        self.action = action
        self.forwards = ApplyAction.FORWARD in action
        self.buffers = ApplyAction.BUFFER in action
        self.notifies = ApplyAction.NOTIFY_CP in action

    def copy(self) -> Far:
        return Far(self.far_id, self.action, self.destination, self.outer)

    def __repr__(self) -> str:
        return f"Far({self.far_id}, {self.action!r}, {self.destination!r}, {self.outer})"


DROP = Far(0, ApplyAction.DROP, Interface.CORE)


@dataclass(slots=True)
class Pdr:
    """What to detect: a tunnel (from the access side), or a UE address or frames (from the core side)."""

    pdr_id: int
    far_id: int
    source: Interface
    teid: Teid | None
    ue_address: str
    ue_prefix: bytes = b""
    ethernet: bool = False
    qer_ids: tuple[int, ...] = ()
    urr_ids: tuple[int, ...] = ()
    far: Far = field(default=DROP, repr=False, compare=False)
    qers: tuple[Qer, ...] = field(default=(), repr=False, compare=False)
    urrs: tuple[Urr, ...] = field(default=(), repr=False, compare=False)
    qfi: int = field(default=1, repr=False, compare=False)

    @property
    def keys(self) -> list[bytes]:
        """The destinations that belong to it: an IPv4 address in 4 octets, a /64 in 8."""
        address = [socket.inet_aton(self.ue_address)] if self.ue_address else []
        return [*address, self.ue_prefix] if self.ue_prefix else address


@dataclass(slots=True)
class Rules:
    """The rules of a session by their ids."""

    pdrs: dict[int, Pdr] = field(default_factory=dict)
    fars: dict[int, Far] = field(default_factory=dict)
    qers: dict[int, Qer] = field(default_factory=dict)
    urrs: dict[int, Urr] = field(default_factory=dict)

    def copy(self) -> Rules:
        """For a change that is made as a whole or not at all; the rules themselves are shared."""
        return Rules(dict(self.pdrs), dict(self.fars), dict(self.qers), dict(self.urrs))

    def missing(self) -> tuple[int, int] | None:
        """The first rule that a PDR names and that is not there: type of Failed Rule ID (clause 8.2.80) and id."""
        for pdr in self.pdrs.values():
            if pdr.far_id not in self.fars:
                return 1, pdr.far_id
            for qer_id in pdr.qer_ids:
                if qer_id not in self.qers:
                    return 2, qer_id
            for urr_id in pdr.urr_ids:
                if urr_id not in self.urrs:
                    return 3, urr_id
        return None

    def link(self) -> None:
        """Let each PDR hold the rules that it names."""
        for pdr in self.pdrs.values():
            pdr.far = self.fars[pdr.far_id]
            pdr.qers = tuple(self.qers[qer_id] for qer_id in pdr.qer_ids)
            pdr.urrs = tuple(self.urrs[urr_id] for urr_id in pdr.urr_ids)
            pdr.qfi = next((qer.qfi for qer in pdr.qers if qer.qfi is not None), 1)


@dataclass(slots=True)
class N4Session:
    up_seid: int
    cp_seid: Seid
    peer: Address
    rules: Rules = field(default_factory=Rules)
    buffer: deque[tuple[int, bytes]] = field(default_factory=deque)
    """Packets that wait for an idle UE, with the ids of their PDRs."""
    notified: bool = False
    """The SMF knows that packets wait."""
    macs: set[bytes] = field(default_factory=set)
    """What was learned of an Ethernet session's UE."""

    @property
    def pdrs(self) -> dict[int, Pdr]:
        return self.rules.pdrs

    @property
    def fars(self) -> dict[int, Far]:
        return self.rules.fars

    def describe(self) -> str:
        rules = self.rules
        kinds = (rules.pdrs, rules.fars, rules.qers, rules.urrs)
        texts = [text for kind in kinds for text in sorted(map(repr, kind.values()))]
        return f"{self.up_seid} {self.cp_seid} {' '.join(texts)}"


class RuleTable:
    """Sessions by SEID, and their rules by what a packet has: TEID uplink, destination downlink."""

    def __init__(self, n3_address: str) -> None:
        self.n3_address = n3_address
        self._seids = itertools.count(1)
        # Not from 1: after a restart a gNB's tunnel of before must not lead into another UE's session.
        self._teids = itertools.count(int.from_bytes(os.urandom(3), "big") << 8 | 1)
        self.sessions: dict[int, N4Session] = {}
        self.uplink: dict[int, tuple[N4Session, Pdr]] = {}
        self.downlink: dict[bytes, tuple[N4Session, Pdr]] = {}
        self.ethernet: dict[int, tuple[N4Session, Pdr]] = {}
        """Downlink rules of Ethernet sessions, by SEID."""
        self.macs: dict[bytes, N4Session] = {}
        self.buffered = 0

    def allocate_seid(self) -> int:
        return next(self._seids)

    def allocate_teid(self) -> Teid:
        while True:
            teid = next(self._teids) & 0xFFFFFFFF
            if teid and teid not in self.uplink:
                return Teid(teid, self.n3_address)

    def add(self, session: N4Session) -> None:
        self.sessions[session.up_seid] = session
        self._enter(session)

    def replace(self, session: N4Session, rules: Rules) -> None:
        """Give a session other rules."""
        self._leave(session)
        session.rules = rules
        self._enter(session)

    def remove(self, session: N4Session) -> None:
        del self.sessions[session.up_seid]
        self._leave(session)
        self.take_buffered(session)
        for mac in session.macs:
            del self.macs[mac]

    def remove_all_of(self, peer: Address) -> list[N4Session]:
        """Remove and return the sessions that a peer made."""
        gone = [session for session in self.sessions.values() if session.peer == peer]
        for session in gone:
            self.remove(session)
        return gone

    def buffer(self, session: N4Session, pdr: Pdr, packet: bytes) -> bool:
        """Keep a packet for later; False if there are too many."""
        if len(session.buffer) >= BUFFERED_PER_SESSION or self.buffered >= BUFFERED_IN_ALL:
            return False
        session.buffer.append((pdr.pdr_id, packet))
        self.buffered += 1
        return True

    def take_buffered(self, session: N4Session) -> list[tuple[int, bytes]]:
        """What was kept, in its order; the next packet is the first again."""
        packets = list(session.buffer)
        session.buffer.clear()
        session.notified = False
        self.buffered -= len(packets)
        return packets

    def digest(self) -> str:
        """SHA-256 over the sorted sessions."""
        digest = hashlib.sha256()
        for _, session in sorted(self.sessions.items()):
            digest.update(session.describe().encode() + b"\n")
        return digest.hexdigest()

    def _enter(self, session: N4Session) -> None:
        session.rules.link()
        for pdr in session.pdrs.values():
            if pdr.teid is not None:
                self.uplink[pdr.teid.teid] = session, pdr
            elif pdr.ethernet:
                self.ethernet[session.up_seid] = session, pdr
            else:
                for key in pdr.keys:
                    self.downlink[key] = session, pdr

    def _leave(self, session: N4Session) -> None:
        self.ethernet.pop(session.up_seid, None)
        for pdr in session.pdrs.values():
            if pdr.teid is not None:
                # Like the address below, it may belong to a younger session by now.
                if self.uplink.get(pdr.teid.teid, (None,))[0] is session:
                    del self.uplink[pdr.teid.teid]
                continue
            for key in pdr.keys:
                if self.downlink.get(key, (None,))[0] is session:
                    del self.downlink[key]
