# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HPACK: the hpack library's own encoder and decoder are the oracles."""

from __future__ import annotations

import random

import hpack
import pytest
from hpack.exceptions import HPACKError
from minicore.sbi.header_fields import FieldDecoder, FieldEncoder

Fields = list[tuple[bytes, bytes]]

NAMES = [b":status", b":method", b":path", b"content-type", b"content-length", b"location", b"x-own", b"user-agent"]
VALUES = [b"", b"200", b"201", b"POST", b"/", b"/a/b", b"application/json", b"x" * 126, b"y" * 127, b"z" * 700]


def some_fields(source: random.Random) -> Fields:
    return [
        (source.choice(NAMES), source.choice([*VALUES, source.randbytes(source.randrange(40))]))
        for _ in range(source.randrange(1, 12))
    ]


def test_hpack_reads_what_is_encoded() -> None:
    source = random.Random(1)
    encoder, decoder = FieldEncoder(), hpack.Decoder()
    for _ in range(500):
        if source.random() < 0.02:
            encoder.header_table_size = source.choice([0, 100, 4096, 65536])
        fields = some_fields(source)
        assert [tuple(field) for field in decoder.decode(encoder.encode(fields), raw=True)] == fields


def test_what_hpack_encodes_is_read() -> None:
    source = random.Random(2)
    encoder, decoder = hpack.Encoder(), FieldDecoder()
    for _ in range(500):
        if source.random() < 0.02:
            encoder.header_table_size = source.choice([0, 100, 4096])
        fields = some_fields(source)
        assert [tuple(field) for field in decoder.decode(encoder.encode(fields))] == fields


def test_repeated_fields_are_one_octet() -> None:
    encoder = FieldEncoder()
    fields = [(b":status", b"201"), (b"content-type", b"application/json"), (b":method", b"GET")]
    assert len(encoder.encode(fields)) > 10
    assert len(encoder.encode(fields)) == 3


def test_any_octets_are_read_or_refused_as_hpack_does() -> None:
    source = random.Random(3)
    for _ in range(5000):
        block = source.randbytes(source.randrange(1, 30))
        try:
            expected: Fields | None = [tuple(field) for field in hpack.Decoder().decode(block, raw=True)]
        except HPACKError:
            expected = None
        try:
            fields: Fields | None = [tuple(field) for field in FieldDecoder().decode(block)]
        except HPACKError:
            fields = None
        assert fields == expected, block.hex()


def test_too_many_octets_are_refused() -> None:
    block = hpack.Encoder().encode([(b"a", b"b" * 1000)]) + b"\xbe" * 100
    with pytest.raises(hpack.exceptions.OversizedHeaderListError):
        FieldDecoder().decode(block)
