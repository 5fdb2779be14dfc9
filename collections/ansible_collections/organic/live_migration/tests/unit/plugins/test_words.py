# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mechanism speaks of containers and processes, and names no playbooks, which its users need not have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import ansible_collections.organic.live_migration.plugins.module_utils.errors as anchor
import pytest

PLUGINS = Path(anchor.__file__).parents[1]
FOREIGN = re.compile(r"\b(NFs?|AMF|SMF|UPF|NRF|5GC?|playbooks?/\w+)\b")
DOCUMENTED = ("DOCUMENTATION", "EXAMPLES", "RETURN")
"""Of a module: its examples may move whatever they like."""
SOURCES = sorted(PLUGINS.rglob("*.py"))


def said(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of each string that a program uses; docstrings are for its readers."""
    quiet = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(getattr(name, "id", "") in DOCUMENTED for name in node.targets):
            quiet.add(id(node.value))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
            yield node.lineno, node.value


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_no_message_speaks_of_network_functions(path: Path) -> None:
    assert [(line, text) for line, text in said(ast.parse(path.read_text())) if FOREIGN.search(text)] == []


def test_what_a_message_says_is_found() -> None:
    program = '"""Of an NF."""\nEXAMPLES = "the SMF"\nraise Error(f"Deploy {name}; playbooks/deploy_nf.yml does")'
    assert [bool(FOREIGN.search(text)) for _line, text in said(ast.parse(program))] == [False, True]
