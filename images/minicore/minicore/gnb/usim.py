# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a UE's USIM does in 5G-AKA (TS 33.501 clause 6.1.3.2, TS 33.102 clause 6.3.3)."""

from __future__ import annotations

from typing import NamedTuple

from ..security.milenage import Milenage

_IND_BITS = 5
_SQN_MAX = (1 << 48) - 1
# AMF field of a resynchronisation (TS 33.102 clause 6.3.3).
_RESYNC_AMF = bytes(2)


class MacFailureError(Exception):
    """AUTN was not made with the key of this USIM."""


class SynchFailureError(Exception):
    """The sequence number was seen before; `auts` tells the home network where the USIM is."""

    def __init__(self, auts: bytes) -> None:
        super().__init__("sequence number out of range")
        self.auts = auts


class Challenge(NamedTuple):
    """What the USIM gives to the UE for one accepted challenge."""

    res: bytes
    ck: bytes
    ik: bytes
    sqn_xor_ak: bytes


class Usim:
    """Key and sequence numbers of one subscriber; accepts a sequence number by the array of TS 33.102 clause C.2."""

    def __init__(self, milenage: Milenage) -> None:
        self._milenage = milenage
        self._seq: dict[int, int] = {}

    def answer(self, rand: bytes, autn: bytes) -> Challenge:
        """Check AUTN and answer, or raise MacFailureError or SynchFailureError."""
        res, ck, ik, ak = self._milenage.f2345(rand)
        sqn = bytes(a ^ b for a, b in zip(autn[:6], ak, strict=True))
        if self._milenage.f1(rand, sqn, autn[6:8]) != autn[8:16]:
            raise MacFailureError
        seq, ind = divmod(int.from_bytes(sqn, "big"), 1 << _IND_BITS)
        if seq <= self._seq.get(ind, -1):
            raise SynchFailureError(self._auts(rand))
        self._seq[ind] = seq
        return Challenge(res, ck, ik, autn[:6])

    def set_sequence(self, sqn: int) -> None:
        """Take `sqn` for the highest sequence number seen, in each slot of the array."""
        for ind in range(1 << _IND_BITS):
            self._seq[ind] = sqn >> _IND_BITS

    def _auts(self, rand: bytes) -> bytes:
        """SQN_MS concealed with AK*, and MAC-S over it."""
        seq, ind = max((seq, ind) for ind, seq in self._seq.items())
        sqn = min(seq << _IND_BITS | ind, _SQN_MAX).to_bytes(6, "big")
        ak = self._milenage.f5_star(rand)
        return bytes(a ^ b for a, b in zip(sqn, ak, strict=True)) + self._milenage.f1_star(rand, sqn, _RESYNC_AMF)
