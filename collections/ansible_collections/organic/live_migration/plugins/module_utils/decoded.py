# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading JSON that another program made: the API of an engine or of a cluster, ``ip -json``.

It has more fields than we know, so that no dataclass is made of it (as :mod:`typed` does with our own). What is wanted
is read by its path, and its type is checked there. Null counts as missing, as those programs mean it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

JsonObject = Mapping[str, object]
"""An object of such JSON."""
T = TypeVar("T")


def parse(data: str | bytes) -> JsonObject:
    """A JSON text that is an object.

    Raises:
        ValueError: it is none.
    """
    return checked(json.loads(data))


def parse_list(data: str | bytes) -> list[JsonObject]:
    """A JSON text that is a list of objects.

    Raises:
        ValueError: it is none.
    """
    return checked_list(json.loads(data))


def checked(value: object) -> JsonObject:
    """A decoded value that is an object.

    Raises:
        ValueError: it is none.
    """
    return _of_type(dict, value, ())


def checked_list(value: object) -> list[JsonObject]:
    """A decoded value that is a list of objects.

    Raises:
        ValueError: it is none.
    """
    return [_of_type(dict, one, ()) for one in _of_type(list, value, ())]


def value(found: JsonObject, *path: str) -> object:
    """Whatever is there; None where nothing is.

    Raises:
        ValueError: a step of the path leads through something that has no fields.
    """
    here: object = found
    for number, key in enumerate(path):
        here = _of_type(dict, here, path[:number]).get(key)
        if here is None:
            return None
    return here


def section(found: JsonObject, *path: str) -> JsonObject:
    """An object in it; an empty one where there is none."""
    there = value(found, *path)
    return {} if there is None else _of_type(dict, there, path)


def sections(found: JsonObject, *path: str) -> list[JsonObject]:
    """The objects of a list in it; none where there is no list."""
    there = value(found, *path)
    return [] if there is None else [_of_type(dict, one, path) for one in _of_type(list, there, path)]


def text(found: JsonObject, *path: str, default: str | None = None) -> str:
    """A string in it.

    Raises:
        ValueError: it is missing and has no default, or is no string.
    """
    return _of_type(str, _present(value(found, *path), default, path), path)


def number(found: JsonObject, *path: str, default: int | None = None) -> int:
    """A whole number in it.

    Raises:
        ValueError: it is missing and has no default, or is no number.
    """
    there = _present(value(found, *path), default, path)
    if isinstance(there, bool):
        raise ValueError(f"{'.'.join(path)} is {there!r}, not of type int")
    return _of_type(int, there, path)


def texts(found: JsonObject, *path: str) -> list[str]:
    """The strings of a list in it; none where there is no list."""
    there = value(found, *path)
    return [] if there is None else [_of_type(str, one, path) for one in _of_type(list, there, path)]


def labels(found: JsonObject, *path: str) -> dict[str, str]:
    """An object of strings, as labels and annotations are; empty where there is none."""
    return {key: _of_type(str, one, (*path, key)) for key, one in section(found, *path).items()}


def _present(there: object, default: object, path: tuple[str, ...]) -> object:
    if there is None and default is None:
        raise ValueError(f"{'.'.join(path)} is missing")
    return default if there is None else there


def _of_type(kind: type[T], there: object, path: tuple[str, ...]) -> T:
    if not isinstance(there, kind):
        raise ValueError(f"{'.'.join(path) or 'the answer'} is {there!r}, not of type {kind.__name__}")
    return there
