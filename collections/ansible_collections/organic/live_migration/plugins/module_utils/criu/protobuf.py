# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few parts of the protocol buffers wire format that CRIU's RPC and statistics need.

The hosts have Python's standard library only, so the protobuf package cannot be used there.
Source: protobuf.dev "Encoding"; field numbers in CRIU's images/rpc.proto and images/stats.proto.
"""

from __future__ import annotations

from typing import Union

Value = Union[int, str, bytes]
Fields = dict[int, list[Union[int, bytes]]]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1  # negative int32 goes out as ten bytes, two's complement
    out = bytearray()
    while True:
        low = number & 0x7F
        number >>= 7
        if not number:
            out.append(low)
            return bytes(out)
        out.append(low | 0x80)


def encode(fields: list[tuple[int, Value]]) -> bytes:
    """Encode ``(field number, value)`` pairs; bool and int as varint, str and bytes with their length."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            out += _varint(number << 3 | _VARINT) + _varint(int(value))
        else:
            data = value.encode() if isinstance(value, str) else value
            out += _varint(number << 3 | _BYTES) + _varint(len(data)) + data
    return bytes(out)


def decode(data: bytes) -> Fields:
    """Decode one message into lists of values by field number.

    Raises:
        ValueError: the bytes are not a well-formed message.
    """
    fields: Fields = {}
    position = 0

    def varint() -> int:
        nonlocal position
        result = shift = 0
        while True:
            if position >= len(data) or shift > 63:
                raise ValueError("truncated or overlong varint")
            byte = data[position]
            position += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    def take(size: int) -> bytes:
        nonlocal position
        if position + size > len(data):
            raise ValueError("truncated field")
        piece = data[position : position + size]
        position += size
        return piece

    while position < len(data):
        key = varint()
        number, kind = key >> 3, key & 7
        value: int | bytes
        if kind == _VARINT:
            value = varint()
        elif kind == _BYTES:
            value = take(varint())
        elif kind == _FIXED64:
            value = take(8)
        elif kind == _FIXED32:
            value = take(4)
        else:
            raise ValueError(f"unknown wire type {kind}")
        fields.setdefault(number, []).append(value)
    return fields


def integer(fields: Fields, number: int, default: int = 0) -> int:
    values = fields.get(number)
    return int(values[-1]) if values and isinstance(values[-1], int) else default


def message(fields: Fields, number: int) -> Fields | None:
    values = fields.get(number)
    return decode(values[-1]) if values and isinstance(values[-1], bytes) else None


def text(fields: Fields, number: int) -> str:
    values = fields.get(number)
    return values[-1].decode(errors="replace") if values and isinstance(values[-1], bytes) else ""
