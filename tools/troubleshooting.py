# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/troubleshooting.md from the blockers in the collections' code: python tools/troubleshooting.py."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/troubleshooting.md"
_COLLECTIONS = ROOT / "collections/ansible_collections/organic"
_UNKNOWN = "..."
_INTRODUCTION = """# Troubleshooting by code

Each refusal names its blockers, each with a `code`, a message and a remedy.
`...` stands for what is known only at run time.
`python tools/troubleshooting.py` writes this page from the code; do not edit it.

| code | message | what to do |
|---|---|---|
"""


def _text(node: ast.expr, constants: dict[str, ast.expr]) -> str:
    """The text of an expression; what is known only at run time is an ellipsis."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, constants) for part in node.values)
    if isinstance(node, ast.Name) and node.id in constants:
        return _text(constants[node.id], {})
    return _UNKNOWN


def blockers(source: str) -> Iterator[tuple[str, str, str]]:
    """Code, message and remedy of each Blocker that a module makes under a literal code."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Blocker"):
            continue
        if len(node.args) == 3 and isinstance(node.args[0], ast.Constant):
            code, message, remedy = (_text(argument, constants) for argument in node.args)
            yield code, message, remedy


def _cell(text: str) -> str:
    if text == _UNKNOWN:
        return "named in the result"
    for special in "\\|<>*_[]`":
        text = text.replace(special, f"\\{special}")
    return " ".join(text.split())


def page() -> str:
    found = {blocker for path in _COLLECTIONS.glob("*/plugins/**/*.py") for blocker in blockers(path.read_text())}
    rows = [f"| `{code}` | {_cell(message)} | {_cell(remedy)} |\n" for code, message, remedy in sorted(found)]
    return _INTRODUCTION + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page())
