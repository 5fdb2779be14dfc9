# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused of a Docker Swarm, and what is made of its answers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.filter.swarm import nf_endpoint_mode, nf_swarm, nf_swarm_problems
from ansible_collections.organic.core5g.plugins.plugin_utils import swarm

MACVLAN = {"name": "macvlan", "orchestrators": ["none", "swarm"]}
BRIDGE = {"name": "bridge"}


def node(name: str, **different: str) -> dict[str, str]:
    found = {"id": f"id-{name}", "hostname": name, "state": "ready", "availability": "active", "role": "worker"}
    return {**found, "address": "192.0.2.11", **different}


def service(name: str, nf: str, *constraints: str) -> dict[str, Any]:
    return {"name": name, "nf": nf, "constraints": list(constraints), "replicas": 1}


def member(name: str, **different: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"node_id": f"id-{name}", "state": "active", "error": ""}
    found |= {"is_manager": False, "cluster_error": ""}
    found |= {"nodes": [], "services": [], "tasks": [], "configurations": {}, "networks": [], "has_ip_vs": True}
    return {**found, "secrets": {}, "configs": {}, **different}


OUTSIDE = member("", node_id="", state="inactive")


def manager(name: str, *nodes: dict[str, str], **different: Any) -> dict[str, Any]:
    return member(name, is_manager=True, nodes=list(nodes), **different)


def healthy(**different: Any) -> dict[str, Any]:
    return {"a": manager("one", node("one"), node("two"), **different), "b": member("two")}


def test_a_healthy_swarm() -> None:
    services = [
        service("smf", "smf", "node.hostname==two"),
        service("upf", "upf", "node.hostname == one", "node.labels.x == y"),
        service("nrf", "nrf", "node.hostname != one"),
        service("web", "", "node.hostname == one"),
    ]
    secrets = {"core5g-key-012345678901": ["smf"]}
    assert nf_swarm(healthy(services=services, networks=["core5g-macvlan"], secrets=secrets)) == {
        "manager": "a",
        "hostnames": {"a": "one", "b": "two"},
        "services": ["smf", "upf", "nrf"],
        "networks": ["core5g-macvlan"],
        "secrets": secrets,
        "configs": {},
        "places": {"smf": "b", "upf": "a"},
        "problems": [],
    }


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"a": OUTSIDE, "b": OUTSIDE}, "a, b is in no Docker Swarm: run playbooks/swarm.yml"),
        ({"a": manager("one", node("one")), "b": OUTSIDE}, "b is in no Docker Swarm"),
        ({"a": manager("one", node("one")), "b": member("two")}, "b is in another Docker Swarm than a"),
        ({"a": member("one"), "b": member("two")}, "None of a, b is a manager of the Docker Swarm"),
        (
            {
                "a": member("one", is_manager=True, cluster_error="The swarm does not have a leader."),
                "b": member("two"),
            },
            "has no quorum, a cannot manage it (The swarm does not have a leader): start its other managers",
        ),
        (
            {"a": member("one", state="locked"), "b": member("two")},
            "a is a node of a Docker Swarm in the state 'locked'",
        ),
        ({"a": manager("one", node("one"), node("one", id="id-two")), "b": member("two")}, "have the host name one"),
    ],
)
def test_an_unusable_swarm_is_refused(found: dict[str, Any], reason: str) -> None:
    assert any(reason in problem for problem in nf_swarm(found)["problems"])


def test_a_second_manager_answers_for_one_that_cannot() -> None:
    found = {
        "a": member("one", is_manager=True, cluster_error="rpc error"),
        "b": manager("two", node("one"), node("two")),
    }
    assert nf_swarm(found)["manager"] == "b"
    assert nf_swarm(found)["problems"] == []


def problems(found: dict[str, Any], running: str | None = None, **different: Any) -> list[str]:
    deployment = {"places": {"smf": "b"}, "drivers": {"smf": MACVLAN}, "endpoints": {"smf": [{}]}, **different}
    entry = {"name": "smf", "container": {"status": "running", "pid": 7}}
    return nf_swarm_problems(found, deployment, {running: [entry]} if running else {})


def with_node(**different: str) -> dict[str, Any]:
    return {"a": manager("one", node("one"), node("two", **different)), "b": member("two")}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (with_node(state="down"), "The node two of the Docker Swarm is down: start Docker on b"),
        (with_node(availability="drain"), "is drained and starts no smf: make it available (docker node update"),
        (with_node(availability="pause"), "is paused and starts no smf"),
        (healthy(services=[service("smf", "")]), "has a service smf already, which is not ours"),
    ],
)
def test_a_node_that_cannot_run_the_nf_is_refused(found: dict[str, Any], reason: str) -> None:
    [problem] = problems(found)
    assert reason in problem


def test_what_runs_on_a_paused_node_may_stay() -> None:
    assert problems(with_node(availability="pause"), running="b") == []
    assert problems(healthy()) == []


def test_networks_that_swarm_cannot_give_are_refused() -> None:
    [wrong_driver] = problems(healthy(), drivers={"smf": BRIDGE})
    assert (
        wrong_driver
        == "Docker Swarm runs no NFs on the network driver bridge: set nf_network_driver to one of macvlan, overlay"
    )
    [many] = problems(healthy(), endpoints={"smf": [{"driver": "macvlan"}, {"driver": "macvlan"}]})
    assert many.startswith("smf has 2 networks (macvlan, macvlan), which Docker Swarm gives to a task in any order")


def test_one_network_on_macvlan_beside_one_overlay_can_be_told_apart() -> None:
    assert problems(healthy(), endpoints={"smf": [{"driver": "overlay"}, {"driver": "macvlan"}]}) == []


@pytest.mark.parametrize(
    ("drivers", "kernels", "mode"),
    [
        (["overlay"], (True, True), "vip"),
        (["overlay", "macvlan"], (True, True), "vip"),
        (["overlay"], (True, False), "dnsrr"),
        (["macvlan"], (True, True), "dnsrr"),
    ],
)
def test_a_virtual_address_needs_an_overlay_and_ip_vs_on_every_host(
    drivers: list[str], kernels: tuple[bool, bool], mode: str
) -> None:
    found = {host: member(host, has_ip_vs=known) for host, known in zip("ab", kernels, strict=True)}
    assert nf_endpoint_mode(found, [{"driver": driver} for driver in drivers]) == mode


def test_every_host_has_its_own_placeholders_and_keeps_them() -> None:
    found = {
        "a": member("one"),
        "b": member("two", configurations={"core-node": "169.254.1.0/24"}),
        "c": member("three", configurations={"other-node": "169.254.2.0/24"}),
    }
    first = {"a": "169.254.3.0/24", "b": "169.254.1.0/24", "c": "169.254.4.0/24"}
    assert swarm.placeholders(found, "core-node") == first
    names = ["core-node", "n4-node"]
    assert swarm.placeholders(found, "core-node", names) == first
    second = swarm.placeholders(found, "n4-node", names)
    assert len({"169.254.2.0/24", *first.values(), *second.values()}) == 7


def test_address_for_the_init() -> None:
    mac = "02:42:c0:00:02:22"
    made = swarm.resident_address("192.0.2.34", "192.0.2.0/24", None, mac)
    assert made == f"eth0,192.0.2.34/24,mac={mac},gateway=192.0.2.1"
    made = swarm.resident_address("192.0.2.34", "192.0.2.0/25", "192.0.2.126", mac)
    assert made == f"eth0,192.0.2.34/25,mac={mac},gateway=192.0.2.126"
    made = swarm.resident_address("192.0.2.34", "192.0.2.0/24", None, mac, is_alone=False)
    assert made == f"169.254.0.0/16,192.0.2.34/24,mac={mac}"


UDM = {
    "places": {},
    "drivers": {"udm": {"name": "overlay", "orchestrators": ["swarm"]}},
    "endpoints": {"udm": [{"driver": "overlay", "ipv4": "dynamic"}]},
    "replicas": {"udm": 2},
    "stateless": ["udm"],
}


def test_replicas_of_a_stateless_nf() -> None:
    assert problems(healthy(), **UDM) == []


def test_one_task_on_any_node_may_have_a_fixed_address() -> None:
    fixed = {"endpoints": {"udm": [{"driver": "macvlan", "ipv4": "192.0.2.38"}]}, "replicas": {"udm": 1}}
    assert problems(healthy(), **{**UDM, **fixed}) == []


def test_a_virtual_address_that_would_not_work_is_refused() -> None:
    wanted = {**UDM, "endpoint_mode": "vip"}
    assert problems(healthy(), **wanted) == []
    assert nf_endpoint_mode(healthy(), UDM["endpoints"]["udm"], "vip") == "vip"
    assert nf_endpoint_mode(healthy(), UDM["endpoints"]["udm"], "dnsrr") == "dnsrr"
    lacking = {**healthy(), "b": member("two", has_ip_vs=False)}
    [problem] = problems(lacking, **wanted)
    assert "The kernel of b has no IP_VS" in problem
    assert nf_endpoint_mode(lacking, UDM["endpoints"]["udm"]) == "dnsrr"
    [problem] = problems(healthy(), **{**wanted, "endpoints": {"udm": [{"driver": "macvlan", "ipv4": "dynamic"}]}})
    assert "no NF is on an overlay" in problem


@pytest.mark.parametrize(
    ("different", "reason"),
    [
        ({"stateless": []}, "udm keeps state of its own, which Docker Swarm would start its replicas without"),
        ({"replicas": {"udm": 0}}, "nf_replicas.udm is 0: set it to 1 or more"),
        ({"replicas": {"udm": "two"}}, "nf_replicas.udm is 'two': set it to 1 or more"),
        (
            {"endpoints": {"udm": [{"driver": "overlay", "ipv4": "192.0.2.38"}]}},
            "All replicas of udm would have the address 192.0.2.38: put it on an overlay alone",
        ),
    ],
)
def test_replicas_that_cannot_run_are_refused(different: dict[str, Any], reason: str) -> None:
    [problem] = problems(healthy(), **{**UDM, **different})
    assert reason in problem


def test_replicas_need_a_node_that_takes_tasks() -> None:
    found = {"a": manager("one", node("one", availability="drain"), node("two", state="down")), "b": member("two")}
    assert any("No node of the Docker Swarm can start udm" in problem for problem in problems(found, **UDM))
