# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a cluster. A stand-in on a socket answers in place of the API server, through the real client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_cluster import Api, ApiError, Cluster
from ansible_collections.organic.core5g.tests.unit.plugins.plugin_utils.kubernetes_stand_in import NAMESPACE, StandIn

pytest.importorskip("kubernetes")
NODES = "/api/v1/nodes"
DEPLOYMENTS = "/apis/apps/v1/namespaces/lab/deployments"
PODS = "/api/v1/namespaces/lab/pods"
DEFINITIONS = "/apis/k8s.cni.cncf.io/v1/namespaces/lab/network-attachment-definitions"
DEFINITION = "NetworkAttachmentDefinition"


@pytest.fixture
def server() -> Iterator[StandIn]:
    made = StandIn()
    yield made
    made.close()


@pytest.fixture
def cluster(server: StandIn, tmp_path: Path) -> Cluster:
    return Cluster(Api(str(server.kubeconfig(tmp_path / "config"))), "lab")


def deployment(name: str, ready: int = 1, **different: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "organic-core5g", "organic.core5g/core": "minicore"}
    status = {"observedGeneration": 1, "updatedReplicas": 1, "readyReplicas": ready, "replicas": 1}
    metadata = {"name": name, "generation": 1, "labels": labels, **different}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": 1}, "status": status}


def test_the_pods_with_an_nf_are_listed(server: StandIn, cluster: Cluster) -> None:
    server.answers[("GET", PODS)] = (200, {"items": [{"metadata": {"name": "smf-1"}}]})
    assert cluster.pods_of_nfs() == [{"metadata": {"name": "smf-1"}}]
    assert server.requests[-1][1] == f"{PODS}?labelSelector=organic.core5g/nf"
    server.answers[("GET", PODS)] = (403, {"message": "pods is forbidden"})
    with pytest.raises(
        AnsibleActionFail, match=r"does not list pods \(pods is forbidden\): set the variable kubeconfig"
    ):
        cluster.pods_of_nfs()


def test_a_cluster_is_described(server: StandIn, cluster: Cluster) -> None:
    ready = [{"type": "Ready", "status": "True"}]
    taints = [
        {"key": "dedicated", "value": "db", "effect": "NoSchedule"},
        {"key": "soft", "effect": "PreferNoSchedule"},
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
    ]
    nodes = [
        {"metadata": {"name": "a", "labels": {"zone": "1"}}, "spec": {}, "status": {"conditions": ready}},
        {"metadata": {"name": "b"}, "spec": {"unschedulable": True, "taints": taints}, "status": {}},
    ]
    labels = {"app.kubernetes.io/managed-by": "organic-core5g", "pod-security.kubernetes.io/enforce": "privileged"}
    server.answers[("GET", NODES)] = (200, {"items": nodes})
    server.answers[("GET", NAMESPACE)] = (200, {"metadata": {"labels": labels}, "status": {"phase": "Active"}})
    moving = deployment("smf", annotations={"organic.live-migration/move": "{}"})
    server.answers[("GET", DEPLOYMENTS)] = (200, {"items": [moving]})
    configs = [{"type": "bridge", "bridge": "br-core5g"}, {"type": "macvlan", "master": "eth0"}]
    definitions = [
        {"metadata": {"name": f"core5g-{number}"}, "spec": {"config": json.dumps(config)}}
        for number, config in enumerate(configs)
    ]
    server.answers[("GET", DEFINITIONS)] = (200, {"items": definitions})
    found = cluster.survey()
    assert found["version"] == "v1.37.2"
    assert found["nodes"] == {
        "a": {"ready": True, "cordoned": False, "taints": [], "labels": {"zone": "1"}},
        "b": {"ready": False, "cordoned": True, "taints": ["dedicated=db:NoSchedule"], "labels": {}},
    }
    assert found["namespace"] == {"exists": True, "ours": True, "level": "privileged", "ending": False}
    assert found["deployments"]["smf"] == {"ours": True, "core": "minicore", "moving": True, "replicas": 1, "ready": 1}
    assert found["bridges"] == ["br-core5g"]
    assert found["objects"] == [["Deployment", "smf"], *([DEFINITION, f"core5g-{number}"] for number in (0, 1))]
    assert (found["missing_rights"], found["has_multus"]) == ([], True)


def test_missing_rights_are_named_and_nothing_is_asked_that_would_be_forbidden(
    server: StandIn, cluster: Cluster
) -> None:
    server.forbidden = {("list", "nodes"), ("patch", "deployments"), ("create", "namespaces")}
    assert cluster.await_rollout([], 5) == []
    assert server.requests == []
    found = cluster.survey()
    assert found["missing_rights"] == ["list nodes", "create namespaces", "patch deployments"]
    assert not [path for _method, path, _body in server.requests if path == NODES]


def test_no_rights_to_make_namespaces_are_needed_in_one_of_others(server: StandIn, cluster: Cluster) -> None:
    server.forbidden = {("create", "namespaces"), ("delete", "namespaces")}
    server.answers[("GET", NODES)] = (200, {"items": []})
    server.answers[("GET", NAMESPACE)] = (200, {"metadata": {}, "status": {"phase": "Active"}})
    assert cluster.survey()["missing_rights"] == []


MADE = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "smf", "namespace": "lab"}, "spec": {}}
PATH = f"{DEPLOYMENTS}/smf"


def test_the_api_server_says_which_objects_would_change(server: StandIn, cluster: Cluster) -> None:
    server.answers[("GET", PATH)] = (200, deployment("smf", resourceVersion="7", managedFields=[1]))
    server.answers[("PATCH", PATH)] = (200, deployment("smf", resourceVersion="8", managedFields=[2]))
    assert cluster.try_objects([MADE]).differing == []
    server.answers[("PATCH", PATH)] = (200, deployment("smf", labels={"new": "1"}))
    assert cluster.try_objects([MADE]).differing == [MADE]
    _method, path, body = server.requests[-1]
    assert (path, body) == (f"{PATH}?fieldManager=organic-core5g&dryRun=All&fieldValidation=Strict", MADE)


def test_what_the_api_server_refuses_is_told(server: StandIn, cluster: Cluster) -> None:
    server.answers[("GET", PATH)] = (200, deployment("smf"))
    server.answers[("PATCH", PATH)] = (409, {"message": 'conflict with "helm": .spec.replicas'})
    [refusal] = cluster.try_objects([MADE]).refusals
    assert refusal.startswith(
        'Others have changed what we set in Deployment smf (conflict with "helm": .spec.replicas)'
    )
    server.answers[("PATCH", PATH)] = (422, {"message": "spec.selector: Required value"})
    assert cluster.try_objects([MADE]).refusals == [
        "The API server refuses Deployment smf: spec.selector: Required value"
    ]


def test_deployments_are_awaited_and_what_keeps_them_is_told(server: StandIn, cluster: Cluster) -> None:
    server.answers[("GET", DEPLOYMENTS)] = (200, {"items": [deployment("smf"), deployment("other", ready=0)]})
    assert cluster.await_rollout(["smf"], 5) == []
    server.answers[("GET", DEPLOYMENTS)] = (200, {"items": [deployment("smf", ready=0)]})
    waiting = {"waiting": {"reason": "ErrImageNeverPull", "message": "image is not present"}}
    status = {
        "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}],
        "containerStatuses": [{"state": waiting, "lastState": {"terminated": {"reason": "Error", "exitCode": 71}}}],
    }
    server.answers[("GET", PODS)] = (200, {"items": [{"status": status}]})
    [reason] = cluster.await_rollout(["smf"], 0.1)
    assert reason.startswith(
        "smf was not ready within 0.1 s: 0/3 nodes are available; ErrImageNeverPull: image is not present; "
        "Error (exit code 71) (kubectl --namespace lab describe pod"
    )


def test_a_deployment_that_is_gone_is_not_taken_for_ready(server: StandIn, cluster: Cluster) -> None:
    server.answers[("GET", PODS)] = (200, {"items": []})
    [reason] = cluster.await_rollout(["smf"], 0.1)
    assert "no pod was made" in reason


def test_a_server_that_does_not_answer(server: StandIn, cluster: Cluster) -> None:
    server.answers[("GET", "/version")] = (401, {"message": "Unauthorized"})
    with pytest.raises(
        AnsibleActionFail, match=r"not answer as it should \(Unauthorized\): set the variable kubeconfig"
    ):
        cluster.survey()
    server.close()
    with pytest.raises(ApiError):
        cluster.await_rollout(["smf"], 0)


def test_a_kubeconfig_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail, match=r"none cannot be used .*: set the variable kubeconfig"):
        Api(str(tmp_path / "none"))
