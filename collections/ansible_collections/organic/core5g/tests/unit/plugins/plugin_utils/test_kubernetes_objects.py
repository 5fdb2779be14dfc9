# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a core on Kubernetes, and what is removed with its NFs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.filter.kubernetes import (
    nf_kubernetes_cluster_objects,
    nf_kubernetes_leftovers,
    nf_kubernetes_objects,
    nf_kubernetes_places,
    nf_kubernetes_unlabelled,
)

MACVLAN = {"name": "macvlan", "movable": True}
IPVLAN = {"name": "ipvlan_l2", "movable": False}
SETTINGS = {"namespace": "lab", "core": "minicore", "pull_policy": "Never", "pull_secret": ""}
RESOURCES = {
    "default": {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}},
    "upf": {"limits": {"memory": "1Gi"}},
}
NFS = [
    {"name": "smf", "command": ["minicore", "smf"], "ports": [{"interface": "N4", "protocol": "udp", "port": 8805}]},
    {
        "name": "upf",
        "command": ["minicore", "upf"],
        "ports": [],
        "devices": ["/dev/net/tun"],
        "capabilities": ["NET_ADMIN"],
        "sysctls": {"net.ipv4.ip_forward": "1"},
    },
]


def endpoint(ipv4: str, network: str = "core5g-macvlan", mac: str = "") -> dict[str, Any]:
    return {"key": "sbi", "network": network, "driver": "macvlan", "points": ["sbi"], "ipv4": ipv4, "mac": mac}


def network(name: str = "core5g-macvlan", driver: dict[str, Any] | None = None) -> dict[str, Any]:
    driver = driver or MACVLAN
    cni = {"type": driver["name"].partition("_")[0], "master": "eth0"}
    return {"name": name, "driver": driver, "cni": cni, "subnet": "192.0.2.0/24", "gateway": None}


def described(**endpoints: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "names": list(endpoints),
        "core": {"nfs": NFS},
        "functions": {name: name.partition("-")[0] for name in endpoints},
        "endpoints": endpoints,
        "needs": {name: {"image": "organic/minicore:latest"} for name in endpoints},
    }


def objects(
    description: dict[str, Any],
    *networks: dict[str, Any],
    files: list[dict[str, Any]] | None = None,
    floating: tuple[str, ...] = (),
    **settings: str,
) -> dict[tuple[str, str], dict[str, Any]]:
    rendered = {
        "environments": {name: {"MINICORE_ADDRESS": "192.0.2.34", "PORT": 8000} for name in description["names"]},
        "files": files or [],
        "resources": RESOURCES,
        "floating": floating,
    }
    made = nf_kubernetes_objects(description, {**SETTINGS, **settings}, list(networks or [network()]), rendered)
    return {(one["kind"], one["metadata"]["name"]): one for one in made}


def pod_of(made: dict[tuple[str, str], dict[str, Any]], nf: str) -> dict[str, Any]:
    return made[("Deployment", nf)]["spec"]["template"]


def test_what_an_nf_gets_and_in_which_order() -> None:
    made = objects(described(smf=[endpoint("192.0.2.34")]))
    assert list(made) == [
        ("ServiceAccount", "core5g-nf"),
        ("NetworkAttachmentDefinition", "core5g-macvlan"),
        ("Service", "smf"),
        ("PodDisruptionBudget", "smf"),
        ("Deployment", "smf"),
    ]
    assert all(one["metadata"]["namespace"] == "lab" for one in made.values())
    assert all(one["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "organic-core5g" for one in made.values())
    assert made[("ServiceAccount", "core5g-nf")]["automountServiceAccountToken"] is False
    assert made[("PodDisruptionBudget", "smf")]["spec"]["maxUnavailable"] == 0
    [port] = made[("Service", "smf")]["spec"]["ports"]
    assert port == {"name": "n4-udp", "port": 8805, "protocol": "UDP", "targetPort": 8805}


def test_the_pod_is_placed_by_a_label_of_its_node_and_never_twice_on_one() -> None:
    made = objects(described(smf=[endpoint("192.0.2.34")]))
    deployment, spec = made[("Deployment", "smf")]["spec"], pod_of(made, "smf")["spec"]
    assert spec["nodeSelector"] == {"organic.core5g/lab.smf": "here"}
    [term] = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["labelSelector"] == deployment["selector"] == {"matchLabels": {"organic.core5g/nf": "smf"}}
    assert deployment["strategy"] == {"type": "Recreate"}
    assert (deployment["replicas"], spec["automountServiceAccountToken"]) == (1, False)


def test_the_scheduler_places_a_floating_nf_and_places_it_again_when_its_node_is_lost() -> None:
    made = objects(described(smf=[endpoint("192.0.2.34")]), floating=("smf",))
    spec = pod_of(made, "smf")["spec"]
    assert "nodeSelector" not in spec
    assert {(one["key"], one["effect"], one["tolerationSeconds"]) for one in spec["tolerations"]} == {
        ("node.kubernetes.io/not-ready", "NoExecute", 10),
        ("node.kubernetes.io/unreachable", "NoExecute", 10),
    }
    assert made[("PodDisruptionBudget", "smf")]["spec"]["maxUnavailable"] == 1


def test_the_init_sets_address_and_mac_on_a_network_on_which_an_nf_moves() -> None:
    made = objects(described(smf=[endpoint("192.0.2.34")]))
    [container] = pod_of(made, "smf")["spec"]["containers"]
    assert container["command"] == [
        *("/opt/organic/resident/init", "--name", "lab.smf"),
        *("--address", "net1,192.0.2.34/24,mac=02:42:c0:00:02:22", "--drop-net-admin", "--"),
    ]
    assert container["securityContext"] == {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "SETPCAP"]},
    }
    annotations = pod_of(made, "smf")["metadata"]["annotations"]
    assert json.loads(annotations["k8s.v1.cni.cncf.io/networks"]) == [{"name": "core5g-macvlan", "interface": "net1"}]
    config = json.loads(made[("NetworkAttachmentDefinition", "core5g-macvlan")]["spec"]["config"])
    assert config == {"cniVersion": "1.0.0", "name": "core5g-macvlan", "type": "macvlan", "master": "eth0"}


def test_the_plugin_sets_the_address_on_a_network_on_which_it_does_not() -> None:
    made = objects(described(smf=[endpoint("192.0.2.34", "core5g-ipvlan_l2")]), network("core5g-ipvlan_l2", IPVLAN))
    [container] = pod_of(made, "smf")["spec"]["containers"]
    assert "--address" not in container["command"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    [selection] = json.loads(pod_of(made, "smf")["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"])
    assert selection["ips"] == ["192.0.2.34/24"]
    config = json.loads(made[("NetworkAttachmentDefinition", "core5g-ipvlan_l2")]["spec"]["config"])
    assert (config["ipam"], config["capabilities"]) == ({"type": "static"}, {"ips": True})


def test_an_address_of_several_networks_has_an_interface_each() -> None:
    endpoints = [endpoint("192.0.2.34"), endpoint("198.51.100.34", "core5g-n4", "02:00:00:00:00:0A")]
    n4 = {**network("core5g-n4"), "subnet": "198.51.100.0/25"}
    [container] = pod_of(objects(described(smf=endpoints), network(), n4), "smf")["spec"]["containers"]
    assert "net2,198.51.100.34/25,mac=02:00:00:00:00:0a" in container["command"]


def test_a_upf_gets_its_device_and_keeps_its_capability_without_being_privileged() -> None:
    spec = pod_of(objects(described(upf=[endpoint("192.0.2.35")])), "upf")["spec"]
    [container] = spec["containers"]
    assert "--drop-net-admin" not in container["command"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    assert {"name": "tun", "hostPath": {"path": "/dev/net/tun", "type": "CharDevice"}} in spec["volumes"]
    assert spec["securityContext"]["sysctls"] == [{"name": "net.ipv4.ip_forward", "value": "1"}]
    assert container["resources"] == {"requests": {"cpu": "50m"}, "limits": {"memory": "1Gi"}}


def test_an_instance_has_what_its_nf_has_under_a_name_of_its_own() -> None:
    made = objects(described(**{"upf-standby": [endpoint("192.0.2.45")]}))
    [container] = pod_of(made, "upf-standby")["spec"]["containers"]
    assert (container["args"], container["command"][2]) == (["minicore", "upf"], "lab.upf-standby")


def test_a_file_with_a_password_is_in_a_secret_and_a_changed_file_starts_the_nf_again() -> None:
    def with_files(secret: str) -> dict[tuple[str, str], dict[str, Any]]:
        plain = {"nf": "smf", "path": "/etc/smf/smf.yaml", "content": "a: 1", "is_secret": False}
        hidden = {"nf": "smf", "path": "/etc/smf/db.yaml", "content": secret, "is_secret": True}
        other = {"nf": "upf", "path": "/etc/upf/upf.yaml", "content": "", "is_secret": False}
        return objects(described(smf=[endpoint("192.0.2.34")]), files=[plain, hidden, other])

    made = with_files("old")
    assert made[("ConfigMap", "smf-configuration")]["data"] == {"smf.yaml": "a: 1"}
    assert made[("Secret", "smf-configuration")]["stringData"] == {"db.yaml": "old"}
    spec = pod_of(made, "smf")["spec"]
    mounts = {one["mountPath"]: one for one in spec["containers"][0]["volumeMounts"]}
    assert mounts["/etc/smf/db.yaml"] == {
        "name": "secrets", "mountPath": "/etc/smf/db.yaml", "subPath": "db.yaml", "readOnly": True,
    }  # fmt: skip
    names = [volume["name"] for volume in spec["volumes"]]
    assert sorted(names) == ["configuration", "kerndat", "resident", "secrets"]
    mark = "organic.core5g/configuration"
    marks = [
        pod_of(one, "smf")["metadata"]["annotations"][mark] for one in (made, with_files("old"), with_files("new"))
    ]
    assert marks[0] == marks[1] != marks[2]


def test_an_image_of_a_registry() -> None:
    made = objects(described(smf=[endpoint("192.0.2.34")]), pull_policy="IfNotPresent", pull_secret="registry")
    spec = pod_of(made, "smf")["spec"]
    assert (spec["imagePullSecrets"], spec["containers"][0]["imagePullPolicy"]) == (
        [{"name": "registry"}],
        "IfNotPresent",
    )


def cluster(**different: Any) -> dict[str, Any]:
    nodes = {
        "a": {"labels": {"organic.core5g/lab.smf": "here", "organic.core5g/other.smf": "here", "zone": "1"}},
        "b": {"labels": {}},
    }
    found = {"nodes": nodes, "namespace": {"exists": True, "ours": True}, "deployments": {"smf": {}}, "objects": []}
    return {**found, **different}


def test_an_nf_is_where_the_label_of_a_node_says() -> None:
    found = cluster(deployments={"smf": {}, "upf": {}})
    assert nf_kubernetes_places(found, "lab", {"edge-a": "a", "edge-b": "b"}) == {"smf": "edge-a"}


def test_a_node_keeps_the_labels_of_the_nfs_that_it_has() -> None:
    made = nf_kubernetes_cluster_objects(cluster(), "lab", {"smf": "a", "nrf": "a"})
    assert [one["kind"] for one in made] == ["Namespace", "Node"]
    assert made[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert made[1]["metadata"]["labels"] == {"organic.core5g/lab.smf": "here", "organic.core5g/lab.nrf": "here"}


def test_a_namespace_of_others_and_a_node_with_its_labels_are_left_alone() -> None:
    found = cluster(namespace={"exists": True, "ours": False})
    assert nf_kubernetes_cluster_objects(found, "lab", {"smf": "a"}) == []


MADE = [
    ["Deployment", "smf"],
    ["Deployment", "upf"],
    ["NetworkAttachmentDefinition", "core5g-n4"],
    ["Secret", "smf-configuration"],
    ["Service", "smf"],
    ["ServiceAccount", "core5g-nf"],
]


@pytest.mark.parametrize(
    "leaving, ours, removed",
    [
        (["smf"], True, ["Deployment", "Service", "Secret"]),
        (
            ["smf", "upf", "nrf"],
            True,
            [
                "Deployment",
                "Service",
                "Deployment",
                "Secret",
                "NetworkAttachmentDefinition",
                "ServiceAccount",
                "Namespace",
            ],
        ),
        (
            ["smf", "upf"],
            False,
            ["Deployment", "Service", "Deployment", "Secret", "NetworkAttachmentDefinition", "ServiceAccount"],
        ),
    ],
)
def test_with_the_last_nf_goes_what_all_share(leaving: list[str], ours: bool, removed: list[str]) -> None:
    found = cluster(objects=MADE, namespace={"exists": True, "ours": ours})
    assert [one["kind"] for one in nf_kubernetes_leftovers(found, "lab", leaving)] == removed


def test_without_the_namespace_nothing_is_left() -> None:
    assert nf_kubernetes_leftovers(cluster(namespace={"exists": False, "ours": False}), "lab", ["smf"]) == []


def test_only_the_labels_of_this_namespace_are_taken_off() -> None:
    [node] = nf_kubernetes_unlabelled(cluster(), "lab", ["smf", "upf"])
    assert node["metadata"] == {"name": "a", "labels": {"organic.core5g/lab.smf": None}}
