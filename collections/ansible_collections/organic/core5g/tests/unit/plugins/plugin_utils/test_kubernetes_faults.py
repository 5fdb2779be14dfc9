# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused of a Kubernetes cluster."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.filter.kubernetes import nf_kubernetes_problems

MACVLAN = {"name": "macvlan", "orchestrators": ["none", "swarm", "kubernetes"]}
NODE = {"ready": True, "cordoned": False, "taints": [], "labels": {}}
ENDPOINT = {"network": "core5g-macvlan", "ipv4": "192.0.2.34", "ipv6": ""}
OURS = {"ours": True, "core": "minicore", "moving": False, "replicas": 1, "ready": 1}


def network(parent: str = "eth0", driver: dict[str, Any] | None = None, **different: Any) -> dict[str, Any]:
    cni = {"type": "macvlan", "master": parent}
    found = {
        "name": "core5g-macvlan",
        "driver": driver or MACVLAN,
        "cni": cni,
        "parent": parent,
        "subnet": "192.0.2.0/24",
    }
    return {**found, **different}


def found(**different: Any) -> dict[str, Any]:
    namespace = {"exists": False, "ours": False, "level": "", "ending": False}
    cluster = {"missing_rights": [], "nodes": {"a": NODE, "b": NODE}, "namespace": namespace, "has_multus": True}
    return {**cluster, "deployments": {}, **different}


def problems(cluster: dict[str, Any], **different: Any) -> list[str]:
    wanted = {
        "namespace": "lab",
        "core": "minicore",
        "places": {"smf": "edge-a"},
        "nodes": {"edge-a": "a", "edge-b": "b"},
        "networks": {"edge-a": [network()], "edge-b": [network()]},
        "endpoints": {"smf": [ENDPOINT]},
    }
    return nf_kubernetes_problems(cluster, {**wanted, **different})


def test_nothing_is_wrong() -> None:
    assert problems(found()) == []
    assert problems(found(deployments={"smf": OURS})) == []
    assert problems(found(), replicas={"nssf": 1}, stateless=["nssf"]) == []


@pytest.mark.parametrize(
    "cluster, message",
    [
        ({"missing_rights": ["patch nodes"]}, "may not patch nodes: have an administrator apply the role"),
        ({"nodes": {"b": NODE}}, r"no node a \(host edge-a\), its nodes are b: set kubernetes_node of edge-a"),
        ({"nodes": {"a": {**NODE, "ready": False}, "b": NODE}}, "node a is not Ready and starts no smf"),
        ({"nodes": {"a": {**NODE, "cordoned": True}, "b": NODE}}, "is cordoned and starts no smf: kubectl uncordon a"),
        ({"nodes": {"a": {**NODE, "taints": ["x=:NoSchedule"]}, "b": NODE}}, "has the taint x=:NoSchedule"),
        ({"has_multus": False}, "install Multus"),
        ({"deployments": {"smf": {**OURS, "ours": False}}}, "Deployment smf already, which is not ours"),
        ({"deployments": {"smf": {**OURS, "core": "open5gs"}}}, "is of the core open5gs: remove that first"),
        ({"deployments": {"smf": {**OURS, "moving": True}}}, "smf is being moved.*recover_migrations.yml"),
        ({"namespace": {"exists": True, "ours": True, "level": "privileged", "ending": True}}, "is being deleted"),
        (
            {"namespace": {"exists": True, "ours": False, "level": "restricted", "ending": False}},
            "enforces the pod security level restricted.*set nf_namespace",
        ),
    ],
)
def test_what_a_cluster_lacks(cluster: dict[str, Any], message: str) -> None:
    [problem] = problems(found(**cluster))
    assert re.search(message, problem), problem


@pytest.mark.parametrize(
    "wanted, message",
    [
        ({"replicas": {"nssf": 2}, "stateless": ["nssf"]}, "nf_replicas.nssf is 2, and all of them would have"),
        ({"replicas": {"smf": 1}, "stateless": ["nssf"]}, "smf keeps state of its own"),
        ({"namespace": "My_Core"}, "no name of a namespace"),
        (
            {"networks": {"edge-a": [network(driver={"name": "overlay", "orchestrators": ["swarm"]})]}},
            "has the driver overlay, which Kubernetes runs no NFs on",
        ),
        (
            {"networks": {"edge-a": [network()], "edge-b": [network("ens3")]}},
            "goes out by eth0 on edge-a and by ens3 on edge-b",
        ),
        (
            {"endpoints": {"smf": [{"network": "core5g-macvlan", "ipv4": "198.51.100.1", "ipv6": ""}]}},
            r"198\.51\.100\.1 of smf is not in the subnet 192\.0\.2\.0/24 of core5g-macvlan",
        ),
        (
            {"endpoints": {"smf": [{"network": "core5g-macvlan", "ipv4": "192.0.2.34", "ipv6": "2001:db8::1"}]}},
            "leave ipv6 out",
        ),
        ({"networks": {"edge-a": [network(subnet=None)]}}, "has no subnet: set nf_network_subnet"),
    ],
)
def test_what_cannot_be_meant(wanted: dict[str, Any], message: str) -> None:
    [problem] = problems(found(), **wanted)
    assert re.search(message, problem), problem


def test_a_node_that_starts_nothing_new_may_be_cordoned() -> None:
    nodes = {"a": {**NODE, "cordoned": True}, "b": NODE}
    assert problems(found(nodes=nodes, deployments={"smf": OURS})) == []
