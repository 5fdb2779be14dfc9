# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot move is refused by name, and the pod stays as it is; what starts again is said. `make kubernetes`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.build import SERVER
from tests.harness.client import assert_nothing_lost
from tests.harness.site import RESIDENT
from tests.harness.wait import until

from .cluster import NAMESPACE, PORT, Cluster, Deployment, Extras

NUMBER = 42
SETTINGS = "settings"


def settings(content: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": SETTINGS, "namespace": NAMESPACE},
        "data": {"content": content},
    }


def test_a_config_map_with_other_content_is_refused_and_a_sidecar_starts_again(cluster: Cluster) -> None:
    cluster.apply(settings("old"))
    sidecar = {
        "name": "logs",
        "image": f"localhost{SERVER}:1",
        "imagePullPolicy": "Never",
        "command": [SERVER, "--port", "7001", "--memory-mb", "1"],
    }
    volumes = {
        "/etc/settings": {"configMap": {"name": SETTINGS}},
        "/scratch": {"emptyDir": {"medium": "Memory"}},
    }
    made = Deployment(cluster, "refused", NUMBER, extras=Extras(volumes, [sidecar]))
    try:
        client = made.client()
        cluster.apply(settings("new"))
        refused = made.migrate(2)
        assert [blocker["code"] for blocker in refused["blockers"]] == ["read_only_mount"], refused
        assert "/etc/settings" in refused["msg"]
        until(lambda: not made.deviations(), "one pod is ready, at its old home")
        cluster.apply(settings("old"))
        moved = made.migrate(strategy="pre_copy")
        assert any("logs" in warning for warning in moved["warnings"])
        until(lambda: not made.deviations(), "one pod is ready, at its new home")
        assert_nothing_lost(client.end())
    finally:
        made.remove()


def test_an_empty_dir_on_the_disk_of_the_node_is_refused(cluster: Cluster) -> None:
    made = Deployment(cluster, "local", NUMBER + 1, extras=Extras({"/data": {"emptyDir": {}}}))
    try:
        refused = made.migrate(2)
        assert [blocker["code"] for blocker in refused["blockers"]] == ["volume"], refused
        assert "/data" in refused["msg"]
    finally:
        made.remove()


@pytest.mark.parametrize(("kind", "code"), [("Pod", "bare_pod"), ("StatefulSet", "workload_kind")])
def test_the_pod_of_something_else_is_refused(cluster: Cluster, kind: str, code: str) -> None:
    home, away = cluster.workers
    key = f"{NAMESPACE}.lonely"
    metadata = {"name": "lonely", "namespace": NAMESPACE, "labels": {"app": "lonely"}}
    container = {
        "name": "nf",
        "image": f"localhost{SERVER}:1",
        "imagePullPolicy": "Never",
        "command": [f"{RESIDENT}/init", "--name", key, "--"],
        "args": [SERVER, "--port", "7000", "--memory-mb", "1"],
        "volumeMounts": [{"name": "resident", "mountPath": RESIDENT, "readOnly": True}],
    }
    pod = {
        "nodeName": home.name,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [{"name": "resident", "hostPath": {"path": RESIDENT, "type": "Directory"}}],
    }
    template = {"metadata": {"labels": metadata["labels"]}, "spec": pod}
    spec = {"serviceName": "none", "selector": {"matchLabels": metadata["labels"]}, "template": template}
    is_pod = kind == "Pod"
    version = "v1" if is_pod else "apps/v1"
    cluster.apply({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": pod if is_pod else spec})
    try:
        until(lambda: home.run(f"pgrep --full '^{SERVER} --port 7000 --memory-mb 1$' || true").strip(), "it runs")
        refused = cluster.migrate(key, home, away)
        assert [blocker["code"] for blocker in refused["blockers"]] == [code], refused
    finally:
        cluster.kubectl(f"--namespace {NAMESPACE} delete {kind} lonely")


def test_a_connection_over_the_cluster_network_is_named_and_ends_if_that_is_wanted(cluster: Cluster) -> None:
    made = Deployment(cluster, "chatty", NUMBER + 2)
    try:
        client = made.client()
        [pod] = made.pods()
        address = pod["status"]["podIP"]
        made.home.run(
            f"nohup bash -c 'exec 3<>/dev/tcp/{address}/{PORT}; cat <&3; touch /run/connection-ended' "
            ">/dev/null 2>&1 </dev/null & disown"
        )
        until(lambda: made.home.run(f"ss -Htn dst {address}").strip(), "it is connected")
        refused = made.migrate(2)
        assert [blocker["code"] for blocker in refused["blockers"]] == ["cluster_connection"], refused
        assert "end_cluster_connections" in refused["msg"]
        source = made.home
        made.migrate(end_cluster_connections=True, strategy="pre_copy")
        until(lambda: source.run("cat /run/connection-ended 2>&1 || true") == "", "the connection has ended")
        until(lambda: not made.deviations(), "one pod is ready, at its new home")
        addresses = made.home.run(f"nsenter --net=/proc/{made.init_pid()}/ns/net ip -4 address show")
        assert address not in addresses
        assert_nothing_lost(client.end())
    finally:
        for worker in cluster.workers:
            worker.run("rm -f /run/connection-ended")
        made.remove()
