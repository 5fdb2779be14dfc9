# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dataclasses to JSON and back, checked: whatever crosses the border of a process has a type on both sides.

The annotations of a class are read as text, as ``from __future__ import annotations`` leaves them: Python 3.9 cannot
evaluate ``str | None``. Understood are str, int, float, bool, object, Any, dataclasses, enumerations,
``X | None``, ``list[X]``, ``tuple[X, ...]``, ``tuple[X, Y]`` and ``dict[str, X]``.
"""

from __future__ import annotations

import dataclasses
import sys
from enum import Enum
from typing import Any, ClassVar, Protocol, TypeVar, cast


class Dataclass(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=Dataclass)

_SCALARS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (float, int), "bool": (bool,)}


def to_dict(value: object) -> dict[str, object]:
    """The fields of a dataclass as JSON takes them; those of the dataclasses in it, too."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{value!r} is not a dataclass")
    return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_dict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def from_dict(cls: type[T], data: object, complete: bool = False) -> T:
    """A dataclass from what :func:`to_dict` made of it.

    Args:
        complete: fields with a default may not be missing either; nor those of the dataclasses in it.

    Raises:
        ValueError: a field is missing, unknown or of another type; names the class and the field.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{cls.__name__}: {data!r} has no fields")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if unknown := sorted(str(name) for name in set(data) - set(fields)):
        raise ValueError(f"{cls.__name__}: unknown field {', '.join(unknown)}")
    if missing := sorted(set(fields) - set(data)) if complete else []:
        raise ValueError(f"{cls.__name__}: missing field {', '.join(missing)}")
    values = {}
    for name, item in data.items():
        try:
            values[name] = _read(str(fields[name].type), _module_of(cls, name), item, complete)
        except ValueError as error:
            raise ValueError(f"{cls.__name__}.{name}: {error}") from None
    try:
        return cls(**values)
    except TypeError as error:
        raise ValueError(f"{cls.__name__}: {error}") from None


def _module_of(cls: type, field: str) -> dict[str, object]:
    """The names that the annotation of a field may use."""
    owner = next(base for base in cls.__mro__ if field in vars(base).get("__annotations__", {}))
    return vars(sys.modules[owner.__module__])


def _read(wanted: str, names: dict[str, object], value: object, complete: bool) -> object:
    options = wanted.split(" | ")
    if options[-1] == "None":
        return None if value is None else _read(" | ".join(options[:-1]), names, value, complete)
    if wanted in ("object", "Any"):
        return value
    if wanted in _SCALARS:
        kinds = _SCALARS[wanted]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError(f"{value!r} is not of type {wanted}")
        return float(cast(float, value)) if wanted == "float" else value
    if wanted.startswith(("list[", "tuple[", "dict[")):
        return _read_collection(wanted, names, value, complete)
    kind = names.get(wanted)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return from_dict(kind, value, complete)
    raise TypeError(f"unsupported annotation {wanted}")


def _read_collection(wanted: str, names: dict[str, object], value: object, complete: bool) -> object:
    outer, _bracket, inner = wanted[:-1].partition("[")
    if outer == "dict":
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise ValueError(f"{value!r} is not of type {wanted}")
        item_type = inner.partition(", ")[2]
        return {key: _read(item_type, names, item, complete) for key, item in value.items()}
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{value!r} is not of type {wanted}")
    kinds = inner.split(", ")
    if outer == "list" or kinds[-1] == "...":
        items = [_read(inner.replace(", ...", ""), names, item, complete) for item in value]
    elif len(kinds) == len(value):
        items = [_read(kind, names, item, complete) for kind, item in zip(kinds, value)]
    else:
        raise ValueError(f"{value!r} is not of type {wanted}")
    return tuple(items) if outer == "tuple" else items
