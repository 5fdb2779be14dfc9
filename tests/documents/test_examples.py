# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents show beside commands: the variables of YAML are known, Python has the types of the package.

The Python is run on a core by tests/e2e/test_documented_commands.py, the files of pages that are run as they stand by
their own tests.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from _pytest.mark import ParameterSet

from tests.harness.documents import Block, blocks, documents
from tests.harness.playbook import PROJECT

ORGANIC = PROJECT / "collections/ansible_collections/organic"
ANSIBLES_OWN = {"plugin", "inventory"}
"""Keys of an inventory source, which are the options of its plugin."""


def of(language: str) -> list[ParameterSet]:
    found_in_all = []
    for document in documents():
        found = [block for block in blocks(document) if block.language == language and not block.info]
        for number, block in enumerate(found, 1):
            found_in_all.append(pytest.param(block, id=f"{document.relative_to(PROJECT)}-{number}"))
    return found_in_all


def variables(tree: Any) -> set[str]:
    """The variables of an example: its keys, or those below ``vars`` of an inventory or of plays."""
    if isinstance(tree, list):
        return {name for play in tree for name in play.get("vars", {})}
    if "all" in tree:
        return {*tree["all"].get("vars", {})}
    return {*tree} - ANSIBLES_OWN


def is_known(variable: str) -> bool:
    """Whether a role has an option of the name, or a playbook reads it."""
    word = re.compile(rf"\b{variable}\b")
    files = [*ORGANIC.glob("*/roles/*/meta/argument_specs.yml"), *(PROJECT / "playbooks").glob("*.yml")]
    return any(word.search(path.read_text()) for path in files)


@pytest.mark.parametrize("block", of("yaml"))
def test_yaml_is_read_and_its_variables_are_known(block: Block) -> None:
    found = yaml.safe_load(block.body)
    assert found
    assert [name for name in sorted(variables(found)) if not is_known(name)] == []


def test_a_variable_that_nothing_knows_is_found() -> None:
    assert variables({"all": {"vars": {"orchestrator": "swarm"}}}) == {"orchestrator"}
    assert is_known("orchestrator") and is_known("nf_networks")
    assert not is_known("nf_netwerks")


def test_python_has_the_types_of_the_package(tmp_path: Path) -> None:
    """By mypy, as strictly as the package itself."""
    files = []
    for parameter in of("python"):
        (block,) = parameter.values
        assert isinstance(block, Block)
        file = tmp_path / f"{block.document.stem.lower()}_example.py"
        file.write_text(inside_a_coroutine(block.body))
        files.append(file)
    assert len(files) >= 2
    command = [sys.executable, "-m", "mypy", "--config-file", str(PROJECT / "pyproject.toml"), *map(str, files)]
    checked = subprocess.run(command, cwd=PROJECT, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def inside_a_coroutine(body: str) -> str:
    """The same with what its comments say of an event loop, and the code itself."""
    lines = body.splitlines()
    loops = [match[1] for line in lines if (match := re.search(r"# in an event loop: (.+)$", line))]
    extra = [
        f"        {one}:\n            print(event)" if one.startswith("async for") else f"        {one}"
        for one in loops
    ]
    if not extra:
        return body
    return "\n".join([*lines, "", "async def in_an_event_loop() -> None:", "    if True:", *extra, ""])
