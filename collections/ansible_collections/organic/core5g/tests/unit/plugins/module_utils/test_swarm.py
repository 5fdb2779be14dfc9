# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host knows of its Swarm, with an engine that is a fake; tests/e2e/test_swarm.py has a real one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import swarm
from ansible_collections.organic.live_migration.plugins.module_utils.engines.docker_api import DockerApi


def test_no_ip_vs(tmp_path: Path) -> None:
    assert not swarm.has_ip_vs(tmp_path)


def test_ip_vs_in_use(tmp_path: Path) -> None:
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/ip_vs").touch()
    assert swarm.has_ip_vs(tmp_path)


@pytest.mark.parametrize("listing", ["modules.builtin", "modules.dep"])
def test_ip_vs_built_in_or_as_a_module(tmp_path: Path, listing: str) -> None:
    modules = tmp_path / "lib/modules" / os.uname().release
    modules.mkdir(parents=True)
    (modules / listing).write_text("kernel/net/netfilter/ipvs/ip_vs_rr.ko:\n")
    assert not swarm.has_ip_vs(tmp_path)
    (modules / listing).write_text("kernel/net/netfilter/ipvs/ip_vs.ko: x\n")
    assert swarm.has_ip_vs(tmp_path)


NODE = {
    "ID": "n1",
    "Description": {"Hostname": "edge-a"},
    "Spec": {"Availability": "active", "Role": "manager"},
    "Status": {"State": "ready", "Addr": "192.0.2.1"},
}
SERVICES = [
    {
        "ID": "s1",
        "Spec": {
            "Name": "smf",
            "Labels": {swarm.NF_LABEL: "smf"},
            "Mode": {"Replicated": {"Replicas": 1}},
            "TaskTemplate": {
                "ContainerSpec": {"Secrets": [{"SecretID": "k2"}], "Configs": None},
                "Placement": {"Constraints": ["node.hostname==edge-a"]},
            },
        },
        "PreviousSpec": {"TaskTemplate": {"ContainerSpec": {"Secrets": [{"SecretID": "k1"}]}}},
    },
    {"ID": "s2", "Spec": {"Name": "agents", "Labels": None, "Mode": {"Global": {}}, "TaskTemplate": {}}},
]
TASKS = [
    {"ServiceID": "s1", "CreatedAt": "1", "DesiredState": "shutdown", "Status": {"State": "failed", "Err": "no image"}},
    {"ServiceID": "s1", "CreatedAt": "2", "DesiredState": "running", "NodeID": "n1", "Status": {"State": "running"}},
    {"ServiceID": "gone", "CreatedAt": "3", "DesiredState": "running", "Status": {"State": "running"}},
]
NODE_NETWORKS = [
    {"Name": "core-node", "ConfigOnly": True, "IPAM": {"Config": [{"Subnet": "192.0.2.0/24"}]}},
    {"Name": "old-node", "ConfigOnly": True, "IPAM": {"Config": None}},
    {"Name": "bridged", "ConfigOnly": False, "IPAM": {"Config": []}},
]
SWARM_NETWORKS = [
    {"Name": "core", "Labels": None, "ConfigFrom": {"Network": "core-node"}},
    {"Name": "sbi", "Labels": {swarm.NETWORK_LABEL: "overlay"}, "ConfigFrom": {"Network": ""}},
    {"Name": "ingress", "Labels": {}, "ConfigFrom": {"Network": ""}},
]


class Engine:
    """Answers as the engine of a manager does, shortened by what nobody reads."""

    def __init__(self, **state: Any) -> None:
        self.swarm = {"NodeID": "n1", "LocalNodeState": "active", "Error": "", "ControlAvailable": True, **state}

    def call(self, _method: str, path: str, filters: str = "{}") -> Any:
        if path == "/networks":
            return SWARM_NETWORKS if "scope" in filters else NODE_NETWORKS
        secrets = [{"ID": one, "Spec": {"Name": f"key-{one}"}} for one in ("k1", "k2", "k3")]
        return {
            "/info": {"Swarm": self.swarm},
            "/nodes": [NODE],
            "/services": SERVICES,
            "/tasks": TASKS,
            "/secrets": secrets,
            "/configs": None,
        }[path]


def test_what_a_manager_knows() -> None:
    found = swarm.membership(cast(DockerApi, Engine()))
    assert (found.node_id, found.state, found.is_manager, found.cluster_error) == ("n1", "active", True, "")
    assert found.nodes == [swarm.Node("n1", "edge-a", "ready", "active", "manager", "192.0.2.1")]
    assert found.services == [
        swarm.Service("smf", "smf", ["node.hostname==edge-a"], 1),
        swarm.Service("agents", "", [], None),
    ]
    assert found.tasks == [
        swarm.Task("smf", "n1", "running", "running", ""),
        swarm.Task("smf", "", "failed", "shutdown", "no image"),
    ]
    assert found.configurations == {"core-node": "192.0.2.0/24", "old-node": ""}
    assert found.networks == ["core", "sbi"]
    assert (found.secrets, found.configs) == ({"key-k1": ["smf"], "key-k2": ["smf"], "key-k3": []}, {})


def test_what_a_host_outside_of_any_swarm_knows() -> None:
    engine = Engine(NodeID="", LocalNodeState="inactive", ControlAvailable=False)
    found = swarm.membership(cast(DockerApi, engine))
    assert (found.node_id, found.state, found.is_manager, found.nodes) == ("", "inactive", False, [])
    assert list(found.configurations) == ["core-node", "old-node"]
