# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Header fields of HTTP/2 on the wire (HPACK, RFC 7541), as the few fields of the SBI allow it to be done quickly.

The encoder indexes only fields whose values come again (authority, content type ...) and never Huffman-codes; paths and
locations are literals. The decoder takes whatever a peer sends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from hpack import Decoder, Encoder, HeaderTuple
from hpack.exceptions import HPACKDecodingError, InvalidTableIndex, InvalidTableSizeError, OversizedHeaderListError
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

Field = tuple[bytes, bytes]

_STATIC = tuple(HeaderTuple(*field) for field in HeaderTable.STATIC_TABLE)
_STATIC_FIELDS = {tuple(field): 0x80 | index for index, field in enumerate(_STATIC, 1) if field[1]}
_STATIC_NAMES = {field[0]: index for index, field in reversed(list(enumerate(_STATIC, 1)))}
_FIRST_DYNAMIC = len(_STATIC) + 1

TABLE_SIZE = 4096
"""Octets of the dynamic table by default (RFC 9113 clause 6.5.2)."""
ENTRY_OVERHEAD = 32
"""What an entry counts beside its name and value (RFC 7541 clause 4.1)."""
MAX_ENTRIES = 60
"""So that an index is one octet."""
REPEATED = frozenset(
    (b":status", b":method", b":scheme", b":authority", b"content-type", b"user-agent", b"3gpp-sbi-target-apiroot")
)
"""Names whose values come again."""


class FieldEncoder(Encoder):
    def __init__(self) -> None:
        super().__init__()
        self._ordinals: dict[Field, int] = {}
        self._size = 0
        self._limit = TABLE_SIZE
        self._resized = False

    @property
    def header_table_size(self) -> int:
        return self._limit

    @header_table_size.setter
    def header_table_size(self, value: int) -> None:
        value = min(value, TABLE_SIZE)
        if value != self._limit:
            self._limit = value
            self._resized = True

    def encode(self, headers: Iterable[Any] | dict[Any, Any], huffman: bool = False) -> bytes:
        """Encode fields of octets in their order."""
        block = bytearray()
        if self._resized:
            self._empty_table(block)
        ordinals = self._ordinals
        for field in headers:
            code = _STATIC_FIELDS.get(field)
            if code is not None:
                block.append(code)
                continue
            name, value = field
            literal, prefix = 0, 0x0F
            if name in REPEATED:
                ordinal = ordinals.get(field)
                if ordinal is not None:
                    block.append(0x80 | (_FIRST_DYNAMIC - 1 + len(ordinals) - ordinal))
                    continue
                size = self._size + len(name) + len(value) + ENTRY_OVERHEAD
                if size <= self._limit and len(ordinals) < MAX_ENTRIES:
                    self._size = size
                    ordinals[field] = len(ordinals)
                    literal, prefix = 0x40, 0x3F
            index = _STATIC_NAMES.get(name, 0)
            _append_integer(block, literal, prefix, index)
            if not index:
                _append_integer(block, 0, 0x7F, len(name))
                block += name
            _append_integer(block, 0, 0x7F, len(value))
            block += value
        return bytes(block)

    def _empty_table(self, block: bytearray) -> None:
        """Tell the decoder to drop all entries, then the new size (RFC 7541 clause 4.2)."""
        self._resized = False
        self._ordinals.clear()
        self._size = 0
        block.append(0x20)
        _append_integer(block, 0x20, 0x1F, self._limit)


class FieldDecoder(Decoder):
    def __init__(self) -> None:
        super().__init__()
        self._entries: deque[HeaderTuple] = deque()
        self._size = 0
        self._limit = TABLE_SIZE

    def decode(self, data: bytes, raw: bool = True) -> list[HeaderTuple]:
        """Decode a block into fields of octets."""
        fields: list[HeaderTuple] = []
        position, end, total = 0, len(data), 0
        while position < end:
            octet = data[position]
            if octet & 0x80:
                index, position = _read_integer(data, position, 0x7F)
                field = self._entry(index)
            elif octet & 0x60 == 0x20:
                if fields:
                    raise HPACKDecodingError("a change of the table's size after a field")
                limit, position = _read_integer(data, position, 0x1F)
                self._resize(limit)
                continue
            else:
                incremental = octet & 0x40
                index, position = _read_integer(data, position, 0x3F if incremental else 0x0F)
                if index:
                    name = self._entry(index)[0]
                else:
                    name, position = _read_string(data, position)
                value, position = _read_string(data, position)
                field = HeaderTuple(name, value)
                if incremental:
                    self._add(field)
            fields.append(field)
            total += len(field[0]) + len(field[1]) + ENTRY_OVERHEAD
            if total > self.max_header_list_size:
                raise OversizedHeaderListError(f"more than {self.max_header_list_size} octets of fields")
        return fields

    def _entry(self, index: int) -> HeaderTuple:
        if 0 < index < _FIRST_DYNAMIC:
            return _STATIC[index - 1]
        if 0 <= index - _FIRST_DYNAMIC < len(self._entries):
            return self._entries[index - _FIRST_DYNAMIC]
        raise InvalidTableIndex(f"no entry {index}")

    def _add(self, field: HeaderTuple) -> None:
        self._entries.appendleft(field)
        self._size += len(field[0]) + len(field[1]) + ENTRY_OVERHEAD
        self._evict()

    def _resize(self, limit: int) -> None:
        if limit > self.max_allowed_table_size:
            raise InvalidTableSizeError(f"{limit} octets are more than was allowed")
        self._limit = limit
        self._evict()

    def _evict(self) -> None:
        while self._size > self._limit:
            name, value = self._entries.pop()
            self._size -= len(name) + len(value) + ENTRY_OVERHEAD


def _append_integer(block: bytearray, flags: int, prefix: int, value: int) -> None:
    """RFC 7541 clause 5.1; `prefix` is the mask of the bits in the first octet."""
    if value < prefix:
        block.append(flags | value)
        return
    block.append(flags | prefix)
    value -= prefix
    while value > 0x7F:
        block.append(0x80 | value & 0x7F)
        value >>= 7
    block.append(value)


def _read_integer(data: bytes, position: int, prefix: int) -> tuple[int, int]:
    """The integer at a position and the position after it."""
    value = data[position] & prefix
    position += 1
    if value < prefix:
        return value, position
    for shift in range(0, 29, 7):
        octet = _octet(data, position)
        position += 1
        value += (octet & 0x7F) << shift
        if octet < 0x80:
            return value, position
    raise HPACKDecodingError("an integer is too long")


def _read_string(data: bytes, position: int) -> tuple[bytes, int]:
    """The string literal at a position (RFC 7541 clause 5.2) and the position after it."""
    is_huffman = _octet(data, position) & 0x80
    length, position = _read_integer(data, position, 0x7F)
    text = data[position : position + length]
    if len(text) != length:
        raise HPACKDecodingError("a string is cut off")
    return decode_huffman(text) if is_huffman else text, position + length


def _octet(data: bytes, position: int) -> int:
    if position >= len(data):
        raise HPACKDecodingError("the block is cut off")
    return data[position]
