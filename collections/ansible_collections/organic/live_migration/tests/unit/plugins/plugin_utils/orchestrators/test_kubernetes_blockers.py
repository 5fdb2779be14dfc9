# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster says against a move. Cluster and hosts are fake; tests/kubernetes has a real one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes import (
    KubernetesOrchestrator,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import ApiRefused
from ansible_collections.organic.live_migration.tests.unit.plugins.plugin_utils.orchestrators.fake_cluster import (
    MIGRATION,
    NF,
    NODE,
    SPEC,
    Case,
    Hosts,
)


def test_nothing_is_in_the_way() -> None:
    assert Case().codes() == []


def test_the_deployment_must_fit() -> None:
    case = Case()
    template = {"metadata": {}, "spec": {"containers": [{"name": "nf"}]}}
    case.api.found = {"metadata": {}, "spec": {"replicas": 3, "template": template}}
    assert case.codes() == ["deployment_replicas", "node_selector", "anti_affinity", "readiness_probe"]


@pytest.mark.parametrize(
    ("owner", "code", "words"),
    [
        (None, "deployment_unknown", "There is no Deployment 'smf'"),
        ({}, "bare_pod", "Pod 'smf-0'"),
        ({"kind": "StatefulSet", "name": "smf"}, "workload_kind", "StatefulSet 'smf'"),
        ({"kind": "DaemonSet", "name": "all"}, "workload_kind", "DaemonSet 'all'"),
        ({"kind": "Job", "name": "once"}, "workload_kind", "Job 'once'"),
        ({"kind": "ReplicaSet", "name": "amf-1"}, "deployment_unknown", "ReplicaSet 'amf-1'"),
    ],
)
def test_what_is_no_deployment_is_named(owner: dict[str, str] | None, code: str, words: str) -> None:
    case = Case()
    case.api.found = None
    metadata = {"name": "smf-0", **({"ownerReferences": [owner]} if owner else {})}
    if owner is not None:
        case.api.on_node = [
            {"metadata": {"name": "other"}, "spec": {"containers": [{"command": ["/bin/sh"]}, {}]}},
            {"metadata": metadata, "spec": {"containers": [NF]}},
        ]
    [blocker] = case.orchestrator.blockers(SPEC)
    assert (blocker.code, words in blocker.message) == (code, True)


def managed(manager: str) -> dict[str, Any]:
    return {"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}


@pytest.mark.parametrize(
    ("manager", "codes"),
    [
        ("argocd-controller", ["replicas_managed"]),
        ("kubectl-client-side-apply", []),
        ("organic-core5g", []),
        ("ours", []),
    ],
)
def test_who_may_set_the_scale_back_is_named(manager: str, codes: list[str]) -> None:
    case = Case()
    case.orchestrator = KubernetesOrchestrator(Hosts(case.asked, {}, "ours, theirs"), 120, case.api)
    assert case.api.found is not None
    template = {"manager": "kustomize-controller", "fieldsV1": {"f:spec": {"f:template": {}}}}
    case.api.found["metadata"]["managedFields"] = [managed(manager), template]
    assert case.codes() == codes


def test_operators_and_autoscalers_are_named() -> None:
    case = Case()
    assert case.api.found is not None
    case.api.found["metadata"]["ownerReferences"] = [{"kind": "Core", "name": "five", "controller": True}]
    case.api.scalers = [
        {"metadata": {"name": "h"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": name}}}
        for name in ("smf", "amf")
    ]
    assert case.codes() == ["deployment_owned", "autoscaler"]


def test_a_label_on_a_third_node_and_an_unfinished_move_are_named() -> None:
    case = Case()
    case.api.labels.add("edge-c")
    assert case.codes() == ["label_elsewhere"]
    case.api.labels.discard("edge-c")
    case.orchestrator.place(SPEC, "edge-b", MIGRATION)
    assert case.codes() == ["move_unfinished"]


def test_what_starts_again_on_the_target_is_said() -> None:
    case = Case()
    assert case.api.found is not None
    pod = case.api.found["spec"]["template"]["spec"]
    pod["containers"] = [{**NF, "ports": [{"hostPort": 8805}]}, {"name": "logs"}]
    pod["initContainers"] = [{"name": "proxy", "restartPolicy": "Always"}, {"name": "setup"}]
    assert case.codes() == []
    moved, before, port = case.orchestrator.notes
    assert "logs, proxy" in moved
    assert "setup" in before
    assert "8805" in port


@pytest.mark.parametrize(
    ("node", "code"),
    [
        (None, "node_unknown"),
        ({"spec": {}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, "node_not_ready"),
        ({**NODE, "spec": {"unschedulable": True}}, "node_cordoned"),
        ({**NODE, "spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}}, "node_tainted"),
    ],
)
def test_the_target_node_must_take_pods(node: dict[str, Any] | None, code: str) -> None:
    case = Case()
    case.api.target = node
    assert case.codes() == [code]


def test_rights_and_reachability_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case()
    case.api.missing = ["patch nodes"]
    [blocker] = case.orchestrator.blockers(SPEC)
    assert (blocker.code, "patch nodes" in blocker.message) == ("rights_missing", True)

    def refuse(*_name: str) -> None:
        raise ApiRefused("connection refused")

    case.api.missing = []
    monkeypatch.setattr(case.api, "deployment", refuse)
    assert case.codes() == ["api_unreachable"]


@pytest.mark.parametrize(
    ("demanded", "words"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, "disk=ssd"),
        ({"nodeSelector": {"zone": "a"}}, ""),
        ({"affinity": [[("zone", "In", ["b", "c"])]]}, "zone In b|c"),
        ({"affinity": [[("zone", "In", ["b"])], [("zone", "NotIn", ["b"]), ("gpu", "DoesNotExist", [])]]}, ""),
        ({"affinity": [[("gpu", "Exists", [])]]}, "gpu Exists"),
        ({"affinity": [[("cores", "Gt", ["8"])]]}, "cores Gt 8"),
        ({"affinity": [[("cores", "Lt", ["9"]), ("zone", "Exists", [])]]}, ""),
    ],
)
def test_what_the_pod_demands_of_its_node_is_compared(demanded: dict[str, Any], words: str) -> None:
    case = Case()
    assert case.api.found is not None
    case.api.target = {**NODE, "metadata": {"labels": {"zone": "a", "cores": "8"}}}
    pod = case.api.found["spec"]["template"]["spec"]
    pod["nodeSelector"].update(demanded.get("nodeSelector", {}))
    if "affinity" in demanded:
        terms = [
            {
                "matchExpressions": [
                    {"key": key, "operator": operator, "values": values} for key, operator, values in term
                ]
            }
            for term in demanded["affinity"]
        ]
        pod["affinity"]["nodeAffinity"] = {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}
        }
    found = case.orchestrator.blockers(SPEC)
    assert [blocker.code for blocker in found] == (["node_affinity"] if words else [])
    assert all(words in blocker.message for blocker in found)


def taking(**requests: str) -> dict[str, Any]:
    return {"spec": {"containers": [{"resources": {"requests": requests}}]}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ([taking(cpu="1", memory="1Gi")], ""),
        (None, ""),
        ([taking(cpu="1750m")], "0.5 of cpu, 0.25 left"),
        ([{**taking(cpu="2"), "status": {"phase": "Succeeded"}}], ""),
        ([taking(memory="1200Mi"), taking(memory="500M")], "512.0Mi of memory, 371.2Mi left"),
        ([taking()] * 3, "3 of 3 pods are there"),
    ],
)
def test_the_target_node_must_have_what_the_pod_requests(there: list[dict[str, Any]] | None, words: str) -> None:
    """A limit counts where there is no request, and a sidecar counts, too."""
    case = Case()
    assert case.api.found is not None
    allocatable = {"cpu": "2", "memory": "2Gi", "pods": "3"}
    case.api.target = {**NODE, "status": {**NODE["status"], "allocatable": allocatable}}
    pod = case.api.found["spec"]["template"]["spec"]
    pod["containers"] = [{**NF, "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "250m"}}}]
    pod["initContainers"] = [
        {"name": "proxy", "restartPolicy": "Always", "resources": {"requests": {"cpu": "0.25"}}},
        {"name": "first", "resources": {"requests": {"memory": "100Mi"}}},
    ]
    case.api.everything_on_node = there
    found = case.orchestrator.blockers(SPEC)
    assert [blocker.code for blocker in found] == (["node_full"] if words else [])
    assert all(words in blocker.message for blocker in found)


@pytest.mark.parametrize(
    ("modes", "codes"),
    [(["ReadWriteOnce"], ["volume_access"]), (["ReadWriteMany"], []), (["ReadWriteOnce", "ReadOnlyMany"], [])],
)
def test_a_volume_that_one_node_at_a_time_mounts_is_named(modes: list[str], codes: list[str]) -> None:
    case = Case()
    assert case.api.found is not None
    pod = case.api.found["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "db"}}, {"name": "x", "emptyDir": {}}]
    case.api.volume_claims = [{"metadata": {"name": name}, "spec": {"accessModes": modes}} for name in ("db", "other")]
    assert case.codes() == codes


def test_node_ports_are_said() -> None:
    case = Case()
    ports = [{"port": 80, "nodePort": 30080}]
    case.api.exposed = [
        {"metadata": {"name": "web"}, "spec": {"selector": {"tier": "core"}, "ports": ports}},
        {"metadata": {"name": "other"}, "spec": {"selector": {"tier": "edge"}, "ports": ports}},
        {"metadata": {"name": "plain"}, "spec": {"selector": {"tier": "core"}, "ports": [{"port": 80}]}},
    ]
    assert case.codes() == []
    [note] = case.orchestrator.notes
    assert "'web' has the node port 30080" in note
