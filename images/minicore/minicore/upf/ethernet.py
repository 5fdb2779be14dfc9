# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of Ethernet PDU sessions, forwarded by the MAC addresses that were learned (TS 23.501 clause 5.6.10.2)."""

from __future__ import annotations

from collections.abc import Iterator

from .rules import N4Session, Pdr, RuleTable

HEADER = 14
MACS_PER_SESSION = 16
"""Addresses that are learned of one UE: what is behind it is a small network, not an attack on the table."""


def destinations(rules: RuleTable, frame: bytes, sender: N4Session | None) -> Iterator[tuple[N4Session, Pdr]]:
    """The sessions that get a frame: one by its learned address, or all but the sender for a group address."""
    if frame[0] & 1:
        for session, pdr in list(rules.ethernet.values()):
            if session is not sender:
                yield session, pdr
        return
    owner = rules.macs.get(frame[:6])
    if owner is not None and owner is not sender and owner.up_seid in rules.ethernet:
        yield rules.ethernet[owner.up_seid]


def learn(rules: RuleTable, session: N4Session, frame: bytes) -> bool:
    """Note the frame's sender; False if the frame must not pass: a group address, or too many of this UE."""
    source = frame[6:12]
    if source[0] & 1:
        return False
    owner = rules.macs.get(source)
    if owner is session:
        return True
    if len(session.macs) >= MACS_PER_SESSION:
        return False
    if owner is not None:
        # It has moved, as with a bridge.
        owner.macs.discard(source)
    rules.macs[source] = session
    session.macs.add(source)
    return True
