# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NFs of a Docker Swarm whose SBI is on an overlay: the Swarm chooses their addresses, and the NRF learns them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.overlay import SUBNET, overlay_variables
from tests.harness.wait import until

from .conftest import NFS, CoreSite, leftovers
from .swarm_site import SwarmSite


@pytest.fixture(scope="module")
def swarm(core_site: CoreSite) -> Iterator[SwarmSite]:
    core_site.playbook("remove_core")
    made = SwarmSite(core_site, **overlay_variables(core_site.variables))
    made.playbook("swarm")
    made.playbook("deploy_core", nf_names=NFS)
    yield made
    made.playbook("remove_core")
    made.playbook("swarm", state="absent")


@pytest.mark.exhaustive
def test_the_sbi_is_on_an_overlay_and_n4_has_its_own_address(swarm: SwarmSite) -> None:
    states = swarm.states()
    sbi = {nf: ipaddress.ip_address(entry["address"]) for nf, entry in states.items()}
    assert len(set(sbi.values())) == len(NFS)
    assert all(address in ipaddress.ip_network(SUBNET) for address in sbi.values())
    assert states["smf"]["state"]["nrf_registered"]
    [association] = states["smf"]["state"]["pfcp"]
    assert (association["peer"], association["up"]) == (swarm.site.variables["nf_addresses"]["upf"], True)
    assert (states["smf"]["host"], states["upf"]["host"]) == (swarm.manager, swarm.worker)
    assert swarm.playbook("deploy_core", nf_names=NFS).changed == 0


@pytest.mark.exhaustive
def test_a_migration_is_refused_by_name(swarm: SwarmSite) -> None:
    before = swarm.tasks("smf")
    refused = swarm.try_playbook("migrate_nf", nf="smf", target_host=swarm.worker)
    assert refused.status != 0
    assert "An NF with the network driver overlay cannot keep its address on another host: redeploy smf" in (
        refused.messages
    )
    assert [task["ID"] for task in swarm.tasks("smf")] == [task["ID"] for task in before]


@pytest.mark.exhaustive
def test_the_nrf_learns_the_new_address_of_an_nf_that_is_killed(swarm: SwarmSite) -> None:
    """Also of the NRF itself, which the others find by its name."""
    before = swarm.states()
    for nf in ("nrf", "smf"):
        swarm.kill(nf)

    def run_again() -> bool:
        now = swarm.states()
        return all(nf in now and now[nf]["container"]["id"] != before[nf]["container"]["id"] for nf in ("nrf", "smf"))

    until(run_again, "NRF and SMF have new containers", timeout_s=60)
    swarm.playbook("deploy_core", nf_names=NFS)  # awaits registrations and association
    states = swarm.states()
    registered = {one["nf_type"] for one in states["nrf"]["state"]["registrations"]}
    assert registered == {"SMF", "UPF"}
    assert [one["up"] for one in states["smf"]["state"]["pfcp"]] == [True]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"nf_addresses": dict.fromkeys(NFS[:1], "203.0.113.9")}, "gives nrf no fixed address on an overlay"),
        ({"nf_networks": {"sbi": {"driver": "overlay"}}}, "The network sbi has no subnet"),
        ({"orchestrator": "none"}, "has the address dynamic for sbi, which only an overlay of a Docker Swarm gives"),
    ],
)
def test_bad_input_is_refused(swarm: SwarmSite, variables: dict[str, Any], reason: str) -> None:
    refused = swarm.try_playbook("deploy_core", **{"nf_names": NFS[:1], **variables})
    assert refused.status != 0
    assert reason in refused.messages


@pytest.mark.exhaustive
def test_replicas_of_a_stateless_nf_are_spread_and_registered(swarm: SwarmSite) -> None:
    options = {"nf_names": ["nrf", "udr", "udm"], "nf_udm_store": "udr"}
    refused = swarm.try_playbook("deploy_core", **{**options, "nf_udm_store": "memory"}, nf_replicas={"udm": 2})
    assert refused.status != 0
    assert "udm keeps state of its own, which Docker Swarm would start its replicas without" in refused.messages
    swarm.playbook("deploy_core", **options, nf_replicas={"udm": 2})
    assert swarm.playbook("deploy_core", **options, nf_replicas={"udm": 2}).changed == 0
    running = [task for task in swarm.tasks("udm") if task["CurrentState"].startswith("Running")]
    assert len({task["Node"] for task in running}) == 2

    def registered() -> int:
        nrf = swarm.site.states({"nrf": "dynamic"})["nrf"]["state"]
        return sum(one["nf_type"] == "UDM" for one in nrf["registrations"])

    until(lambda: registered() == 2, "both are registered at the NRF", timeout_s=30)


@pytest.mark.exhaustive
def test_removal_leaves_nothing(swarm: SwarmSite) -> None:
    swarm.playbook("remove_core")
    assert leftovers(swarm.site) == {}
    assert "core5g" not in swarm.site.command(swarm.manager, "docker network ls")
