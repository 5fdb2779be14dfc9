# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module, plugin and role says since when it is there; modules say what they do in check and diff mode."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.organic.live_migration.plugins.module_utils.migration import control

ORGANIC = Path(__file__).resolve().parents[2] / "collections/ansible_collections/organic"
MODULES = sorted(ORGANIC.glob("*/plugins/modules/*.py"))
PLUGINS = [*sorted(ORGANIC.glob("*/plugins/inventory/*.py")), *sorted(ORGANIC.glob("*/plugins/callback/*.py"))]
FILTERS = sorted(ORGANIC.glob("*/plugins/filter/*.yml"))
ROLES = sorted(ORGANIC.glob("*/roles/*"))
MODES = ("check_mode", "diff_mode")
SUPPORT = ("full", "partial", "none", "N/A")

Tree = dict[str, Any]


def name(path: Path) -> str:
    return f"{path.relative_to(ORGANIC).parts[0]}.{path.stem}"


@cache
def assigned(path: Path, variable: str) -> Tree:
    """YAML in a string that a file assigns, in a class or not."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == variable:
            content: Tree = yaml_load(ast.literal_eval(node.value))
            return content
    raise AssertionError(f"{path} has no {variable}")


def documentation(module: Path) -> Tree:
    """Of a module, with what its fragments say."""
    own = assigned(module, "DOCUMENTATION")
    merged = {"attributes": {}, "options": {}, **own}
    for fragment in own.get("extends_documentation_fragment", []):
        _namespace, collection, file, *variable = fragment.split(".")
        found = assigned(
            ORGANIC / collection / f"plugins/doc_fragments/{file}.py", "".join(variable).upper() or "DOCUMENTATION"
        )
        for key in ("attributes", "options"):
            merged[key] = {**found.get(key, {}), **merged[key]}
    return merged


def release(collection: str) -> tuple[int, ...]:
    return version(yaml_load((ORGANIC / collection / "galaxy.yml").read_text())["version"])


def version(text: object) -> tuple[int, ...]:
    return tuple(int(part) for part in str(text).split("."))


def said_since(documented: Tree, collection: str) -> bool:
    """Whether it has a version that exists, or that is the next one."""
    major, minor, _patch = release(collection)
    return (0, 1, 0) <= version(documented.get("version_added", "0")) <= (major, minor + 1, 0)


def test_all_kinds_are_found() -> None:
    assert len(MODULES) > 30 and len(PLUGINS) > 1 and len(FILTERS) > 20 and len(ROLES) > 8
    assert not said_since({}, "core5g")
    assert not said_since({"version_added": "7.0.0"}, "core5g")


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_since_when_it_is_there_and_what_it_does_in_each_mode(path: Path) -> None:
    documented = documentation(path)
    assert said_since(documented, path.relative_to(ORGANIC).parts[0])
    for mode in MODES:
        assert documented["attributes"].get(mode, {}).get("support") in SUPPORT, mode
        assert documented["attributes"][mode].get("description"), mode


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_check_mode_is_supported_as_it_is_documented(path: Path) -> None:
    """Of modules without an action plugin, which does what it does by itself."""
    if (path.parents[1] / "action" / path.name).exists():
        return
    source = path.read_text()
    supported = "supports_check_mode=True" in source
    if "AnsibleModule(**ARGUMENTS)" in source:
        supported = bool(control.ARGUMENTS["supports_check_mode"])
    assert supported == (documentation(path)["attributes"]["check_mode"]["support"] in ("full", "partial"))


@pytest.mark.parametrize("path", PLUGINS, ids=name)
def test_a_plugin_says_since_when_it_is_there(path: Path) -> None:
    assert said_since(assigned(path, "DOCUMENTATION"), path.relative_to(ORGANIC).parts[0])


@pytest.mark.parametrize("path", FILTERS, ids=name)
def test_a_filter_says_since_when_it_is_there(path: Path) -> None:
    documented = yaml_load(path.read_text())["DOCUMENTATION"]
    assert said_since(documented, path.relative_to(ORGANIC).parts[0])


@pytest.mark.parametrize("path", ROLES, ids=name)
def test_each_entry_point_of_a_role_says_since_when_it_is_there(path: Path) -> None:
    specs = yaml_load((path / "meta/argument_specs.yml").read_text())["argument_specs"]
    assert "main" in specs
    for entry_point, documented in specs.items():
        assert said_since(documented, path.relative_to(ORGANIC).parts[0]), entry_point
        assert documented["short_description"] and documented["description"], entry_point


def test_a_module_of_an_action_group_takes_what_the_group_shares() -> None:
    """Ansible refuses an option of module_defaults that one of the group does not know."""
    shared = {
        ("core5g", "nfs"): {"engine", "namespace", "docker_socket"},
        ("core5g", "kubernetes"): {"kubeconfig", "context"},
    }
    for collection in ("core5g", "live_migration", "lab"):
        runtime = yaml_load((ORGANIC / collection / "meta/runtime.yml").read_text())
        for group, members in runtime.get("action_groups", {}).items():
            for member in members:
                options = documentation(ORGANIC / collection / f"plugins/modules/{member}.py")["options"]
                assert shared.get((collection, group), set()) <= options.keys(), member
    for (collection, group), options in shared.items():
        members = yaml_load((ORGANIC / collection / "meta/runtime.yml").read_text())["action_groups"][group]
        having = [path.stem for path in MODULES if path.is_relative_to(ORGANIC / collection)
                  and options <= documentation(path)["options"].keys()]  # fmt: skip
        assert members == having
