# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profiles hold what their schema says, and nothing else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES

COLLECTION = Path(__file__).parents[3]
PROFILES = sorted((COLLECTION / "profiles").glob("*.yml"))
DRIVERS = {path.stem for path in (COLLECTION / "network_drivers").glob("*.yml")}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def errors(schema: str, data: dict[str, Any]) -> list[str]:
    return list(ArgumentSpecValidator(load(COLLECTION / "schemas" / f"{schema}.yml")).validate(data).error_messages)


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_profile_follows_the_schema(path: Path) -> None:
    profile = load(path)
    assert errors("profile", copy.deepcopy(profile)) == []
    assert profile["name"] == path.stem
    assert profile["migration"]["strategy"] not in profile["migration"]["alternatives"]
    choices = [profile["network_driver"]["preferred"], *profile["network_driver"]["alternatives"]]
    assert len(set(choices)) == len(choices)
    assert DRIVERS & set(choices), "none of the drivers that it likes is described"
    assert ("quote" in profile["migration"]) == ("paper_section" in profile["migration"])
    assert profile["stateful"] == (profile["migration"]["strategy"] != "redeploy")


@pytest.mark.parametrize(
    ("where", "key"), [((), "planes"), (("migration",), "strategie"), (("budgets",), "pfcp_heartbeat")]
)
def test_misspelt_key_of_a_profile_fails(where: tuple[str, ...], key: str) -> None:
    profile = load(COLLECTION / "profiles" / "smf.yml")
    place = profile
    for name in where:
        place = place[name]
    place[key] = 1
    assert any(key in error for error in errors("profile", profile))


def test_drivers_of_the_schema_are_those_described() -> None:
    driver = load(COLLECTION / "schemas" / "profile.yml")["network_driver"]["options"]
    assert set(driver["preferred"]["choices"]) == set(driver["alternatives"]["choices"]) == DRIVERS


def test_unknown_strategy_fails() -> None:
    profile = load(COLLECTION / "profiles" / "smf.yml")
    profile["migration"]["strategy"] = "teleport"
    assert any("teleport" in error for error in errors("profile", profile))


def test_no_budget_is_wider_than_its_sources() -> None:
    """The strictest of Open5GS and free5GC: heartbeat 10 s, requests given up after 3 x 3 s."""
    for path in PROFILES:
        budgets = load(path)["budgets"]
        assert budgets.get("pfcp_request_give_up_ms", 0) <= 9000
        assert budgets.get("pfcp_heartbeat_ms", 0) <= 10000
        assert budgets.get("nrf_heartbeat_ms", 0) <= 10000
        assert budgets.get("sbi_request_give_up_ms", 0) <= 10000
        assert budgets.get("nas_procedure_ms", 0) <= 15000


def test_a_profile_may_ask_for_every_strategy() -> None:
    """And for PPM and a redeployment, which the paper names and container_migrate does not have."""
    migration = load(COLLECTION / "schemas" / "profile.yml")["migration"]["options"]
    for option in ("strategy", "alternatives"):
        assert set(migration[option]["choices"]) == {*STRATEGIES, "ppm", "redeploy"}
