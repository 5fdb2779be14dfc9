# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""S-NSSAI and lists of it (TS 24.501 clauses 9.11.2.8, 9.11.3.37 and 9.11.3.46)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from .ie import Codec
from .values import listed


@dataclass(frozen=True, slots=True)
class SNssai:
    """A network slice.

    Attributes:
        sst: slice/service type.
        sd: slice differentiator, six hexadecimal digits.
        mapped_sst, mapped_sd: the slice of the home network that it stands for, when roaming.
    """

    sst: int
    sd: str | None = None
    mapped_sst: int | None = None
    mapped_sd: str | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SNssai:
        """From Snssai of SBI messages (TS 29.571 clause 5.4.4.2)."""
        sd = value.get("sd")
        return cls(int(value["sst"]), None if sd is None else str(sd).lower())


def _write_slice(slice_: SNssai) -> bytes:
    encoded = bytes((slice_.sst,)) + _write_sd(slice_.sd)
    if slice_.mapped_sst is not None:
        encoded += bytes((slice_.mapped_sst,)) + _write_sd(slice_.mapped_sd)
    if len(encoded) not in (1, 2, 4, 5, 8):
        raise ValueError("a mapped slice with SD needs a slice with SD")
    return encoded


def _write_sd(sd: str | None) -> bytes:
    return b"" if sd is None else int(sd, 16).to_bytes(3, "big")


def _read_slice(data: bytes) -> SNssai:
    match len(data):
        case 1:
            return SNssai(data[0])
        case 2:
            return SNssai(data[0], None, data[1])
        case 4:
            return SNssai(data[0], data[1:].hex())
        case 5:
            return SNssai(data[0], data[1:4].hex(), data[4])
        case 8:
            return SNssai(data[0], data[1:4].hex(), data[4], data[5:].hex())
    raise ValueError(f"{len(data)} bytes are no S-NSSAI")


SLICE: Final = Codec(_write_slice, _read_slice)


def _write_entry(slice_: SNssai) -> bytes:
    encoded = _write_slice(slice_)
    return bytes((len(encoded),)) + encoded


SLICES: Final[Codec[tuple[SNssai, ...]]] = listed(
    lambda data, at: 1 + data[at], Codec(_write_entry, lambda data: _read_slice(data[1:])), 16
)
"""NSSAI: requested and configured have at most 16 slices, allowed 8."""


@dataclass(frozen=True, slots=True)
class RejectedSlice:
    """A slice that the UE cannot use, and why (0: not in this PLMN, 1: not in this registration area)."""

    slice: SNssai
    cause: int


def _write_rejected(rejected: RejectedSlice) -> bytes:
    encoded = bytes((rejected.slice.sst,)) + _write_sd(rejected.slice.sd)
    return bytes((len(encoded) << 4 | rejected.cause,)) + encoded


def _read_rejected(data: bytes) -> RejectedSlice:
    if len(data) not in (2, 5):
        raise ValueError(f"{len(data) - 1} bytes are no rejected S-NSSAI")
    return RejectedSlice(_read_slice(data[1:]), data[0] & 0x0F)


REJECTED_SLICES: Final[Codec[tuple[RejectedSlice, ...]]] = listed(
    lambda data, at: 1 + (data[at] >> 4),
    Codec(_write_rejected, _read_rejected),
    8,
)
