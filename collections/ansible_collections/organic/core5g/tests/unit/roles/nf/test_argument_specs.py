# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's options agree with the modules that they are passed to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.organic.core5g.plugins.module_utils import policy
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import registry
from ansible_collections.organic.live_migration.plugins.plugin_utils.arguments import MIGRATE_ARGUMENTS

ROLE = Path(__file__).parents[4] / "roles" / "nf"
SPECS: dict[str, Any] = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
MIGRATE: dict[str, Any] = SPECS["argument_specs"]["migrate"]["options"]
OPTIONS: dict[str, Any] = MIGRATE["nf_migration_options"]["options"]
OWN = {"name", "target_host", "strategy", "method", "downtime_budget_ms"}
"""Arguments of container_migrate that the role sets by itself."""


def test_every_option_of_the_migration_can_be_set() -> None:
    assert set(OPTIONS) == set(MIGRATE_ARGUMENTS) - OWN


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_option_has_the_type_and_choices_of_the_module(name: str) -> None:
    argument = MIGRATE_ARGUMENTS[name]
    assert OPTIONS[name]["type"] == argument["type"]
    assert OPTIONS[name].get("elements") == argument.get("elements")
    assert OPTIONS[name].get("choices") == argument.get("choices")
    assert "default" not in OPTIONS[name]


def test_strategies_are_those_of_the_module_and_the_profile() -> None:
    assert MIGRATE["nf_strategy"]["choices"] == [policy.PROFILE, *registry.choices()]
    assert MIGRATE["nf_method"]["choices"] == MIGRATE_ARGUMENTS["method"]["choices"]


def test_engines_are_the_folders_of_the_role() -> None:
    """And that of Kubernetes, whose nodes the orchestrator of that name asks."""
    folders = sorted(path.name for path in (ROLE / "tasks" / "engines").iterdir())
    assert (ROLE / "tasks" / "orchestrators" / "kubernetes").is_dir()
    for point, spec in SPECS["argument_specs"].items():
        assert spec["options"]["nf_engine"]["choices"] == [*folders, "kubernetes"], point
    for folder in folders:
        tasks = {path.name for path in (ROLE / "tasks" / "engines" / folder).iterdir()}
        assert {"present.yml", "absent.yml", "network.yml"} <= tasks
