# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment on a Docker Swarm is refused, with the remedy, before anything is touched: make swarm CASE=refusals.

Nodes that are drained or paused are in test_swarm.py, which needs two hosts only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.harness.wait import until

from .conftest import NFS, CoreSite, leftovers
from .swarm_site import SwarmSite

IMAGE = "organic/only-here:1"
CUT = "iptables --wait {0} OUTPUT --protocol tcp {1} 2377 --jump DROP"


@pytest.fixture(scope="module")
def swarm(core_site: CoreSite) -> Iterator[SwarmSite]:
    """Of three nodes, with two managers: it has no quorum without either."""
    if len(core_site.nf_hosts) < 3:
        pytest.skip("the inventory has no third host in nf_hosts")
    core_site.playbook("remove_core")
    made = SwarmSite(core_site)
    made.playbook("swarm", swarm_cluster_heartbeat_s=1, swarm_cluster_managers=core_site.nf_hosts[:2])
    yield made
    made.playbook("swarm", state="absent")


@contextmanager
def cut_off(swarm: SwarmSite, host: str) -> Iterator[None]:
    """Other nodes and this one do not reach each other as managers; each one's Docker runs."""
    ends = ("--dport", "--sport")
    for end in ends:
        swarm.site.command(host, CUT.format("--insert", end))
    try:
        yield
    finally:
        for end in ends:
            swarm.site.command(host, CUT.format("--delete", end))


def state_of(swarm: SwarmSite, host: str) -> str:
    listing = swarm.site.command(swarm.manager, "docker node ls --format json").splitlines()
    return str(next(one for one in map(json.loads, listing) if one["Hostname"] == host)["Status"])


def has_quorum(swarm: SwarmSite) -> bool:
    found = swarm.site.module(swarm.manager, "organic.core5g.swarm_info")[swarm.manager]["swarm"]
    return not found["cluster_error"]


def assert_refused(swarm: SwarmSite, reason: str, **variables: Any) -> None:
    result = swarm.try_playbook("deploy_core", **{"nf_names": NFS, **variables})
    assert result.status != 0
    assert reason in result.messages
    assert leftovers(swarm.site) == {}


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"nf_network_parent": "eth9"}, "This host has no network interface 'eth9'"),
        ({"nf_network_parent": ""}, "The macvlan network has no parent interface"),
        ({"nf_addresses": {"smf": "192.0.2.9", "upf": "192.0.2.9"}}, "smf and upf have the same address 192.0.2.9"),
        ({"nf_network_driver": "ipvlan_l2"}, "Docker Swarm runs no NFs on the network driver ipvlan_l2"),
    ],
)
def test_bad_input(swarm: SwarmSite, variables: dict[str, Any], reason: str) -> None:
    if addresses := variables.get("nf_addresses"):
        variables = {"nf_addresses": {**swarm.site.variables["nf_addresses"], **addresses}}
    assert_refused(swarm, reason, **variables)


def test_an_image_that_one_host_lacks(swarm: SwarmSite) -> None:
    image = swarm.site.variables.get("nf_image") or "organic/minicore:latest"
    swarm.site.command(swarm.manager, f"docker tag {image} {IMAGE}")
    try:
        assert_refused(swarm, f"The image {IMAGE} is not on this host", nf_image=IMAGE)
    finally:
        swarm.site.command(swarm.manager, f"docker image rm {IMAGE}")


def test_a_node_that_is_down(swarm: SwarmSite) -> None:
    host = swarm.site.nf_hosts[2]
    with cut_off(swarm, host):
        until(lambda: state_of(swarm, host) == "Down", "the Swarm has lost the node")
        assert_refused(
            swarm, f"The node {host} of the Docker Swarm is down: start Docker on {host}", nf_placement={"smf": host}
        )
    until(lambda: state_of(swarm, host) == "Ready", "the node is back")


def test_a_swarm_without_a_quorum(swarm: SwarmSite) -> None:
    with cut_off(swarm, swarm.worker):
        until(lambda: not has_quorum(swarm), "the Swarm has no quorum")
        assert_refused(swarm, "The Docker Swarm has no quorum")
    until(lambda: has_quorum(swarm), "the Swarm has a quorum again")
