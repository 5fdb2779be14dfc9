# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A core is deployed on a cluster by playbook, by a user without any further rights: `make kubernetes`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .cluster import Cluster
from .core import NFS, CoreOnCluster, remove_user, user_with_the_rights_of_the_example

NAMESPACE = "organic-deploy"


@pytest.fixture(scope="module")
def image(kubernetes: Cluster) -> None:
    """The image of minicore on the nodes."""
    CoreOnCluster(kubernetes, NAMESPACE).playbook("build_minicore", "--limit", "nf_hosts,localhost")


@pytest.fixture
def user(kubernetes: Cluster, image: None, tmp_path: Path) -> Iterator[str]:
    yield user_with_the_rights_of_the_example(kubernetes, NAMESPACE, tmp_path)
    remove_user(kubernetes, NAMESPACE)


def test_a_core_comes_stays_and_goes_by_a_user_with_the_rights_of_the_example(kubernetes: Cluster, user: str) -> None:
    core = CoreOnCluster(kubernetes, NAMESPACE, user)
    planned = core.playbook("deploy_core", "--check", "--diff")
    assert planned.changed
    assert core.objects() == {}
    core.playbook("deploy_core")
    first, second = core.hosts
    assert core.places() == {"nrf": first, "smf": first, "upf": second}
    before = core.starts()
    assert not core.playbook("deploy_core").changed
    assert not core.playbook("deploy_core", "--check", "--diff").changed
    changed = core.playbook("deploy_core", "--check", nf_resources={"default": {"limits": {"memory": "300Mi"}}})
    assert changed.changed
    assert core.starts() == before
    for pod in core.get("pods"):
        [container] = pod["spec"]["containers"]
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
        assert not container["securityContext"]["privileged"]
        assert not [one for one in container["volumeMounts"] if "serviceaccount" in one["mountPath"]]
    # The NF itself has no capability on networks, though its init had it.
    node = next(worker for worker in kubernetes.workers if worker.name == core.places()["smf"])
    [init] = kubernetes.nf_pids(node, NAMESPACE, "smf")
    process = node.run(f"cat /proc/{init}/task/{init}/children").strip()
    status = node.run(f"cat /proc/{process}/status")
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    assert int(effective, 16) & 1 << 12 == 0
    core.playbook("remove_core", "--limit", "nf_hosts", nf_names=["smf"])
    assert sorted(core.places()) == ["nrf", "upf"]
    core.remove()
    assert core.leftovers() == []
    assert not core.playbook("remove_core", "--limit", "nf_hosts", nf_names=[]).changed
    assert kubernetes.kubectl(f"get namespace {NAMESPACE}"), "the administrator's namespace stays"


def test_what_cannot_be_meant_is_refused_before_anything_is_made(
    kubernetes: Cluster, user: str, tmp_path: Path
) -> None:
    core = CoreOnCluster(kubernetes, NAMESPACE, user)
    addresses = core.options["nf_addresses"]
    missing = str(tmp_path / "none")
    assert f"The kubeconfig {missing} cannot be used" in core.refusal(kubeconfig=missing)
    assert "may not get namespaces, create namespaces" in core.refusal(nf_namespace="organic-elsewhere")
    assert "There is no network driver weave" in core.refusal(nf_network_driver="weave")
    assert "which Kubernetes runs no NFs on" in core.refusal(nf_network_driver="host")
    assert "nrf and smf have the same address" in core.refusal(nf_addresses={**addresses, "smf": addresses["nrf"]})
    assert "has no node" in core.refusal(kubernetes_node="nowhere")
    assert "The image organic/none:1 is not on this node" in core.refusal(nf_image="organic/none:1")
    assert "no network interface 'eth7'" in core.refusal(nf_network_parent="eth7")
    first = core.hosts[0]
    kubernetes.kubectl(f"cordon {first}")
    try:
        assert f"is cordoned and starts no nrf, smf: kubectl uncordon {first}" in core.refusal()
    finally:
        kubernetes.kubectl(f"uncordon {first}")


def test_what_others_have_changed_is_not_undone(kubernetes: Cluster, user: str) -> None:
    core = CoreOnCluster(kubernetes, NAMESPACE, user)
    core.playbook("deploy_core", nf_names=["nrf"])
    kubernetes.kubectl(f"--namespace {NAMESPACE} patch deployment nrf --type json --patch "
                    """'[{"op": "replace", "path": "/spec/revisionHistoryLimit", "value": 7}]'""")  # fmt: skip
    refused = core.try_playbook("deploy_core", nf_names=["nrf"])
    assert refused.status == 2
    assert "Others have changed what we set in Deployment nrf" in refused.messages
    [deployment] = core.get("deployments")
    assert deployment["spec"]["revisionHistoryLimit"] == 7
    core.remove()


def test_an_nf_on_a_network_for_each_reference_point(kubernetes: Cluster, image: None) -> None:
    """The SBI on macvlan, N4 on a bridge that spans the nodes, with the addresses and MACs of the inventory."""
    core = CoreOnCluster(kubernetes, NAMESPACE)
    subnet = kubernetes.topology.subnet
    sbi = {nf: str(subnet.broadcast_address - 60 - number) for number, nf in enumerate(NFS)}
    n4 = core.options["nf_addresses"]
    networks = {
        "sbi": {"driver": "macvlan", "parent": core.variables["nf_network_parent"], "subnet": str(subnet)},
        "n4": {
            "driver": "bridge",
            "parent": core.variables["nf_bridge_uplink"],
            "subnet": core.variables["nf_bridge_subnet"],
        },
    }
    addresses = {
        "nrf": sbi["nrf"],
        "smf": {"sbi": sbi["smf"], "n4": {"ipv4": n4["smf"], "mac": "02:00:00:00:04:22"}},
        "upf": {"sbi": sbi["upf"], "n4": n4["upf"]},
    }
    core.options = {"nf_namespace": NAMESPACE, "nf_names": NFS, "nf_networks": networks, "nf_addresses": addresses}
    try:
        # The association of SMF and UPF, which are on two nodes, is awaited, and is over the bridge.
        core.playbook("deploy_core")
        assert len(set(core.places().values())) == 2
        link = core.inside("smf", "ip -brief link show net2")
        assert "02:00:00:00:04:22" in link
        assert f" {n4['smf']}/24 " in core.inside("smf", "ip -brief address show net2") + " "
        assert f" {sbi['smf']}/" in core.inside("smf", "ip -brief address show net1")
        assert not core.playbook("deploy_core").changed
    finally:
        core.remove()
    assert core.leftovers() == []
    assert not kubernetes.kubectl(f"get namespace {NAMESPACE} --ignore-not-found"), "our own namespace is gone"
