# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network drivers hold what their schema says, and what the role and the host checks need of them."""

from __future__ import annotations

import copy
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

COLLECTION = Path(__file__).parents[3]
DRIVERS = sorted((COLLECTION / "network_drivers").glob("*.yml"))


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def errors(schema: str, data: dict[str, Any]) -> list[str]:
    return list(ArgumentSpecValidator(load(COLLECTION / "schemas" / f"{schema}.yml")).validate(data).error_messages)


@pytest.mark.parametrize("path", DRIVERS, ids=lambda path: path.stem)
def test_driver_follows_the_schema(path: Path) -> None:
    driver = load(path)
    assert errors("network_driver", copy.deepcopy(driver)) == []
    assert driver["name"] == path.stem
    assert ("link_kind" in driver) == ("kernel_option" in driver)
    assert driver["needs_parent"] or driver.get("parent_keeps_address", True)
    assert not driver["pins_mac"] or driver["creates_network"]


@pytest.mark.parametrize("path", DRIVERS, ids=lambda path: path.stem)
def test_every_engine_of_the_role_knows_the_driver(path: Path) -> None:
    engines = {entry.name for entry in (COLLECTION / "roles" / "nf" / "tasks" / "engines").iterdir()}
    assert set(load(path)["engines"]) == engines


def test_interface_that_becomes_a_port_has_no_address() -> None:
    for path in DRIVERS:
        driver = load(path)
        assert driver.get("parent_keeps_address", True) == ("uplink_bridge" not in driver), path.stem


def test_misspelt_key_fails() -> None:
    driver = load(COLLECTION / "network_drivers" / "macvlan.yml")
    driver["need_parent"] = True
    assert any("need_parent" in error for error in errors("network_driver", driver))


@pytest.mark.parametrize("path", DRIVERS, ids=lambda path: path.stem)
def test_options_name_nothing_but_the_network(path: Path) -> None:
    driver = load(path)
    texts = [str(text) for one in driver["engines"].values() for text in (one.get("options") or {}).values()]
    fields = [field for text in [*texts, driver.get("uplink_bridge", "")] for field in Formatter().parse(text)]
    names = {field[1] for field in fields}
    assert names <= {None, "parent", "bridge"}
    assert ("parent" in names) == (driver["needs_parent"] and "uplink_bridge" not in driver)
    assert not (driver["needs_parent"] and driver.get("needs_swarm"))


def test_drivers_of_the_paper() -> None:
    """Table 1."""
    assert [path.stem for path in DRIVERS] == ["bridge", "host", "ipvlan_l2", "ipvlan_l3", "macvlan", "overlay"]
