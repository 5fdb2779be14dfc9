# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bit streams of aligned PER (ITU-T X.691), and its lengths that have no bound."""

from __future__ import annotations


class AperError(ValueError):
    """Octets that are not the encoding of any value."""


class Writer:
    """Bits, the first one the most significant of `_value`."""

    __slots__ = ("_length", "_value")

    def __init__(self) -> None:
        self._value = 0
        self._length = 0

    def put(self, value: int, bits: int) -> None:
        self._value = self._value << bits | value
        self._length += bits

    def align(self) -> None:
        padding = -self._length & 7
        self._value <<= padding
        self._length += padding

    def put_octets(self, data: bytes) -> None:
        self._value = self._value << 8 * len(data) | int.from_bytes(data, "big")
        self._length += 8 * len(data)

    def finish(self) -> bytes:
        """At least one octet, as an open type and a whole message must have (clause 11.1)."""
        self.align()
        return self._value.to_bytes(self._length >> 3, "big") or b"\0"


class Reader:
    __slots__ = ("_data", "_end", "_value", "position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._value = int.from_bytes(data, "big")
        self._end = 8 * len(data)
        self.position = 0
        """In bits."""

    def take(self, bits: int) -> int:
        end = self.position + bits
        if end > self._end:
            raise AperError("too short")
        self.position = end
        return self._value >> (self._end - end) & ((1 << bits) - 1)

    def align(self) -> None:
        self.position = (self.position + 7) & ~7

    def take_octets(self, count: int) -> bytes:
        """From an aligned position."""
        start = self.position >> 3
        if 8 * (start + count) > self._end:
            raise AperError("too short")
        self.position += 8 * count
        return self._data[start : start + count]

    def finish(self) -> None:
        """AperError for octets after the end; a value without bits has one octet."""
        left = self._end - max((self.position + 7) & ~7, 8)
        if left > 0:
            raise AperError(f"{left} bits after its end")


FRAGMENT = 16384
"""Longer strings are cut into parts of one to four times this (clause 11.9.3.8)."""


def write_length(writer: Writer, length: int) -> None:
    """Unconstrained length below 16384 (clause 11.9.3.5)."""
    writer.align()
    writer.put(*((length, 8) if length < 128 else (0x8000 | length, 16)))


def read_length(reader: Reader) -> tuple[int, bool]:
    """Length, and whether another fragment follows."""
    reader.align()
    first = reader.take(8)
    if first < 0x80:
        return first, False
    if first < 0xC0:
        return (first & 0x3F) << 8 | reader.take(8), False
    if not 1 <= first & 0x3F <= 4:
        raise AperError("fragment of no known length")
    return (first & 0x3F) * FRAGMENT, True


def write_octets(writer: Writer, data: bytes) -> None:
    """Octets of any number after their length, in fragments from 16384 on (clause 11.9.3.8)."""
    position = 0
    while len(data) - position >= FRAGMENT:
        fragments = min(4, (len(data) - position) // FRAGMENT)
        writer.align()
        writer.put(0xC0 | fragments, 8)
        writer.put_octets(data[position : position + fragments * FRAGMENT])
        position += fragments * FRAGMENT
    write_length(writer, len(data) - position)
    writer.put_octets(data[position:])


def read_octets(reader: Reader) -> bytes:
    length, goes_on = read_length(reader)
    data = reader.take_octets(length)
    while goes_on:
        length, goes_on = read_length(reader)
        data += reader.take_octets(length)
    return data
