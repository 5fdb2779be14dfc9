# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How information elements stand in a NAS message (TS 24.007 clause 11.2).

A message is a dataclass whose fields are in the order of the message's table in TS 24.501 clause 8. The annotation of
a field says its form: Annotated[int, V(1, UINT8)], Annotated[int | None, Tlv(0x5F, TIMER)]. What has a tag is optional.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .causes import MmCause

T = TypeVar("T")

_BROKEN = (ValueError, IndexError)
"""What the codecs raise for bytes that are no value."""


class NasDecodeError(Exception):
    """A message that cannot be decoded.

    Attributes:
        cause: 5GMM or 5GSM cause (the numbers are the same) of TS 24.501 clause 7, for a status or reject message.
    """

    def __init__(self, cause: MmCause, detail: str) -> None:
        super().__init__(f"{detail} (cause #{cause.value})")
        self.cause = cause


@dataclass(frozen=True)
class Codec(Generic[T]):
    """Value part of an information element. `read` raises ValueError or IndexError for bytes that are no value."""

    write: Callable[[T], bytes]
    read: Callable[[bytes], T]


@dataclass(frozen=True)
class Bits:
    """Part of an octet, mandatory: so many bits from that bit on. The part at bit 0 is the octet's last field."""

    shift: int
    width: int
    kind: Callable[[int], Any] = int


@dataclass(frozen=True)
class V:
    """Mandatory value of a fixed length in bytes."""

    length: int
    codec: Codec[Any]

    def read(self, data: bytes, offset: int) -> tuple[Any, int]:
        end = offset + self.length
        if end > len(data):
            raise IndexError("the message ends early")
        return self.codec.read(data[offset:end]), end

    def write(self, value: Any) -> bytes:
        return _fixed(self.codec.write(value), self.length)


@dataclass(frozen=True)
class Lv:
    """Mandatory value behind its length (1 octet; 2 where it is extended)."""

    codec: Codec[Any]
    length_octets: int = 1

    def read(self, data: bytes, offset: int) -> tuple[Any, int]:
        start = offset + self.length_octets
        end = start + int.from_bytes(data[offset:start], "big")
        if end > len(data):
            raise IndexError("the message ends early")
        return self.codec.read(data[start:end]), end

    def write(self, value: Any) -> bytes:
        encoded: bytes = self.codec.write(value)
        return len(encoded).to_bytes(self.length_octets, "big") + encoded


class Lve(Lv):
    """LV-E."""

    def __init__(self, codec: Codec[Any]) -> None:
        super().__init__(codec, 2)


@dataclass(frozen=True)
class Tagged:
    """Optional information element.

    Attributes:
        tag: the IEI; for half an octet (type 1) its upper half, 0x80 for example.
        head: bytes before the value: tag and length.
        length: length of the value in bytes, or None where the element has a length indicator.
    """

    tag: int
    codec: Codec[Any]
    head: int
    length: int | None = None

    def write(self, value: Any) -> bytes:
        encoded: bytes = self.codec.write(value)
        if self.head == 0:
            if encoded[0] > 0x0F:
                raise ValueError(f"{encoded[0]} does not fit 4 bits")
            return bytes((self.tag | encoded[0],))
        if self.length is not None:
            return bytes((self.tag,)) + _fixed(encoded, self.length)
        return bytes((self.tag,)) + len(encoded).to_bytes(self.head - 1, "big") + encoded


class Half(Tagged):
    """TV of type 1: tag and value share an octet."""

    def __init__(self, tag: int, codec: Codec[Any]) -> None:
        super().__init__(tag, codec, 0, 1)


class Tv(Tagged):
    """TV of type 3: a fixed length in bytes."""

    def __init__(self, tag: int, length: int, codec: Codec[Any]) -> None:
        super().__init__(tag, codec, 1, length)


class Tlv(Tagged):
    """TLV: one octet of length."""

    def __init__(self, tag: int, codec: Codec[Any]) -> None:
        super().__init__(tag, codec, 2)


class Tlve(Tagged):
    """TLV-E: two octets of length."""

    def __init__(self, tag: int, codec: Codec[Any]) -> None:
        super().__init__(tag, codec, 3)


def _fixed(encoded: bytes, length: int) -> bytes:
    if len(encoded) != length:
        raise ValueError(f"the value has {len(encoded)} bytes and not {length}")
    return encoded


class Layout:
    """The information elements of one message type."""

    def __init__(self, name: str, forms: list[tuple[str, Bits | V | Lv | Tagged]]) -> None:
        self._name = name
        self._mandatory = [(field, form) for field, form in forms if not isinstance(form, Tagged)]
        optional = [(field, form) for field, form in forms if isinstance(form, Tagged)]
        self._optional = {form.tag: (place, field, form) for place, (field, form) in enumerate(optional)}

    def write(self, message: object, out: list[bytes]) -> None:
        """Append the information elements of a message. Raises ValueError for a value that has no encoding."""
        octet, field = 0, ""
        try:
            for field, form in self._mandatory:
                value = getattr(message, field)
                if isinstance(form, Bits):
                    if not 0 <= value < 1 << form.width:
                        raise ValueError(f"{value} does not fit {form.width} bits")
                    octet |= value << form.shift
                    if form.shift == 0:
                        out.append(bytes((octet,)))
                        octet = 0
                else:
                    out.append(form.write(value))
            for _place, field, tagged in self._optional.values():
                value = getattr(message, field)
                if value is not None:
                    out.append(tagged.write(value))
        except (ValueError, OverflowError) as e:
            raise ValueError(f"{self._name}, {field}: {e}") from e

    def read(self, data: bytes, offset: int) -> dict[str, Any]:
        """Fields of a message whose information elements begin at `offset`. Raises NasDecodeError."""
        fields: dict[str, Any] = {}
        try:
            for field, form in self._mandatory:
                if isinstance(form, Bits):
                    fields[field] = form.kind(data[offset] >> form.shift & (1 << form.width) - 1)
                    if form.shift == 0:
                        offset += 1
                else:
                    fields[field], offset = form.read(data, offset)
        except _BROKEN as e:
            raise NasDecodeError(MmCause.INVALID_MANDATORY_INFORMATION, f"{self._name}, {field}: {e}") from None
        self._read_optional(data, offset, fields)
        return fields

    def _read_optional(self, data: bytes, offset: int, fields: dict[str, Any]) -> None:
        """Take the optional elements in the order of the table.

        TS 24.501: repeated elements and those out of sequence are ignored (clauses 7.6.2 and 7.6.3), syntactically
        incorrect ones are as if absent (7.7.1), and so are unknown ones unless their comprehension is required (7.6.1).
        """
        size, next_place = len(data), 0
        while offset < size:
            tag = data[offset]
            if tag >= 0x80:
                place, field, form = self._optional.get(tag & 0xF0, _UNKNOWN)
                value = bytes((tag & 0x0F,))
                offset += 1
            else:
                place, field, form = self._optional.get(tag, _UNKNOWN if tag < 0x70 else _UNKNOWN_EXTENDED)
                if place < 0 and tag < 0x10:
                    detail = f"{self._name}: unknown element 0x{tag:02x}, which must be understood"
                    raise NasDecodeError(MmCause.INVALID_MANDATORY_INFORMATION, detail)
                start = offset + form.head
                length = int.from_bytes(data[offset + 1 : start], "big") if form.length is None else form.length
                offset = start + length
                if start > size or offset > size:
                    return
                value = data[start:offset]
            if place >= next_place:
                try:
                    fields[field] = form.codec.read(value)
                except _BROKEN:
                    continue
                next_place = place + 1


RAW: Codec[bytes] = Codec(bytes, bytes)
"""Bytes that are carried and not looked into."""

_UNKNOWN = (-1, "", Tlv(0, RAW))
_UNKNOWN_EXTENDED = (-1, "", Tlve(0, RAW))
