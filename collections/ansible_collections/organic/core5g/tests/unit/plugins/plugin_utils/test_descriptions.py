# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions are loaded with their schema checked, and unknown ones are named."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible_collections.organic.core5g.plugins.plugin_utils import descriptions


@pytest.mark.parametrize("kind", ["core", "profile", "network_driver"])
def test_every_description_can_be_loaded(kind: str) -> None:
    assert descriptions.known(kind)
    for name in descriptions.known(kind):
        assert descriptions.load(DataLoader(), kind, name)["name"] == name


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("core", "There is no core xyz, known are: .*minicore"),
        ("profile", "There is no profile of an NF 'xyz', known are: .*nrf.*smf.*upf"),
        ("network_driver", "There is no network driver xyz, known are: bridge, host"),
    ],
)
def test_unknown_description_is_named(kind: str, reason: str) -> None:
    with pytest.raises(AnsibleActionFail, match=reason):
        descriptions.load(DataLoader(), kind, "xyz")


def test_templates_are_kept_for_later() -> None:
    core = descriptions.load(DataLoader(), "core", "minicore")
    assert "{{" in core["env"]["MINICORE_ADDRESS"]


def test_budgets_of_a_core_replace_those_of_the_profile() -> None:
    core = {"budgets": {"nrf_heartbeat_ms": 0, "pfcp_heartbeat_ms": 11000}}
    profile = {"name": "nrf", "budgets": {"nrf_heartbeat_ms": 10000, "sbi_request_give_up_ms": 10000}}
    assert descriptions.of_core(core, profile)["budgets"] == {"nrf_heartbeat_ms": 0, "sbi_request_give_up_ms": 10000}
    assert descriptions.of_core({}, profile) == profile


def profile(*liked: str) -> dict[str, Any]:
    return {"name": "ausf", "network_driver": {"preferred": liked[0], "alternatives": list(liked[1:])}}


@pytest.mark.parametrize(
    ("liked", "wanted", "driver"),
    [
        (("bridge", "macvlan"), None, "bridge"),
        (("overlay", "macvlan", "bridge"), None, "macvlan"),
        (("overlay",), "host", "host"),
    ],
)
def test_first_driver_that_is_there_is_taken(liked: tuple[str, ...], wanted: str | None, driver: str) -> None:
    assert descriptions.network_driver(DataLoader(), profile(*liked), "docker", wanted)["name"] == driver


def test_without_a_driver_the_remedy_is_named() -> None:
    with pytest.raises(AnsibleActionFail, match=r"is there for podman \(macvlan\): set nf_network_driver to"):
        descriptions.network_driver(DataLoader(), profile("macvlan"), "podman", None)


@pytest.mark.parametrize("engine, driver", [("docker", "macvlan"), ("kubernetes", "macvlan")])
def test_a_profile_gets_the_first_driver_that_an_engine_has(engine: str, driver: str) -> None:
    profile = {"name": "smf", "network_driver": {"preferred": "overlay", "alternatives": ["host", "macvlan"]}}
    if engine == "docker":
        profile["network_driver"] = {"preferred": "overlay", "alternatives": ["macvlan", "host"]}
    assert descriptions.network_driver(DataLoader(), profile, engine, None)["name"] == driver
