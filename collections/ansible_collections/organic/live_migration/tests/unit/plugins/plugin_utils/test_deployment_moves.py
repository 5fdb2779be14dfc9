# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host ends which move of a Deployment. Hosts and cluster are fake; tests/kubernetes has real ones."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    Done,
    OutcomeAnswer,
    Parameters,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.deployment_moves import DeploymentMoves
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts as RealHosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.deployment import ANNOTATION
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import (
    ApiRefused,
    KubernetesApi,
    Pod,
)

KEY = "core.smf"


class Hosts:
    """Hosts of the inventory, one of which may have the process."""

    def __init__(self, source: str, runs_on: str, everyone: tuple[str, ...] = ("edge-a", "edge-b")) -> None:
        self.source = source
        self.others = [host for host in everyone if host != source]
        self.runs_on = runs_on
        self.gone = ""
        self.revoked: list[str] = []

    def variable(self, _name: str, _host: str = "") -> str:
        return ""

    def on(self, host: str, parameters: Parameters, _answer: type) -> Any:
        if host == self.gone:
            raise AnsibleActionFail(f"Host '{host}' cannot be reached")
        if parameters.phase == phases.AWAIT_FILE:
            self.revoked.append(host)
            return Done()
        return OutcomeAnswer(phases.RUNNING if host == self.runs_on else phases.NEVER_RAN)


class Api:
    """A cluster with one Deployment in a move from edge-a to edge-b, and one that is in none."""

    def __init__(self) -> None:
        annotations = {ANNOTATION: json.dumps({"source": "edge-a", "target": "edge-b"})}
        self.moving = {
            "metadata": {"namespace": "core", "name": "smf", "annotations": annotations},
            "spec": {"replicas": 2},
        }
        self.at = ["edge-a", "edge-b"]
        self.costly: set[str] = set()

    def deployments(self, _namespace: str) -> list[dict[str, Any]]:
        return [{"metadata": {"namespace": "core", "name": "amf"}}, self.moving]

    def deployment(self, *_name: str) -> dict[str, Any]:
        return self.moving

    def pods(self, *_name: str) -> list[Pod]:
        return [Pod(node, node, "1", True, True, False, "") for node in self.at]

    def annotate_pod(self, _namespace: str, name: str, _annotations: dict[str, str]) -> None:
        self.costly.add(name)

    def annotate_deployment(self, *_arguments: Any) -> None:
        self.moving["metadata"]["annotations"] = {}

    def label_node(self, *_arguments: Any) -> None:
        pass

    def scale(self, *_arguments: Any, expected: int) -> bool:
        self.at = [node for node in self.at if node not in self.costly]
        return expected == 2


def end(hosts: Hosts, api: Api, busy: tuple[str, ...] = (), dry_run: bool = False) -> Any:
    return DeploymentMoves(cast(RealHosts, hosts), cast(KubernetesApi, api)).end(busy, dry_run)


@pytest.mark.parametrize(("runs_on", "outcome"), [("edge-a", "never_ran"), ("edge-b", "running"), ("", "never_ran")])
def test_the_pod_with_the_process_stays(runs_on: str, outcome: str) -> None:
    hosts, api = Hosts("edge-a", runs_on), Api()
    [move] = end(hosts, api).moves
    assert (move.name, move.outcome) == (KEY, outcome)
    assert api.at == [runs_on or "edge-a"]
    assert hosts.revoked == [api.at[0], *({"edge-a", "edge-b"} - set(api.at))]
    assert end(hosts, api).moves == []


def test_check_mode_changes_nothing() -> None:
    hosts, api = Hosts("edge-a", "edge-b"), Api()
    [move] = end(hosts, api, dry_run=True).moves
    assert (move.outcome, api.at, hosts.revoked) == ("running", ["edge-a", "edge-b"], [])


@pytest.mark.parametrize("busy", ["smf", KEY])
def test_what_is_in_progress_or_in_doubt_is_left_alone(busy: str) -> None:
    assert end(Hosts("edge-a", "edge-a"), Api(), (busy,)).moves == []


def test_the_target_host_ends_it_only_where_there_is_no_source_host() -> None:
    assert end(Hosts("edge-b", "edge-b"), Api()).moves == []
    assert len(end(Hosts("edge-b", "edge-b", ("edge-b",)), Api()).moves) == 1


@pytest.mark.parametrize("everyone", [("edge-a",), ("edge-a", "edge-b")])
def test_nothing_is_ended_while_nobody_knows_where_the_process_is(everyone: tuple[str, ...]) -> None:
    hosts, api = Hosts("edge-a", "edge-b", everyone), Api()
    hosts.gone = "edge-b"
    ended = end(hosts, api)
    assert (ended.moves, api.at) == ([], ["edge-a", "edge-b"])
    assert "edge-b" in ended.faults[0]


def test_a_cluster_that_does_not_answer_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_namespace: str) -> list[dict[str, Any]]:
        raise ApiRefused("connection refused")

    api = Api()
    monkeypatch.setattr(api, "deployments", refuse)
    ended = end(Hosts("edge-a", "edge-a"), api)
    assert (ended.faults, len(ended.warnings)) == ([], 1)


@pytest.mark.parametrize("status", [0, 403])
def test_a_user_of_one_namespace_sees_the_moves_there(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    asked = []

    def call(_self: KubernetesApi, _method: str, path: str) -> dict[str, list[str]]:
        asked.append(path)
        if path == "/apis/apps/v1/deployments" and status:
            raise ApiRefused("forbidden", status)
        return {"items": []}

    monkeypatch.setattr(KubernetesApi, "_call", call)
    api = KubernetesApi.__new__(KubernetesApi)
    assert api.deployments("core") == []
    assert len(asked) == (2 if status else 1)
    assert api.autoscalers("core") == []
