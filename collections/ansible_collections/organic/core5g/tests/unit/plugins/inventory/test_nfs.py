# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin on a cluster, by ansible-inventory. A stand-in answers in place of the API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.core5g.tests.unit.plugins.plugin_utils.kubernetes_stand_in import NAMESPACE, StandIn

pytest.importorskip("kubernetes")
COLLECTIONS = Path(__file__).parents[7]
PODS = ("GET", f"{NAMESPACE}/pods")


@pytest.fixture
def server() -> Iterator[StandIn]:
    made = StandIn()
    yield made
    made.close()


def inventory(server: StandIn, directory: Path) -> Path:
    """Two nodes of a cluster, one of which has another name in the inventory than in the cluster."""
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "orchestrator": "kubernetes",
        "kubeconfig": "{{ inventory_dir }}/config",
        "kubernetes_namespace": "lab",
    }
    hosts = {"edge-a": None, "edge-b": {"kubernetes_node": "worker-b"}}
    (directory / "hosts.json").write_text(json.dumps({"nf_hosts": {"hosts": hosts, "vars": variables}}))
    server.kubeconfig(directory / "config")
    source = directory / "nfs.yml"
    source.write_text("plugin: organic.core5g.nfs\ninventory: hosts.json\n")
    return source


def listed(source: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ansible", "inventory", "--inventory", str(source), "--list"]
    own = {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
    return subprocess.run(command, env=os.environ | own | environment, capture_output=True, text=True, check=False)


def plain(document: dict[str, Any]) -> Any:
    """Text that is no template, which ansible-inventory marks since ansible-core 2.19."""
    return document.get("__ansible_unsafe", document)


def pod(nf: str, node: str, ready: bool) -> dict[str, Any]:
    status = {"containerStatuses": [{"name": "nf", "ready": ready, "state": {"running": {}}}]}
    metadata = {"namespace": "lab", "labels": {"organic.core5g/nf": nf}}
    return {"metadata": metadata, "spec": {"nodeName": node}, "status": status}


def test_the_nfs_of_a_cluster_are_where_their_pods_are(server: StandIn, tmp_path: Path) -> None:
    pods = [pod("smf", "worker-b", True), pod("smf", "edge-a", False), pod("upf", "edge-a", True)]
    server.answers[PODS] = (200, {"items": pods})
    done = listed(inventory(server, tmp_path))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout, object_hook=plain)
    assert (found["nf_smf"]["hosts"], found["nf_upf"]["hosts"]) == (["edge-b"], ["edge-a"])
    running = {host: values["nfs_running"] for host, values in found["_meta"]["hostvars"].items()}
    assert running == {"edge-a": ["upf"], "edge-b": ["smf"]}
    assert len(server.requests) == 1, "the cluster is asked once, not by each host"


def test_a_cluster_that_does_not_answer_is_a_warning(server: StandIn, tmp_path: Path) -> None:
    server.answers[PODS] = (403, {"message": "pods is forbidden"})
    source = inventory(server, tmp_path)
    done = listed(source)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["_meta"]["hostvars"] == {}
    warnings = " ".join(done.stderr.split())
    for host in ("edge-a", "edge-b"):
        assert f"Host '{host}' did not say which NFs it runs: The API server does not list pods (pods is" in warnings
    source.write_text(source.read_text() + "strict: true\n")
    refused = listed(source)
    assert refused.returncode != 0
    assert "pods is forbidden" in " ".join(refused.stderr.split())
