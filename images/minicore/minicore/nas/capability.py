# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UE security capability and the choice of algorithms (TS 24.501 clauses 9.11.3.54 and 9.11.3.34)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from .ie import Codec


@dataclass(frozen=True, slots=True)
class SecurityCapability:
    """What the UE can: kept as its bytes, since the network has to replay them.

    Octets: 5G-EA, 5G-IA, and where the UE has E-UTRA, EEA and EIA; bit 8 is algorithm 0.
    """

    octets: bytes

    @classmethod
    def of(cls, ciphering: Iterable[int], integrity: Iterable[int]) -> SecurityCapability:
        """A UE with these 5G algorithms and no E-UTRA."""
        return cls(bytes(sum(0x80 >> algorithm for algorithm in known) for known in (ciphering, integrity)))

    def can_cipher(self, algorithm: int) -> bool:
        """Whether it has 5G-EA of that number (0 to 7)."""
        return bool(self.octets[0] & 0x80 >> algorithm)

    def can_protect(self, algorithm: int) -> bool:
        """Whether it has 5G-IA of that number (0 to 7)."""
        return bool(self.octets[1] & 0x80 >> algorithm)

    def ngap_bits(self) -> tuple[int, int, int, int]:
        """NR encryption, NR integrity, E-UTRA encryption and integrity as NGAP has them.

        16 bits each, the first for algorithm 1: the null algorithms are left out (TS 38.413 clause 9.3.1.86).
        """
        nea, nia, eea, eia = (self.octets + b"\0\0")[:4]
        return nea << 9 & 0xFF00, nia << 9 & 0xFF00, eea << 9 & 0xFF00, eia << 9 & 0xFF00


def _read(data: bytes) -> SecurityCapability:
    if not 2 <= len(data) <= 8:
        raise ValueError(f"{len(data)} bytes of UE security capability")
    return SecurityCapability(bytes(data))


SECURITY_CAPABILITY: Final[Codec[SecurityCapability]] = Codec(lambda capability: capability.octets, _read)


class Algorithms(NamedTuple):
    """The NAS algorithms that are chosen: numbers of 5G-EA and 5G-IA."""

    ciphering: int
    integrity: int


def _read_algorithms(data: bytes) -> Algorithms:
    return Algorithms(data[0] >> 4, data[0] & 0x0F)


ALGORITHMS: Final[Codec[Algorithms]] = Codec(
    lambda chosen: bytes((chosen.ciphering << 4 | chosen.integrity,)), _read_algorithms
)
