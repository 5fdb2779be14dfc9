# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a measurement; playbooks/measure_networks.yml has made them on a real cluster (docs/kubernetes.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.organic.core5g.plugins.module_utils.network_probe import Probe
from ansible_collections.organic.core5g.plugins.plugin_utils import probe_objects

DRIVERS = Path(probe_objects.__file__).parents[2] / "network_drivers"
NODES = {"client": "edge-a", "stranger": "edge-a", "server": "edge-b"}
CLUSTER = {"name": "cluster", "creates_network": True}


def made(driver: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for one in probe_objects.objects(Probe(driver, "eth0", "198.18.0.0/24", "image:1", ()), NODES):
        by_kind.setdefault(one["kind"], []).append(one)
    return by_kind


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("macvlan", {"type": "macvlan", "mode": "bridge", "master": "eth0"}),
        ("bridge", {"type": "bridge", "bridge": "br-probe"}),
        ("ipvlan_l2", {"type": "ipvlan", "mode": "l2", "master": "eth0"}),
    ],
)
def test_a_network_of_its_own_gives_fixed_addresses(name: str, config: dict[str, str]) -> None:
    objects = made(yaml.safe_load((DRIVERS / f"{name}.yml").read_text()))
    [definition] = objects["NetworkAttachmentDefinition"]
    assert config.items() <= json.loads(definition["spec"]["config"]).items()
    client, stranger, server = objects["Pod"]
    [selected] = json.loads(server["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"])
    assert (selected["name"], selected["ips"]) == (definition["metadata"]["name"], ["198.18.0.21/24"])
    assert stranger["metadata"]["annotations"] == {}
    assert [pod["spec"]["nodeName"] for pod in (client, stranger, server)] == ["edge-a", "edge-a", "edge-b"]
    assert not any(pod["spec"]["hostNetwork"] for pod in objects["Pod"])


def test_the_networks_of_cluster_and_nodes_need_no_definition() -> None:
    host = yaml.safe_load((DRIVERS / "host.yml").read_text())
    for driver, on_host in ((CLUSTER, [False] * 3), (host, [True, False, True])):
        objects = made(driver)
        assert "NetworkAttachmentDefinition" not in objects
        assert [pod["spec"]["hostNetwork"] for pod in objects["Pod"]] == on_host
