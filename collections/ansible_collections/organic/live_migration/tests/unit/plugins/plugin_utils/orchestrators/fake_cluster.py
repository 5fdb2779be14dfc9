# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster and its hosts that do at once what they are asked, for a fault that a real one shows only by chance."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import Done, Parameters
from ansible_collections.organic.live_migration.plugins.module_utils.paths import INIT
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes import (
    KubernetesOrchestrator,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import Pod

KEY = "core.smf"
MIGRATION = "00112233445566ff"
LABEL = f"organic.core5g/{KEY}"
SPEC = ContainerSpec(KEY, f"{KEY}@7:9", "pod", "pod", INIT, KEY, "running", 7, "2026-01-01T00:00:00Z", service=KEY)
APART = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"organic.core5g/nf": "smf"}}}
NF = {"name": "nf", "command": [INIT, "--name", KEY, "--"], "readinessProbe": {"exec": {"command": [INIT, "ready"]}}}
DEPLOYMENT: dict[str, Any] = {
    "metadata": {"annotations": {}},
    "spec": {
        "replicas": 1,
        "template": {
            "metadata": {"labels": {"organic.core5g/nf": "smf", "tier": "core"}},
            "spec": {
                "nodeSelector": {LABEL: "here"},
                "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [APART]}},
                "containers": [NF],
            },
        },
    },
}
NODE: dict[str, Any] = {"spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


class Hosts:
    """The hosts, which keep what their await files were to be."""

    source, target, engine = "edge-a", "edge-b", "kubernetes"

    def __init__(self, asked: list[Any], node_names: dict[str, str], known: str = "") -> None:
        self._asked = asked
        self._node_names = node_names
        self._known = known

    def variable(self, name: str, host: str = "") -> str:
        return self._known if name == "kubernetes_known_managers" else self._node_names.get(host, "")

    def on_source(self, parameters: Parameters, _kind: type) -> Done:
        self._asked.append((self.source, parameters.action))
        return Done()

    def on_target(self, parameters: Parameters, _kind: type) -> Done:
        self._asked.append((self.target, parameters.action))
        return Done()


class Api:
    """A cluster that does at once what it is asked."""

    def __init__(self, asked: list[Any]) -> None:
        self.asked = asked
        self.found: dict[str, Any] | None = copy.deepcopy(DEPLOYMENT)
        self.target: dict[str, Any] | None = copy.deepcopy(NODE)
        self.missing: list[str] = []
        self.labels = {"edge-a"}
        self.at = {"edge-a": Pod("smf-1", "edge-a", "1", True, True, False, "")}
        self.starts = True
        self.costs: dict[str, str] = {}
        self.scalers: list[dict[str, Any]] = []
        self.on_node: list[dict[str, Any]] = []
        self.everything_on_node: list[dict[str, Any]] | None = []
        self.volume_claims: list[dict[str, Any]] = []
        self.exposed: list[dict[str, Any]] = []

    def deployment(self, *_name: str) -> dict[str, Any] | None:
        return self.found

    def node(self, _name: str) -> dict[str, Any] | None:
        return self.target

    def missing_rights(self, _namespace: str) -> list[str]:
        return self.missing

    def pods_on(self, *_name: str) -> list[dict[str, Any]]:
        return self.on_node

    def labelled_nodes(self, *_label: str) -> list[str]:
        return sorted(self.labels)

    def autoscalers(self, _namespace: str) -> list[dict[str, Any]]:
        return self.scalers

    def all_pods_on(self, _node: str) -> list[dict[str, Any]] | None:
        return self.everything_on_node

    def claims(self, _namespace: str) -> list[dict[str, Any]]:
        return self.volume_claims

    def services(self, _namespace: str) -> list[dict[str, Any]]:
        return self.exposed

    def pods(self, *_name: str) -> list[Pod]:
        return list(self.at.values())

    def annotate_deployment(self, *arguments: Any) -> None:
        assert self.found is not None
        annotations = self.found["metadata"]["annotations"]
        for name, value in arguments[-1].items():
            annotations.pop(name, None)
            if value is not None:
                annotations[name] = value
        self.asked.append("annotate" if annotations else "clear")

    def annotate_pod(self, _namespace: str, name: str, annotations: dict[str, str]) -> None:
        self.costs[name] = annotations["controller.kubernetes.io/pod-deletion-cost"]

    def label_node(self, name: str, labels: dict[str, str | None]) -> None:
        [value] = labels.values()
        (self.labels.add if value else self.labels.discard)(name)
        self.asked.append((name, "label" if value else "unlabel"))

    def scale(self, _namespace: str, _name: str, replicas: int, expected: int) -> bool:
        assert self.found is not None
        if self.found["spec"]["replicas"] != expected:
            return False
        self.found["spec"]["replicas"] = replicas
        self.asked.append(replicas)
        if replicas == 2 and self.starts:
            self.at["edge-b"] = Pod("smf-2", "edge-b", "2", True, False, False, "")
        elif replicas == 2:
            self.at["edge-b"] = Pod("smf-2", "edge-b", "2", False, False, False, "ErrImageNeverPull: no such image")
        elif replicas == 1 and len(self.at) == 2:
            [goes] = [pod for pod in self.at.values() if pod.name in self.costs]
            del self.at[goes.node]
        return True


class Case:
    """An orchestrator with its fakes."""

    def __init__(self, **node_names: str) -> None:
        self.asked: list[Any] = []
        self.api = Api(self.asked)
        names = {host.replace("_", "-"): node for host, node in node_names.items()}
        self.orchestrator = KubernetesOrchestrator(Hosts(self.asked, names), 120, self.api)

    @classmethod
    def like(cls, other: Case, source: str, target: str) -> Case:
        """The same cluster, seen by another migration."""
        case = cls()
        case.api = other.api
        case.asked = other.asked
        hosts = Hosts(case.asked, {})
        hosts.source, hosts.target = source, target
        case.orchestrator = KubernetesOrchestrator(hosts, 120, case.api)
        return case

    def codes(self) -> list[str]:
        return [blocker.code for blocker in self.orchestrator.blockers(SPEC)]
