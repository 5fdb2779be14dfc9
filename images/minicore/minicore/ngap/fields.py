# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of IEs (TS 38.413 clause 9.4.9): of each IE the id, the criticality and the value as open type."""

from __future__ import annotations

from .aper import skip_additions
from .bits import AperError, Reader, Writer, read_octets, write_octets

CRITICALITIES = ("reject", "ignore", "notify")


def write_fields(fields: list[tuple[int, str, bytes]]) -> bytes:
    """SEQUENCE {protocolIEs, ...}: id, criticality and encoded value of each IE (TS 38.413 clause 9.4.9)."""
    parts = [b"\0", len(fields).to_bytes(2, "big")]
    for number, criticality, content in fields:
        parts += [number.to_bytes(2, "big"), bytes((CRITICALITIES.index(criticality) << 6,)), with_length(content)]
    return b"".join(parts)


def with_length(content: bytes) -> bytes:
    """The content of an open type."""
    if len(content) < 128:
        return bytes((len(content),)) + content
    writer = Writer()
    write_octets(writer, content)
    return writer.finish()


def read_fields(data: bytes) -> list[tuple[int, str, bytes]]:
    reader = Reader(data)
    has_additions = reader.take(1)
    reader.align()
    fields = []
    for _ in range(reader.take(16)):
        number, criticality = reader.take(16), reader.take(2)
        if criticality >= len(CRITICALITIES):
            raise AperError(f"criticality {criticality}")
        fields.append((number, CRITICALITIES[criticality], read_octets(reader)))
    if has_additions:
        skip_additions(reader)
    reader.finish()
    return fields
