# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module documents is what it accepts, also where an action plugin has the specification."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.modules import (
    container_migrate,
    container_migration_agent,
    container_migration_cancel,
    container_migration_continue,
    container_migration_info,
    container_migration_preflight,
    containers_migrate,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.arguments import (
    ARGUMENTS,
    BATCH_ARGUMENTS,
    MIGRATE_ARGUMENTS,
)

COMPARED = ("type", "required", "default", "choices", "elements")
FRAGMENTS = "ansible_collections.organic.live_migration.plugins.doc_fragments"


def documented(module: ModuleType) -> dict[str, dict[str, Any]]:
    """Options of a module and of its documentation fragments, as far as an argument specification has the same."""
    text = yaml.safe_load(module.DOCUMENTATION)
    options = dict(text.get("options") or {})
    for fragment in text.get("extends_documentation_fragment", []):
        found = importlib.import_module(f"{FRAGMENTS}.{fragment.rpartition('.')[2]}").ModuleDocFragment.DOCUMENTATION
        options.update(yaml.safe_load(found).get("options") or {})
    return {name: _comparable(option) for name, option in options.items()}


def _comparable(option: dict[str, Any]) -> dict[str, Any]:
    found = {key: option[key] for key in COMPARED if option.get(key) is not None}
    return {**found, "required": bool(option.get("required"))}


@pytest.fixture
def specification(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The argument specification with which a module is made."""

    class Made(Exception):
        pass

    def of(module: ModuleType) -> dict[str, Any]:
        given: dict[str, Any] = {}

        def make(**arguments: Any) -> None:
            given.update(arguments)
            raise Made

        monkeypatch.setattr(module, "AnsibleModule", make)
        with pytest.raises(Made):
            module.main()
        return given

    assert basic.AnsibleModule is not None
    return of


@pytest.mark.parametrize(
    "module",
    [container_migration_agent, container_migration_cancel, container_migration_continue, container_migration_info],
    ids=lambda module: module.__name__.rpartition(".")[2],
)
def test_a_module_accepts_what_it_documents(module: ModuleType, specification: Any) -> None:
    accepted = specification(module)["argument_spec"]
    assert documented(module) == {name: _comparable(option) for name, option in accepted.items()}


@pytest.mark.parametrize(
    ("module", "accepted"),
    [
        (container_migrate, MIGRATE_ARGUMENTS),
        (containers_migrate, BATCH_ARGUMENTS),
        (container_migration_preflight, ARGUMENTS),
    ],
    ids=["container_migrate", "containers_migrate", "container_migration_preflight"],
)
def test_an_action_accepts_what_its_module_documents(module: ModuleType, accepted: dict[str, Any]) -> None:
    assert documented(module) == {name: _comparable(option) for name, option in accepted.items()}


def test_every_parameter_of_the_agent_is_an_option_of_its_module(specification: Any) -> None:
    given = specification(container_migration_agent)
    assert set(given["argument_spec"]) == set(vars(phases.Parameters("")))
    assert {name for _option, name, _needed in given["required_if"]} == {
        name for name, needed in phases.PHASES.items() if needed
    }
