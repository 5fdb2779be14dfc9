# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot import the table of paths agrees with it, and what can does not repeat it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.modules import resident_runtime

COLLECTION = Path(paths.__file__).parents[2]
OURS = ("/opt/organic", "/run/organic", "/etc/sysctl.d", "/etc/criu", "/proc/sys/kernel/random/boot_id")
DOCUMENTATION = ("DOCUMENTATION", "EXAMPLES", "RETURN")


def literals(source: str) -> list[str]:
    """The text constants of a module, but for its documentation."""
    tree = ast.parse(source)
    documented = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in DOCUMENTATION
    ]
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documented
    ]


@pytest.mark.parametrize(
    "path",
    [path for path in sorted((COLLECTION / "plugins").rglob("*.py")) if path.name != "paths.py"],
    ids=lambda path: path.name,
)
def test_no_module_spells_a_path_out(path: Path) -> None:
    assert [text for text in literals(path.read_text()) if text.startswith(OURS)] == []


def test_the_init_looks_for_await_files_where_they_are_written() -> None:
    header = (COLLECTION / "src/await.h").read_text()
    defined = re.search(r'^#define AWAIT_DIRECTORY "(.*)"$', header, re.MULTILINE)
    assert defined is not None
    assert defined[1] == paths.AWAIT


def test_the_role_installs_the_programs_where_they_are_looked_for() -> None:
    tasks = yaml.safe_load((COLLECTION / "roles/migration_host/tasks/present.yml").read_text())
    copied = next(task for task in tasks if "ansible.builtin.copy" in task)
    root = copied["ansible.builtin.copy"]["dest"].partition("{{")[0].rstrip("/")
    assert [f"{root}/{name}" for name in copied["loop"]] == [paths.INIT, paths.PAGER, paths.MIRROR, paths.PRELOAD]


def test_the_documented_defaults_are_the_ones_that_hold() -> None:
    options = yaml.safe_load(resident_runtime.DOCUMENTATION)["options"]
    found = {name: options[name]["default"] for name in ("init", "pager", "mirror", "preload")}
    assert found == {
        "init": paths.INIT,
        "pager": paths.PAGER,
        "mirror": paths.MIRROR,
        "preload": paths.PRELOAD,
    }


def test_everything_of_the_runtime_lies_below_its_root() -> None:
    assert set(paths.RUNTIME_FILES) == {
        "init",
        "pager",
        "criu",
        "criu.kdat",
        "lib/preload.so",
        "await",
        "manifest.json",
    }
