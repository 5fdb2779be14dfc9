# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import typed


class Colour(Enum):
    RED = "red"


@dataclass
class Inner:
    name: str
    share: float = 0.0


@dataclass
class Outer:
    count: int
    inner: Inner
    colour: Colour = Colour.RED
    maybe: Inner | None = None
    many: list[Inner] = field(default_factory=list)
    several: tuple[str, ...] = ()
    pairs: list[tuple[str, int]] = field(default_factory=list)
    by_name: dict[str, list[int]] = field(default_factory=dict)
    anything: object = None
    flag: bool = False


WHOLE = Outer(
    1,
    Inner("a", 0.5),
    maybe=Inner("b"),
    many=[Inner("c")],
    several=("d",),
    pairs=[("g", 1)],
    by_name={"e": [1]},
    anything={"f": [None]},
)


def test_what_was_written_is_read_again() -> None:
    assert typed.from_dict(Outer, json.loads(json.dumps(typed.to_dict(WHOLE)))) == WHOLE


def test_fields_with_a_default_may_be_missing_and_an_integer_is_a_float() -> None:
    read = typed.from_dict(Outer, {"count": 1, "inner": {"name": "a", "share": 2}})
    assert read == Outer(1, Inner("a", 2.0))
    assert isinstance(read.inner.share, float)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": "1"}, "Outer.count: '1' is not of type int"),
        ({"count": True}, "Outer.count: True is not of type int"),
        ({"flag": 1}, "Outer.flag: 1 is not of type bool"),
        ({"inner": None}, "Outer.inner: Inner: None has no fields"),
        ({"inner": {"name": 5}}, "Outer.inner: Inner.name: 5 is not of type str"),
        ({"inner": {}}, "Outer.inner: Inner: .*missing 1 required positional argument: 'name'"),
        ({"colour": "blue"}, "Outer.colour: 'blue' is not a valid Colour"),
        ({"many": {}}, "Outer.many: {} is not of type list"),
        ({"pairs": [["g"]]}, r"Outer.pairs: \['g'\] is not of type tuple\[str, int\]"),
        ({"by_name": {"e": ["x"]}}, "Outer.by_name: 'x' is not of type int"),
        ({"by_name": []}, r"Outer.by_name: \[\] is not of type dict"),
        ({"size": 1, "age": 2}, "Outer: unknown field age, size"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        typed.from_dict(Outer, {**typed.to_dict(WHOLE), **change})


def test_a_complete_one_misses_nothing() -> None:
    written = typed.to_dict(WHOLE)
    assert typed.from_dict(Outer, written, complete=True) == WHOLE
    with pytest.raises(ValueError, match="Inner: missing field share"):
        typed.from_dict(Outer, {**written, "inner": {"name": "a"}}, complete=True)
    del written["flag"], written["colour"]
    with pytest.raises(ValueError, match="Outer: missing field colour, flag"):
        typed.from_dict(Outer, written, complete=True)


def test_an_annotation_that_is_not_understood_is_an_error_of_the_class() -> None:
    @dataclass
    class Odd:
        value: set[int]

    with pytest.raises(TypeError, match=r"set\[int\]|set"):
        typed.from_dict(Odd, {"value": 5})


def test_only_dataclasses_are_written() -> None:
    with pytest.raises(TypeError, match="not a dataclass"):
        typed.to_dict(Outer)
