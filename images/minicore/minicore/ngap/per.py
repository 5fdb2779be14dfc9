# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aligned packed encoding rules (ITU-T X.691) of the types that NGAP's transfers are made of.

Values are those of pycrate: a dict for a SEQUENCE, (name, value) for a CHOICE, a name for an ENUMERATED, (number, bits)
for a BIT STRING. Reading raises PerError, writing ValueError or KeyError for what the type does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

_MAX_BITS_FIELD = 255
_ONE_OCTET, _TWO_OCTETS = 256, 65536
_SHORT, _LONG = 0x80, 0x4000
"""Limits of the length determinant (clause 11.9): longer contents come in fragments, which no transfer needs."""


class PerError(ValueError):
    """The octets are not a value of the type."""


class Writer:
    """Bits in their order."""

    def __init__(self) -> None:
        self._value = 0
        self._size = 0

    def bits(self, value: int, count: int) -> None:
        self._value = self._value << count | value
        self._size += count

    def align(self) -> None:
        padding = -self._size % 8
        self._value <<= padding
        self._size += padding

    def octets(self, data: bytes) -> None:
        """Aligned."""
        self.align()
        self.bits(int.from_bytes(data, "big"), 8 * len(data))

    def number(self, value: int, low: int, high: int) -> None:
        """A constrained whole number (clause 11.5)."""
        if not low <= value <= high:
            raise ValueError(f"{value} is not from {low} to {high}")
        count = high - low + 1
        offset = value - low
        if count <= _MAX_BITS_FIELD:
            self.bits(offset, (count - 1).bit_length())
        elif count <= _TWO_OCTETS:
            self.align()
            self.bits(offset, 8 if count == _ONE_OCTET else 16)
        else:
            size = max(1, (offset.bit_length() + 7) // 8)
            self.number(size, 1, ((count - 1).bit_length() + 7) // 8)
            self.octets(offset.to_bytes(size, "big"))

    def content(self, data: bytes) -> None:
        """Octets after their length."""
        self.align()
        if len(data) < _SHORT:
            self.bits(len(data), 8)
        elif len(data) < _LONG:
            self.bits(0x8000 | len(data), 16)
        else:
            raise ValueError(f"{len(data)} octets in one piece")
        self.octets(data)

    def finish(self) -> bytes:
        """The complete encoding, one octet at least (clause 11.1)."""
        self.align()
        return self._value.to_bytes(max(1, self._size // 8), "big")


class Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._end = 8 * len(data)

    def bits(self, count: int) -> int:
        at, end = self._at, self._at + count
        if end > self._end:
            raise PerError("cut short")
        self._at = end
        last = (end + 7) // 8
        return int.from_bytes(self._data[at // 8 : last], "big") >> (8 * last - end) & ((1 << count) - 1)

    def align(self) -> None:
        self._at = (self._at + 7) // 8 * 8

    def octets(self, count: int) -> bytes:
        self.align()
        begin = self._at // 8
        self.bits(8 * count)
        return self._data[begin : begin + count]

    def number(self, low: int, high: int) -> int:
        count = high - low + 1
        if count <= _MAX_BITS_FIELD:
            value = low + self.bits((count - 1).bit_length())
        elif count <= _TWO_OCTETS:
            self.align()
            value = low + self.bits(8 if count == _ONE_OCTET else 16)
        else:
            size = self.number(1, ((count - 1).bit_length() + 7) // 8)
            value = low + int.from_bytes(self.octets(size), "big")
        if value > high:
            raise PerError(f"{value} is not from {low} to {high}")
        return value

    def content(self) -> bytes:
        self.align()
        length = self.bits(8)
        if length & 0x80:
            if length & 0x40:
                raise PerError("fragments are not served")
            length = (length & 0x3F) << 8 | self.bits(8)
        return self.octets(length)

    def small_number(self) -> int:
        """A normally small non-negative whole number (clause 11.6)."""
        return int.from_bytes(self.content(), "big") if self.bits(1) else self.bits(6)

    def left(self) -> int:
        """Bits behind the current octet."""
        return self._end - (self._at + 7) // 8 * 8


class Type(Protocol):
    def write(self, out: Writer, value: Any) -> None: ...

    def read(self, data: Reader) -> Any: ...


class Integer:
    def __init__(self, low: int, high: int, extensible: bool = False) -> None:
        self._low, self._high, self._extensible = low, high, extensible

    def write(self, out: Writer, value: Any) -> None:
        if self._extensible:
            out.bits(0, 1)
        out.number(value, self._low, self._high)

    def read(self, data: Reader) -> int:
        if self._extensible and data.bits(1):
            return int.from_bytes(data.content(), "big", signed=True)
        return data.number(self._low, self._high)


class Enumerated:
    """`extensions`: None where there is no extension marker."""

    def __init__(self, names: Sequence[str], extensions: Sequence[str] | None = ()) -> None:
        self._names, self._extensions = tuple(names), extensions
        self._numbers = {name: number for number, name in enumerate(names)}

    def write(self, out: Writer, value: Any) -> None:
        if value not in self._numbers and self._extensions and value in self._extensions:
            out.bits(1, 1)
            out.bits(self._extensions.index(value), 7)
            return
        if value not in self._numbers:
            raise ValueError(f"{value!r} is none of its values")
        if self._extensions is not None:
            out.bits(0, 1)
        out.number(self._numbers[value], 0, len(self._names) - 1)

    def read(self, data: Reader) -> str:
        if self._extensions is None or not data.bits(1):
            return self._names[data.number(0, len(self._names) - 1)]
        number = data.small_number()
        # Of a later release (clause 14.3): a value, though not one that has a name here.
        return self._extensions[number] if number < len(self._extensions) else f"_ext_{number}"


class BitString:
    """A BIT STRING of a size from `low` to `high` with an extension marker."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high

    def write(self, out: Writer, value: Any) -> None:
        number, size = value
        out.bits(0, 1)
        out.number(size, self._low, self._high)
        out.align()
        out.bits(number, size)

    def read(self, data: Reader) -> tuple[int, int]:
        if data.bits(1):
            raise PerError("the size is extended")
        size = data.number(self._low, self._high)
        data.align()
        return data.bits(size), size


class Octets:
    """An OCTET STRING of a fixed size above two octets."""

    def __init__(self, size: int) -> None:
        self._size = size

    def write(self, out: Writer, value: Any) -> None:
        if len(value) != self._size:
            raise ValueError(f"{len(value)} octets instead of {self._size}")
        out.octets(value)

    def read(self, data: Reader) -> bytes:
        return data.octets(self._size)


class ListOf:
    def __init__(self, item: Type, low: int, high: int) -> None:
        self._item, self._low, self._high = item, low, high

    def write(self, out: Writer, value: Any) -> None:
        out.number(len(value), self._low, self._high)
        for item in value:
            self._item.write(out, item)

    def read(self, data: Reader) -> list[Any]:
        return [self._item.read(data) for _ in range(data.number(self._low, self._high))]


class Choice:
    """Without an extension marker, as those of NGAP are."""

    def __init__(self, *alternatives: tuple[str, Type]) -> None:
        self._alternatives = alternatives
        self._numbers = {name: number for number, (name, _) in enumerate(alternatives)}

    def write(self, out: Writer, value: Any) -> None:
        name, content = value
        number = self._numbers[name]
        out.number(number, 0, len(self._alternatives) - 1)
        self._alternatives[number][1].write(out, content)

    def read(self, data: Reader) -> tuple[str, Any]:
        name, kind = self._alternatives[data.number(0, len(self._alternatives) - 1)]
        return name, kind.read(data)


class Record:
    """A SEQUENCE with an extension marker; names of optional components end with `?`."""

    def __init__(self, *components: tuple[str, Type], extensible: bool = True) -> None:
        self._components = [(name.rstrip("?"), kind, name.endswith("?")) for name, kind in components]
        self._extensible = extensible

    def write(self, out: Writer, value: Any) -> None:
        if self._extensible:
            out.bits(0, 1)
        for name, _, is_optional in self._components:
            if is_optional:
                out.bits(name in value, 1)
        for name, kind, is_optional in self._components:
            if not is_optional or name in value:
                kind.write(out, value[name])

    def read(self, data: Reader) -> dict[str, Any]:
        is_extended = self._extensible and data.bits(1)
        present = [not is_optional or bool(data.bits(1)) for _, _, is_optional in self._components]
        value = {
            name: kind.read(data)
            for (name, kind, _), is_present in zip(self._components, present, strict=True)
            if is_present
        }
        if is_extended:
            # Components of a later release (clause 19.7 and 19.9): skipped.
            count = data.small_number() + 1
            additions = data.bits(count)
            for _ in range(additions.bit_count()):
                data.content()
        return value


class OpenType:
    """The type of an open type's content is known by a number before it; another content stays octets."""

    def __init__(self, types: dict[int, tuple[str, Type]]) -> None:
        self._types = types

    def write(self, out: Writer, number: int, value: tuple[str, Any]) -> None:
        content = Writer()
        self._types[number][1].write(content, value[1])
        out.content(content.finish())

    def read(self, data: Reader, number: int) -> tuple[str, Any]:
        content = data.content()
        name, kind = self._types.get(number, ("", None))
        if kind is None:
            return "", content
        return name, decode(kind, content)


class Fields:
    """A ProtocolIE-Container or ProtocolExtensionContainer: id, criticality and an open type each."""

    _CRITICALITY = Enumerated(("reject", "ignore", "notify"), None)

    def __init__(self, types: dict[int, tuple[str, Type]], low: int) -> None:
        self._content = OpenType(types)
        self._low = low

    def write(self, out: Writer, value: Any) -> None:
        out.number(len(value), self._low, 65535)
        for field in value:
            out.number(field["id"], 0, 65535)
            self._CRITICALITY.write(out, field["criticality"])
            self._content.write(out, field["id"], field["value"])

    def read(self, data: Reader) -> list[dict[str, Any]]:
        return [self.read_field(data) for _ in range(data.number(self._low, 65535))]

    def read_field(self, data: Reader) -> dict[str, Any]:
        number = data.number(0, 65535)
        criticality = self._CRITICALITY.read(data)
        return {"id": number, "criticality": criticality, "value": self._content.read(data, number)}


class SingleField:
    """A ProtocolIE-SingleContainer, of which none is known here."""

    _FIELDS = Fields({}, 1)

    def write(self, out: Writer, value: Any) -> None:
        raise ValueError("a single container is not written")

    def read(self, data: Reader) -> dict[str, Any]:
        return self._FIELDS.read_field(data)


def encode(kind: Type, value: Any) -> bytes:
    """The complete encoding of a value; ValueError if it has none."""
    out = Writer()
    try:
        kind.write(out, value)
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"no value of its type: {error!r}") from error
    return out.finish()


def decode(kind: Type, data: bytes) -> Any:
    """The value in a complete encoding; PerError also for octets after its end."""
    reader = Reader(data)
    value = kind.read(reader)
    if reader.left() > 0:
        raise PerError(f"{reader.left()} bits after its end")
    return value
