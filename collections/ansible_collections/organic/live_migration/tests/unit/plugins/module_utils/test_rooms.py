# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms of module_utils, and which of them may import which (ARCHITECTURE.md, "Rooms")."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import ansible_collections.organic.live_migration.plugins.module_utils.errors as anchor
import pytest

ROOT = Path(anchor.__file__).parent
PACKAGE = anchor.__name__.rpartition(".")[0]
FLOORS = [
    {"decoded", "errors", "paths", "typed"},
    {"host"},
    {"network", "criu"},
    {"memory", "engines", "namespaces"},
    {"session"},
    {"strategies"},
    {"migration"},
]
"""From the ground up. A room imports rooms of lower floors only; those of the ground are single files."""
COLLECTION = ROOT.parents[1]
MAX_LINES = {".py": 400, ".c": 500}
MOST_OPEN_TYPES = 10
"""Places of ``dict[str, Any]``: types of Ansible's own, and what is read field by field by whoever needs it."""
FILES = sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports(path: Path) -> Iterator[str]:
    """Modules of module_utils that a file imports, each as ``room.module``."""
    here = module_of(path).split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = [*here[: len(here) - (node.level - 1)], *(node.module.split(".") if node.module else [])]
        elif node.module and node.module.startswith(PACKAGE):
            base = node.module[len(PACKAGE) + 1 :].split(".")
        else:
            continue
        if ROOT.joinpath(*base).is_dir():
            yield from (".".join([*base, alias.name]) for alias in node.names)
        else:
            yield ".".join(base)


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def test_every_file_lies_in_a_room() -> None:
    assert {module_of(path).partition(".")[0] for path in FILES} == set().union(*FLOORS)


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_room_imports_lower_floors_only(path: Path) -> None:
    room = module_of(path).partition(".")[0]
    others = {name.split(".")[0] for name in imports(path)} - {room}
    upward = sorted(other for other in others if floor_of(other) >= floor_of(room))
    assert not upward, f"{path.name} in room '{room}' imports {upward}"


def test_no_module_imports_itself_through_others() -> None:
    graph = {module_of(path): set(imports(path)) for path in FILES}
    assert set(graphlib.TopologicalSorter(graph).static_order()) == set(graph)


@pytest.mark.parametrize("suffix", MAX_LINES)
def test_no_file_is_too_long(suffix: str) -> None:
    folders = [COLLECTION / name for name in ("plugins", "src", "tests")]
    lines = {path: len(path.read_text().splitlines()) for folder in folders for path in folder.rglob(f"*{suffix}")}
    assert lines
    assert {path.name: count for path, count in lines.items() if count > MAX_LINES[suffix]} == {}


def test_few_types_leave_open_what_a_dictionary_holds() -> None:
    open_types = "dict[str, " + "Any]"
    found = {path.name: path.read_text().count(open_types) for path in (COLLECTION / "plugins").rglob("*.py")}
    found = {name: count for name, count in found.items() if count}
    assert 0 < sum(found.values()) < MOST_OPEN_TYPES, found
