# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aligned PER (ITU-T X.691) of the ASN.1 constructs that NGAP is made of.

Values are as pycrate has them, which is the oracle of the tests: dict for SEQUENCE, (name, value) for CHOICE, (number,
length) for BIT STRING, bytes, int, str. A type has `write(writer, value)`, which raises ValueError for a value that it
does not have, and `read(reader)`, which raises AperError.
"""

from __future__ import annotations

from typing import Any, Protocol

from .bits import FRAGMENT, AperError, Reader, Writer, read_length, read_octets, write_length, write_octets


class NotComprehendedError(ValueError):
    """An extension that the sender wants to be rejected where it is not known (TS 38.413 clause 10.3.4)."""


class Type(Protocol):
    def write(self, writer: Writer, value: Any) -> None: ...

    def read(self, reader: Reader) -> Any: ...


def _whole_number(value: object) -> int:
    if not isinstance(value, int):
        raise ValueError(f"{value!r} is no number")
    return value


def _write_constrained(writer: Writer, value: int, count: int) -> None:
    """A number of `count` possible ones, from 0 (clause 11.5.7)."""
    if count <= 255:
        writer.put(value, (count - 1).bit_length())
    elif count <= 65536:
        writer.align()
        writer.put(value, 8 if count == 256 else 16)
    else:
        largest = ((count - 1).bit_length() + 7) >> 3
        octets = max(1, (value.bit_length() + 7) >> 3)
        writer.put(octets - 1, (largest - 1).bit_length())
        writer.align()
        writer.put(value, 8 * octets)


def _read_constrained(reader: Reader, count: int) -> int:
    if count <= 255:
        value = reader.take((count - 1).bit_length())
    elif count <= 65536:
        reader.align()
        value = reader.take(8 if count == 256 else 16)
    else:
        largest = ((count - 1).bit_length() + 7) >> 3
        octets = reader.take((largest - 1).bit_length()) + 1
        reader.align()
        value = reader.take(8 * octets)
    if value >= count:
        raise AperError(f"{value} of {count}")
    return value


class Integer:
    """INTEGER (low..high), with "..." where `extensible`: a value beyond is read, not written."""

    def __init__(self, low: int, high: int, *, extensible: bool = False) -> None:
        self._low, self._count = low, high - low + 1
        self._extensible = extensible

    def write(self, writer: Writer, value: Any) -> None:
        offset = _whole_number(value) - self._low
        if not 0 <= offset < self._count:
            raise ValueError(f"{value} is not from {self._low} to {self._low + self._count - 1}")
        if self._extensible:
            writer.put(0, 1)
        _write_constrained(writer, offset, self._count)

    def read(self, reader: Reader) -> int:
        if self._extensible and reader.take(1):
            return int.from_bytes(read_octets(reader), "big", signed=True)
        return self._low + _read_constrained(reader, self._count)


class Enumerated:
    """ENUMERATED {root..., ...}; names after "..." are `additions`, unknown ones are read as `_ext_N`."""

    def __init__(self, root: str, additions: str | None = "") -> None:
        """Names in one string; None: there is no "..."."""
        self._root = root.split()
        self._additions = None if additions is None else additions.split()
        self._numbers = {name: number for number, name in enumerate(self._root)}
        self._addition_numbers = {name: number for number, name in enumerate(self._additions or ())}

    def write(self, writer: Writer, value: Any) -> None:
        number = self._numbers.get(value)
        if self._additions is not None:
            writer.put(number is None, 1)
        if number is not None:
            _write_constrained(writer, number, len(self._root))
        elif value in self._addition_numbers:
            # Normally small (clause 11.6): there are fewer than 64.
            writer.put(self._addition_numbers[value], 7)
        else:
            raise ValueError(f"{value!r} is none of {', '.join(self._root)}")

    def read(self, reader: Reader) -> str:
        if self._additions is None or not reader.take(1):
            return self._root[_read_constrained(reader, len(self._root))]
        number = _read_normally_small(reader)
        return self._additions[number] if number < len(self._additions) else f"_ext_{number}"


def _read_normally_small(reader: Reader) -> int:
    """Clause 11.6."""
    if not reader.take(1):
        return reader.take(6)
    return int.from_bytes(read_octets(reader), "big")


class Octets:
    """OCTET STRING of a fixed length, or of any."""

    def __init__(self, length: int | None = None) -> None:
        self._length = length

    def write(self, writer: Writer, value: Any) -> None:
        if not isinstance(value, bytes):
            raise ValueError(f"{value!r} is no string of octets")
        if self._length is None:
            write_octets(writer, value)
            return
        if len(value) != self._length:
            raise ValueError(f"{len(value)} octets instead of {self._length}")
        if self._length > 2:
            writer.align()
        writer.put_octets(value)

    def read(self, reader: Reader) -> bytes:
        if self._length is None:
            return read_octets(reader)
        if self._length > 2:
            reader.align()
        return reader.take(8 * self._length).to_bytes(self._length, "big")


class Bits:
    """BIT STRING (SIZE (low..high)) as (number, length)."""

    def __init__(self, low: int, high: int | None = None, *, extensible: bool = False) -> None:
        self._low, self._high = low, low if high is None else high
        self._extensible = extensible

    def write(self, writer: Writer, value: Any) -> None:
        number, length = value
        if not self._low <= length <= self._high or _whole_number(number) < 0 or number >> length:
            raise ValueError(f"{number} in {length} bits, of {self._low} to {self._high}")
        if self._extensible:
            writer.put(0, 1)
        if self._high > self._low:
            _write_constrained(writer, length - self._low, self._high - self._low + 1)
        if self._high > 16:
            writer.align()
        writer.put(number, length)

    def read(self, reader: Reader) -> tuple[int, int]:
        if self._extensible and reader.take(1):
            length, goes_on = read_length(reader)
            if goes_on:
                raise AperError("BIT STRING in fragments")
            return reader.take(length), length
        length = self._low
        if self._high > self._low:
            length += _read_constrained(reader, self._high - self._low + 1)
        if self._high > 16:
            reader.align()
        return reader.take(length), length


class Printable:
    """PrintableString (SIZE (low..high, ...)): eight bits each when aligned (clause 30.5.2)."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high

    def write(self, writer: Writer, value: Any) -> None:
        data = str(value).encode("ascii")
        if not self._low <= len(data) <= self._high:
            raise ValueError(f"{len(data)} characters, of {self._low} to {self._high}")
        writer.put(0, 1)
        _write_constrained(writer, len(data) - self._low, self._high - self._low + 1)
        writer.align()
        writer.put_octets(data)

    def read(self, reader: Reader) -> str:
        if reader.take(1):
            data = read_octets(reader)
        else:
            length = self._low + _read_constrained(reader, self._high - self._low + 1)
            reader.align()
            data = reader.take_octets(length)
        try:
            return data.decode("ascii")
        except UnicodeDecodeError as error:
            raise AperError(str(error)) from error


class SequenceOf:
    """SEQUENCE (SIZE (low..high)) OF; from 65536 on the bound does not count (clause 11.9.4)."""

    def __init__(self, item: Type, low: int, high: int) -> None:
        self._item = item
        self._has_bound = high < 65536
        self._low, self._high = low, high if self._has_bound else FRAGMENT - 1

    def write(self, writer: Writer, value: Any) -> None:
        if not self._low <= len(value) <= self._high:
            raise ValueError(f"{len(value)} items, of {self._low} to {self._high}")
        if self._has_bound:
            _write_constrained(writer, len(value) - self._low, self._high - self._low + 1)
        else:
            write_length(writer, len(value))
        for item in value:
            self._item.write(writer, item)

    def read(self, reader: Reader) -> list[Any]:
        if self._has_bound:
            length = self._low + _read_constrained(reader, self._high - self._low + 1)
        else:
            length, goes_on = read_length(reader)
            if goes_on or length < self._low:
                raise AperError(f"{length} items")
        return [self._item.read(reader) for _ in range(length)]


_REJECT = 0


def _skip_field(reader: Reader) -> None:
    """A ProtocolExtensionField or ProtocolIE-Field that is not known: id, criticality, open type."""
    reader.align()
    number = reader.take(16)
    criticality = reader.take(2)
    read_octets(reader)
    if criticality == _REJECT:
        raise NotComprehendedError(f"extension {number} is not comprehended")


class Sequence:
    """SEQUENCE {fields, iE-Extensions OPTIONAL, ...}; the name of an optional field ends with "?"."""

    def __init__(self, *fields: tuple[str, Type]) -> None:
        self._fields = [(name.rstrip("?"), kind) for name, kind in fields]
        self._options = [name.rstrip("?") for name, _ in fields if name.endswith("?")]
        # Extension bit before, iE-Extensions after.
        self._preamble = len(self._options) + 2

    def write(self, writer: Writer, value: Any) -> None:
        preamble = 0
        for name in self._options:
            preamble = preamble << 1 | (name in value)
        writer.put(preamble << 1, self._preamble)
        for name, kind in self._fields:
            if name in value:
                kind.write(writer, value[name])
            elif name not in self._options:
                raise ValueError(f"{name} is missing")

    def read(self, reader: Reader) -> dict[str, Any]:
        preamble = reader.take(self._preamble)
        missing: list[str] = []
        if self._options:
            flags = preamble >> 1
            last = len(self._options) - 1
            missing = [name for place, name in enumerate(self._options) if not flags >> (last - place) & 1]
        value = {name: kind.read(reader) for name, kind in self._fields if name not in missing}
        if preamble & 1:
            for _ in range(1 + _read_constrained(reader, 65535)):
                _skip_field(reader)
        if preamble >> (self._preamble - 1):
            skip_additions(reader)
        return value


def skip_additions(reader: Reader) -> None:
    """What a later version has added after "..." (clause 19.7 to 19.9)."""
    count = _read_normally_small(reader) + 1
    if count > 64:
        raise AperError(f"{count} extension additions")
    present = reader.take(count)
    for _ in range(present.bit_count()):
        read_octets(reader)


class Choice:
    """CHOICE {alternatives, choice-Extensions}: TS 38.413 has no "..." in its choices."""

    def __init__(self, *alternatives: tuple[str, Type]) -> None:
        self._alternatives = alternatives
        self._numbers = {name: number for number, (name, _) in enumerate(alternatives)}
        self._count = len(alternatives) + 1

    def write(self, writer: Writer, value: Any) -> None:
        name, content = value
        if name not in self._numbers:
            raise ValueError(f"{name!r} is none of {', '.join(self._numbers)}")
        number = self._numbers[name]
        _write_constrained(writer, number, self._count)
        self._alternatives[number][1].write(writer, content)

    def read(self, reader: Reader) -> tuple[str, Any]:
        number = _read_constrained(reader, self._count)
        if number == len(self._alternatives):
            _skip_field(reader)
            return ("choice-Extensions", None)
        name, kind = self._alternatives[number]
        return (name, kind.read(reader))
