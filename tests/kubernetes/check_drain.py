# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node is emptied by drain_host.yml, and by somebody else's `kubectl drain`: `make kubernetes`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.build import SERVER
from tests.harness.wait import until

from .cluster import Cluster
from .core import CoreOnCluster

NAMESPACE = "organic-drain"
OTHER = "other"


@pytest.fixture(scope="module")
def core(cluster: Cluster) -> Iterator[CoreOnCluster]:
    made = CoreOnCluster(cluster, NAMESPACE)
    made.playbook("build_minicore", "--limit", "nf_hosts,localhost")
    made.playbook("deploy_core", nf_ready_timeout_s=120)
    yield made
    made.remove()
    assert made.leftovers() == []


def other(node: str) -> list[dict[str, Any]]:
    """A Deployment that is no NF, at home on a node, with a budget that lets its pod go once another one is ready."""
    labels = {"app": OTHER}
    metadata = {"name": OTHER, "namespace": NAMESPACE}
    container = {
        "name": "server",
        "image": f"localhost{SERVER}:1",
        "imagePullPolicy": "Never",
        "command": [SERVER, "--port", "7000", "--memory-mb", "1"],
    }
    prefers = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    weighed = {"weight": 100, "preference": {"matchExpressions": [prefers]}}
    pod = {
        "terminationGracePeriodSeconds": 1,
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [weighed]}},
        "containers": [container],
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": metadata,
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
        },
    ]


def nodes_of_other(core: CoreOnCluster) -> list[str]:
    """Nodes of the pods that are ready and no NFs."""
    pods = core.get(f"pods --selector app={OTHER}")
    ready = [one for one in pods if {"type": "Ready", "status": "True"}.items() <= _ready(one).items()]
    return [one["spec"]["nodeName"] for one in ready if "deletionTimestamp" not in one["metadata"]]


def _ready(pod: dict[str, Any]) -> dict[str, Any]:
    return next((one for one in pod["status"].get("conditions", ()) if one["type"] == "Ready"), {})


def is_cordoned(core: CoreOnCluster, node: str) -> bool:
    found = json.loads(core.cluster.kubectl(f"get node {node} --output json"))
    return bool(found["spec"].get("unschedulable"))


def test_a_node_is_emptied_and_filled_again(core: CoreOnCluster, tmp_path: Path) -> None:
    """NFs move, other pods are evicted one by one as their budget allows, and everything comes back but those."""
    first, second = core.hosts
    core.cluster.apply(*other(first))
    try:
        until(lambda: len(nodes_of_other(core)) == 2, "the other pods are ready", timeout_s=60)
        at, pods = core.places(), core.restarts()
        report = tmp_path / "drain.json"
        options = {"host": first, "drain_others": "evict", "drain_report": str(report)}
        would = core.playbook("drain_host", "--check", **options)
        assert "would_move" in str(would.data)
        assert core.places() == at
        assert not is_cordoned(core, first)
        core.playbook("drain_host", **options)
        assert is_cordoned(core, first)
        assert set(core.places().values()) == {second}
        until(lambda: nodes_of_other(core) == [second, second], "the other pods are on the other node", timeout_s=60)
        assert core.restarts() == dict.fromkeys(pods, 0)
        core.playbook("undrain_host", **options)
        assert core.places() == at
        assert not is_cordoned(core, first)
        assert core.restarts() == dict.fromkeys(pods, 0)
    finally:
        core.cluster.kubectl(f"uncordon {first}")
        core.cluster.kubectl(
            f"--namespace {NAMESPACE} delete deployment,poddisruptionbudget {OTHER} --ignore-not-found"
        )


def test_a_drain_by_somebody_else_waits_until_the_nfs_have_moved(core: CoreOnCluster, tmp_path: Path) -> None:
    first, second = core.hosts
    control = core.cluster.control
    drain = "kubectl --kubeconfig /etc/kubernetes/admin.kubeconfig drain"
    selector = "--pod-selector organic.core5g/nf --ignore-daemonsets --timeout 300s"
    log = "/run/kubectl-drain.log"
    options = {"host": first, "drain_report": str(tmp_path / "drain.json")}
    at = core.places()
    try:
        control.run(f"nohup sh -c '{drain} {first} {selector}; echo ended with $?' >{log} 2>&1 </dev/null & disown")
        until(lambda: "Cannot evict pod" in control.run(f"cat {log}"), "it waits at a budget", timeout_s=60)
        assert core.places() == at
        core.playbook("drain_host", **options)
        until(lambda: "ended with 0" in control.run(f"cat {log}"), "it has gone on", timeout_s=60)
        assert set(core.places().values()) == {second}
        assert set(core.restarts().values()) == {0}
        core.playbook("undrain_host", **options)
        assert core.places() == at
    finally:
        core.cluster.kubectl(f"uncordon {first}")
        control.run(f"rm -f {log}")
