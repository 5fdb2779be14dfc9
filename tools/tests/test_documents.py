# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents name what is in the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE_UTILS = ROOT / "collections/ansible_collections/organic/live_migration/plugins/module_utils"


def first_arguments(method: str) -> Iterator[str]:
    """Literal first arguments of every call of a method in module_utils."""
    for path in MODULE_UTILS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method):
                continue
            if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                yield node.args[0].value


def test_every_step_is_described() -> None:
    steps = set(first_arguments("step"))
    assert "freeze" in steps
    described = (ROOT / "docs/results.md").read_text()
    assert {step for step in steps if f"`{step}`" not in described} == set()
