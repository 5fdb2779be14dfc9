# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.criu import protobuf
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.integers(1, (1 << 29) - 1)
VALUES = st.one_of(st.integers(0, (1 << 64) - 1), st.text(), st.binary())


@given(st.lists(st.tuples(NUMBERS, VALUES)))
def test_what_is_encoded_is_decoded(fields: list[tuple[int, protobuf.Value]]) -> None:
    expected: protobuf.Fields = {}
    for number, value in fields:
        expected.setdefault(number, []).append(value.encode() if isinstance(value, str) else value)
    assert protobuf.decode(protobuf.encode(fields)) == expected


@given(st.binary())
def test_any_bytes_are_a_message_or_a_value_error(data: bytes) -> None:
    try:
        fields = protobuf.decode(data)
    except ValueError:
        return
    for number in fields:
        protobuf.integer(fields, number)
        protobuf.text(fields, number)


@given(st.lists(st.tuples(NUMBERS, st.binary(min_size=1)), min_size=1), st.data())
def test_a_message_that_is_cut_short_is_told_from_a_whole_one(
    fields: list[tuple[int, protobuf.Value]], data: st.DataObject
) -> None:
    whole = protobuf.encode(fields)
    last = len(protobuf.encode(fields[-1:]))
    cut = data.draw(st.integers(1, last - 1))
    with pytest.raises(ValueError, match="truncated"):
        protobuf.decode(whole[:-cut])


def test_minus_one_goes_out_as_protobuf_has_it() -> None:
    """images_dir_fd: -1, a negative int32, takes ten bytes (protobuf.dev, "Encoding")."""
    assert protobuf.encode([(1, -1)]) == b"\x08" + b"\xff" * 9 + b"\x01"


def test_numbers_of_fixed_width_are_passed_over() -> None:
    fields = protobuf.decode(b"\x09" + b"\1" * 8 + b"\x15" + b"\2" * 4 + b"\x18\x05")
    assert protobuf.integer(fields, 3) == 5
    assert protobuf.integer(fields, 4, default=7) == 7


def test_a_message_in_a_message() -> None:
    fields = protobuf.decode(protobuf.encode([(5, protobuf.encode([(1, "pre-dump")])), (2, True)]))
    notify = protobuf.message(fields, 5)
    assert notify is not None
    assert protobuf.text(notify, 1) == "pre-dump"
    assert protobuf.message(fields, 2) is None
