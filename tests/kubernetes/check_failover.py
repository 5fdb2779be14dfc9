# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stateless NF that the scheduler places comes back on another node when its own is lost: `make kubernetes`."""

from __future__ import annotations

import time

from tests.harness.wait import until

from .cluster import Cluster
from .core import CoreOnCluster

NAMESPACE = "organic-failover"
FAILOVER_S = 5
NODE_MONITOR_GRACE_S = 50
"""Of the controller manager, by default since Kubernetes 1.32."""
MARGIN_S = 60
"""For the pod to start, on a machine that has other work, too."""


def ready_on(core: CoreOnCluster, nf: str) -> list[str]:
    """Nodes of the pods of an NF that are ready, without those that are being deleted."""
    found = []
    for pod in core.get(f"pods --selector organic.core5g/nf={nf}"):
        conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
        if conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]:
            found.append(str(pod["spec"]["nodeName"]))
    return found


def test_it_comes_back_on_another_node_with_its_address(kubernetes: Cluster) -> None:
    core = CoreOnCluster(kubernetes, NAMESPACE)
    core.options |= {"nf_names": ["nrf", "upf"], "nf_replicas": {"upf": 1}, "nf_failover_s": FAILOVER_S}
    core.playbook("build_minicore", "--limit", "nf_hosts,localhost")
    assert "set it to 1" in core.refusal(nf_replicas={"upf": 2})
    assert "nrf keeps state of its own" in core.refusal(nf_replicas={"nrf": 1})
    core.playbook("deploy_core", nf_ready_timeout_s=120)
    try:
        assert not core.playbook("deploy_core").changed
        [home] = ready_on(core, "upf")
        lost, other = sorted(kubernetes.workers, key=lambda worker: worker.name != home)
        [pid] = kubernetes.nf_pids(lost, NAMESPACE, "upf")
        since = time.monotonic()
        kubernetes.signal_service(lost, "kubelet", "STOP")
        try:
            lost.run(f"kill -KILL {pid}")
            bound = NODE_MONITOR_GRACE_S + FAILOVER_S + MARGIN_S
            until(lambda: ready_on(core, "upf") == [other.name], "it runs on the other node", timeout_s=bound)
            print(f"ready on {other.name} {time.monotonic() - since:.0f} s after {lost.name} was lost")
            [pid] = kubernetes.nf_pids(other, NAMESPACE, "upf")
            address = core.options["nf_addresses"]["upf"]
            assert f" {address}/" in other.run(f"nsenter --target {pid} --net ip -brief address show net1")
        finally:
            kubernetes.signal_service(lost, "kubelet", "CONT")
        until(lambda: not kubernetes.nf_pids(lost, NAMESPACE, "upf"), "nothing runs on the old node", timeout_s=120)
        assert ready_on(core, "upf") == [other.name]
    finally:
        core.remove()
    assert core.leftovers() == []
