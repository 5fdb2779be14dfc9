# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sequence numbers and authentication vectors (TS 33.102 clause 6.3 and Annex C, TS 33.501 clause 6.1.3.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..security import drbg, keys
from ..security.milenage import Milenage, xor

IND_BITS = 5
"""SQN = SEQ || IND, with 32 values of IND (TS 33.102 clause C.3.2)."""
SEQ_LIMIT = 1 << 43
DELTA = 1 << 28
"""A USIM refuses an SQN that jumps ahead by more (TS 33.102 clause C.3.2)."""
RESYNCHRONISATION_AMF = bytes(2)
"""The AMF field in MAC-S (TS 33.102 clause 6.3.3)."""


class AutsRejected(ValueError):
    """MAC-S does not fit: the AUTS is not by the USIM of this subscriber, or not for this RAND."""


@dataclass(frozen=True, slots=True)
class AuthenticationSubscription:
    """What the UDR keeps of a subscriber for authentication."""

    supi: str
    k: bytes = field(repr=False)
    opc: bytes = field(repr=False)
    amf: bytes
    sqn: int


@dataclass(frozen=True, slots=True)
class Vector:
    """5G HE AV (TS 33.501 clause 6.1.3.2.0)."""

    rand: bytes
    autn: bytes
    xres_star: bytes = field(repr=False)
    k_ausf: bytes = field(repr=False)


def next_sqn(sqn: int) -> int:
    """The SQN after this one: SEQ and IND one more (TS 33.102 clauses C.1.1.1 and C.3.2, not time based)."""
    seq, ind = sqn >> IND_BITS, sqn & ((1 << IND_BITS) - 1)
    return ((seq + 1) % SEQ_LIMIT) << IND_BITS | (ind + 1) % (1 << IND_BITS)


def resynchronised_sqn(sqn: int, sqn_ms: int) -> int:
    """SQN_HE after a synchronisation failure (TS 33.102 clause 6.3.5): kept if the next one will be accepted."""
    ahead = (next_sqn(sqn) >> IND_BITS) - (sqn_ms >> IND_BITS)
    return sqn if 0 < ahead <= DELTA else sqn_ms


def sqn_of_auts(subscription: AuthenticationSubscription, rand: bytes, auts: bytes) -> int:
    """SQN_MS in an AUTS (14 octets), or AutsRejected (TS 33.102 clause 6.3.3)."""
    milenage = Milenage(subscription.k, subscription.opc)
    sqn_ms, mac_s = xor(auts[:6], milenage.f5_star(rand)), auts[6:]
    if milenage.f1_star(rand, sqn_ms, RESYNCHRONISATION_AMF) != mac_s:
        raise AutsRejected("MAC-S differs")
    return int.from_bytes(sqn_ms, "big")


def generate(subscription: AuthenticationSubscription, sqn: int, serving_network_name: str) -> Vector:
    """A fresh vector with this SQN."""
    rand, sqn_octets = drbg.generator.octets(16), sqn.to_bytes(6, "big")
    milenage = Milenage(subscription.k, subscription.opc)
    res, ck, ik, ak = milenage.f2345(rand)
    mac = milenage.f1(rand, sqn_octets, subscription.amf)
    concealed = xor(sqn_octets, ak)
    return Vector(
        rand,
        concealed + subscription.amf + mac,
        keys.res_star(ck, ik, serving_network_name, rand, res),
        keys.k_ausf(ck, ik, serving_network_name, concealed),
    )
