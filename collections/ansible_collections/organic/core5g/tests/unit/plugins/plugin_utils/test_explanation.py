# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile's choice in words."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.organic.core5g.plugins.plugin_utils import descriptions, explanation

BUILT = {"inter_copy": ("resident", "engine"), "pre_copy": ("resident",), "ppm": ()}


def explain(name: str, driver: str = "macvlan", method: str = "resident") -> dict[str, Any]:
    return explanation.explain(descriptions.load(DataLoader(), "profile", name), driver, BUILT, method)


def test_what_a_profile_may_not_take_is_said_with_its_replacement() -> None:
    amf = explain("amf")
    assert amf["migration"]["strategy"] == "ppm"
    assert (amf["migration"]["used"], amf["migration"]["built"]) == ("pre_copy", ["pre_copy", "inter_copy"])
    said = " ".join(amf["explanation"])
    assert "asks for strategy ppm (paper, section 4.3), which is used only where it is named" in said
    assert "(migration_strategy=ppm); strategy pre_copy is used" in said
    assert 'the paper, section 4.3: "the application of PPM can be the preferred live migration approach"' in said
    assert "after 15 s a UE gives up a NAS procedure" in said


def test_method_that_lacks_the_strategy() -> None:
    assert explain("smf", method="engine")["migration"]["used"] == "inter_copy"


def test_driver_that_is_not_there() -> None:
    said = " ".join(explain("ausf")["explanation"])
    assert "network driver: overlay, in place of which macvlan is used" in said
    assert "isolation: network high, guest/host high" in said


def test_stateless_nf_is_redeployed() -> None:
    upf = explain("upf")
    assert (upf["migration"]["used"], upf["stateful"]) == ("redeploy", False)
    assert "user plane, stateless" in upf["explanation"][0]


def test_choice_that_is_not_the_papers() -> None:
    assert "the paper does not discuss it: the choice is ours" in explain("scp")["explanation"]


@pytest.mark.parametrize("name", descriptions.known("profile"))
def test_every_budget_is_explained(name: str) -> None:
    assert set(descriptions.load(DataLoader(), "profile", name)["budgets"]) <= set(explanation.BUDGETS)
    assert explain(name)["explanation"]
