# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing decides by the name of a strategy but the strategies, nor by that of a method but the table of methods."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry as anchor
import pytest

ROOM = Path(anchor.__file__).parent
NAMESPACE = ROOM.parents[3]
"""The folder of this collection, and of those beside it that use it."""
STRATEGIES = frozenset({*anchor.STRATEGIES, *anchor.ON_REQUEST})
METHODS = frozenset(anchor.methods())
OPTIONS = ROOM.parent / "session" / "options.py"
"""Names the strategy that is the default, and what pre-copy does without convergence: choices, and no decisions."""
TABLE = ROOM.parent / "migration" / "methods.py"
SOURCES = sorted(path for path in NAMESPACE.glob("*/plugins/**/*.py") if ROOM not in path.parents)
TASKS = sorted(path for suffix in ("yml", "j2") for path in NAMESPACE.glob(f"*/roles/**/*.{suffix}"))


def named(tree: ast.AST) -> Iterator[str]:
    """Strategies that a program names, in whatever way."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in STRATEGIES:
            yield f"line {node.lineno}: {node.value}"


def operands(node: ast.AST) -> list[ast.expr]:
    """What a comparison or a case compares; of a collection its items."""
    if isinstance(node, ast.MatchValue):
        return [node.value]
    if not isinstance(node, ast.Compare):
        return []
    sides = [node.left, *node.comparators]
    return sides + [item for side in sides if isinstance(side, (ast.Tuple, ast.List, ast.Set)) for item in side.elts]


def decisions(tree: ast.AST) -> Iterator[str]:
    """Comparisons with the name of a method, and tables of all of them: a name alone may have another meaning."""
    for node in ast.walk(tree):
        for one in operands(node):
            if isinstance(one, ast.Constant) and one.value in METHODS:
                yield f"line {one.lineno}: compares with {one.value}"
        if isinstance(node, ast.Dict) and {key.value for key in node.keys if isinstance(key, ast.Constant)} >= METHODS:
            yield f"line {node.lineno}: a table of methods"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(NAMESPACE)))
def test_a_program_names_no_strategy_and_decides_by_no_method(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert path == OPTIONS or list(named(tree)) == []
    assert path == TABLE or list(decisions(tree)) == []


def test_the_exceptions_are_needed() -> None:
    assert {found.split()[-1] for found in named(ast.parse(OPTIONS.read_text()))} == {"inter_copy", "post_copy"}
    assert not list(decisions(ast.parse(OPTIONS.read_text())))
    assert [found.partition(": ")[2] for found in decisions(ast.parse(TABLE.read_text()))] == ["a table of methods"]


@pytest.mark.parametrize(
    "decision",
    ['method == "engine"', 'method in ("resident",)', 'match method:\n    case "engine": pass', "names['ppm']"],
)
def test_a_decision_is_found(decision: str) -> None:
    tree = ast.parse(decision)
    assert [*named(tree), *decisions(tree)]


def test_no_task_compares_with_the_name_of_a_strategy() -> None:
    compared = re.compile(rf"(?:[!=]=|\bin)\s*\[?\s*['\"](?:{'|'.join(STRATEGIES)})['\"]")
    assert TASKS
    assert compared.search("when: strategy == 'ppm'")
    assert [str(path) for path in TASKS if compared.search(path.read_text())] == []
