# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of information elements that are used by more than one message (TS 24.501 clause 9.11)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from .ie import Codec

T = TypeVar("T")

DEACTIVATED: Final = -1
"""A GPRS timer that is deactivated."""

MAX_SESSION_ID: Final = 15


def uint(length: int) -> Codec[int]:
    """A number of so many bytes."""

    def read(data: bytes) -> int:
        if len(data) != length:
            raise ValueError(f"{len(data)} bytes instead of {length}")
        return int.from_bytes(data, "big")

    return Codec(lambda value: int(value).to_bytes(length, "big"), read)


def octets(minimum: int, maximum: int) -> Codec[bytes]:
    """Bytes as they are, within limits of their number."""

    def read(data: bytes) -> bytes:
        if not minimum <= len(data) <= maximum:
            raise ValueError(f"{len(data)} bytes instead of {minimum} to {maximum}")
        return bytes(data)

    return Codec(read, read)


UINT8: Final = uint(1)
FLAGS: Final = octets(1, 255)
"""An element of flags that is carried and not looked into."""


def listed(length_at: Callable[[bytes, int], int], codec: Codec[T], maximum: int) -> Codec[tuple[T, ...]]:
    """Elements one behind the other, of which each says by its first bytes how long it is (all of it)."""

    def read(data: bytes) -> tuple[T, ...]:
        values: list[T] = []
        offset = 0
        while offset < len(data):
            end = offset + length_at(data, offset)
            if end > len(data) or len(values) == maximum:
                raise ValueError("the list does not end where it should")
            values.append(codec.read(data[offset:end]))
            offset = end
        if not values:
            raise ValueError("the list is empty")
        return tuple(values)

    return Codec(lambda values: b"".join(map(codec.write, values)), read)


def bcd(digits: str) -> bytes:
    """Digits with the first of each two in the lower half, filled with 1111."""
    padded = digits + "f" * (len(digits) % 2)
    return bytes(int(padded[at + 1] + padded[at], 16) for at in range(0, len(padded), 2))


def from_bcd(data: bytes) -> str:
    """Digits without what fills the last byte. Raises ValueError if anything but that is no digit."""
    digits = data.hex()
    text = "".join(digits[at + 1] + digits[at] for at in range(0, len(digits), 2)).rstrip("f")
    if not text.isdecimal() or len(text) < len(data) * 2 - 1:
        raise ValueError(f"{data.hex()} is not made of digits")
    return text


def write_plmn(plmn: str) -> bytes:
    """A PLMN as MCC and MNC without a hyphen, "00101" or "310410" (TS 24.501 clause 9.11.3.4)."""
    if not re.fullmatch("[0-9]{5,6}", plmn):
        raise ValueError(f"{plmn!r} is no PLMN")
    third = plmn[5:] or "f"
    return bytes.fromhex(plmn[1] + plmn[0] + third + plmn[2] + plmn[4] + plmn[3])


def read_plmn(data: bytes) -> str:
    digits = data.hex()
    plmn = digits[1] + digits[0] + digits[3] + digits[5] + digits[4] + digits[2]
    if len(data) != 3 or not plmn.removesuffix("f").isdecimal():
        raise ValueError(f"{digits} is no PLMN")
    return plmn.removesuffix("f")


@dataclass(frozen=True, slots=True)
class Tai:
    """Tracking area identity (clause 9.11.3.8); the PLMN is "00101"."""

    plmn: str
    tac: int


def _write_tai(tai: Tai) -> bytes:
    return write_plmn(tai.plmn) + tai.tac.to_bytes(3, "big")


def _read_tai(data: bytes) -> Tai:
    if len(data) != 6:
        raise ValueError(f"a TAI has 6 bytes, not {len(data)}")
    return Tai(read_plmn(data[:3]), int.from_bytes(data[3:], "big"))


TAI: Final = Codec(_write_tai, _read_tai)


def _write_tai_list(tais: Iterable[Tai]) -> bytes:
    """One partial list for each PLMN, with its TACs in any order (type 00)."""
    areas: dict[str, list[int]] = {}
    for tai in tais:
        areas.setdefault(tai.plmn, []).append(tai.tac)
    if not areas or sum(map(len, areas.values())) > 16:
        raise ValueError("A TAI list has 1 to 16 tracking areas")
    parts = []
    for plmn, tacs in areas.items():
        parts.append(bytes((len(tacs) - 1,)) + write_plmn(plmn) + b"".join(tac.to_bytes(3, "big") for tac in tacs))
    return b"".join(parts)


def _read_tai_list(data: bytes) -> tuple[Tai, ...]:
    """All three types of partial lists (figure 9.11.3.9.1)."""
    tais: list[Tai] = []
    offset = 0
    while offset < len(data):
        kind, count = data[offset] >> 5 & 3, (data[offset] & 0x1F) + 1
        offset += 1
        end = offset + {0: 3 + 3 * count, 1: 6, 2: 6 * count}.get(kind, len(data))
        if end > len(data) or len(tais) + count > 16:
            raise ValueError("the TAI list does not end where it should")
        if kind == 2:
            tais += [_read_tai(data[at : at + 6]) for at in range(offset, end, 6)]
        else:
            plmn = read_plmn(data[offset : offset + 3])
            tacs = [int.from_bytes(data[at : at + 3], "big") for at in range(offset + 3, end, 3)]
            if kind == 1:
                tacs = [tacs[0] + step for step in range(count)]
            if tacs[-1] > 0xFFFFFF:
                raise ValueError("the TAI list has a TAC of more than 24 bits")
            tais += [Tai(plmn, tac) for tac in tacs]
        offset = end
    if not tais:
        raise ValueError("the TAI list is empty")
    return tuple(tais)


TAI_LIST: Final = Codec(_write_tai_list, _read_tai_list)

PLMN_LIST: Final = listed(lambda data, at: 3, Codec(write_plmn, read_plmn), 15)
"""Equivalent PLMNs (TS 24.008 clause 10.5.1.13)."""


def _write_sessions(sessions: Iterable[int]) -> bytes:
    bits = 0
    for session in sessions:
        if not 0 < session <= MAX_SESSION_ID:
            raise ValueError(f"{session} is no PDU session identity")
        bits |= 1 << session
    return bits.to_bytes(2, "little")


def _read_sessions(data: bytes) -> frozenset[int]:
    if not 2 <= len(data) <= 32:
        raise ValueError(f"{len(data)} bytes of PDU sessions")
    bits = data[0] | data[1] << 8
    return frozenset(session for session in range(1, MAX_SESSION_ID + 1) if bits >> session & 1)


SESSIONS: Final = Codec(_write_sessions, _read_sessions)
"""PDU session status, uplink data status and the like: a set of identities (clauses 9.11.3.44 and 9.11.3.57)."""

SESSION_CAUSES: Final = listed(lambda data, at: 2, Codec(bytes, lambda data: (data[0], data[1])), 256)
"""PDU sessions and why they were not activated, a 5GMM cause (clause 9.11.3.43)."""


def _timer(units: dict[int, int]) -> Codec[int]:
    """Seconds, from 5 bits of a value and 3 bits of its unit; rounded up where there is no exact value."""

    def write(seconds: int) -> bytes:
        if seconds == DEACTIVATED:
            return b"\xe0"
        if seconds < 0:
            raise ValueError(f"{seconds} s is no timer")
        fitting = [(-seconds % size, size, unit) for unit, size in units.items() if seconds <= 31 * size]
        if not fitting:
            raise ValueError(f"{seconds} s is too long for the timer")
        _excess, size, unit = min(fitting)
        return bytes((unit << 5 | -(-seconds // size),))

    def read(data: bytes) -> int:
        if len(data) != 1:
            raise ValueError(f"{len(data)} bytes of timer")
        unit, value = data[0] >> 5, data[0] & 0x1F
        return DEACTIVATED if unit == 7 else value * units.get(unit, 60)

    return Codec(write, read)


TIMER_2: Final = _timer({0: 2, 1: 60, 2: 360})
"""GPRS timer 2 (TS 24.008 clause 10.5.7.4), in seconds."""
TIMER_3: Final = _timer({3: 2, 4: 30, 5: 60, 0: 600, 1: 3600, 2: 36000, 6: 320 * 3600})
"""GPRS timer 3 (TS 24.008 clause 10.5.7.4a), in seconds."""


def _write_dnn(dnn: str) -> bytes:
    labels = dnn.encode("ascii").split(b".")
    encoded = b"".join(bytes((len(label),)) + label for label in labels)
    if len(encoded) > 100 or not all(0 < len(label) < 64 for label in labels):
        raise ValueError(f"{dnn!r} is no DNN")
    return encoded


def _read_dnn(data: bytes) -> str:
    labels, offset = [], 0
    while offset < len(data):
        end = offset + 1 + data[offset]
        if end > len(data) or end == offset + 1:
            raise ValueError("a label of the DNN does not end where it should")
        labels.append(data[offset + 1 : end].decode("ascii"))
        offset = end
    if not labels or len(data) > 100 or not all(re.fullmatch("[A-Za-z0-9_-]+", label) for label in labels):
        raise ValueError("the DNN is no name")
    return ".".join(labels)


DNN: Final = Codec(_write_dnn, _read_dnn)
"""A DNN as labels with their lengths (TS 23.003 clause 9.1), here "internet" or "a.b"."""
