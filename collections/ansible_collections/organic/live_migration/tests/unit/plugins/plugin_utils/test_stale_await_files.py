# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which await files a recovery removes. Hosts and cluster are fake; tests/kubernetes has real ones."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    AwaitFilesAnswer,
    Done,
    Parameters,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts as RealHosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.deployment import ANNOTATION
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.kubernetes_api import (
    ApiRefused,
    KubernetesApi,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.stale_await_files import StaleAwaitFiles

KEY = "core.smf"
MIGRATION = "00112233445566ff"


class Hosts:
    """A host with an await file, another node, and a host that is no node."""

    source = "edge-a"
    others = ("edge-b", "ran-a")

    def __init__(self) -> None:
        self.found = {"edge-a": AwaitFilesAnswer({KEY: MIGRATION}), "edge-b": AwaitFilesAnswer()}
        self.revoked: list[tuple[str, str]] = []

    def variable(self, _name: str, _host: str = "") -> str:
        return ""

    def on(self, host: str, parameters: Parameters, _answer: type) -> Any:
        if parameters.phase == phases.AWAIT_FILE:
            assert (host, parameters.action) == (self.source, phases.REVOKE)
            self.revoked.append((parameters.name, parameters.migration_id))
            return Done()
        if host not in self.found:
            raise AnsibleActionFail(f"Host '{host}' cannot be reached")
        return self.found[host]


class Api:
    """A cluster with the two nodes, and the Deployment unless it was deleted."""

    def __init__(self) -> None:
        self.found: dict[str, Any] | None = None
        self.is_away = False

    def node(self, name: str) -> dict[str, Any] | None:
        return {"spec": {}} if name in ("edge-a", "edge-b") else None

    def deployment(self, *_name: str) -> dict[str, Any] | None:
        if self.is_away:
            raise ApiRefused("connection refused")
        return self.found


class Case:
    def __init__(self) -> None:
        self.hosts, self.api = Hosts(), Api()

    def remove(self, dry_run: bool = False) -> StaleAwaitFiles:
        stale = StaleAwaitFiles(cast(RealHosts, self.hosts), cast(KubernetesApi, self.api))
        stale.remove(dry_run)
        return stale

    def assert_kept(self, warning: str = "") -> None:
        stale = self.remove()
        assert (stale.removed, self.hosts.revoked) == ([], [])
        assert warning in " ".join(stale.warnings)
        assert bool(stale.warnings) == bool(warning)


@pytest.fixture
def case() -> Case:
    return Case()


@pytest.mark.parametrize("deployment", [None, {"metadata": {}}])
@pytest.mark.parametrize("waiting", [[], [KEY]])
def test_one_whose_migration_has_ended_is_removed(
    case: Case, deployment: dict[str, Any] | None, waiting: list[str]
) -> None:
    case.api.found = deployment
    case.hosts.found["edge-a"].waiting = waiting
    stale = case.remove()
    assert (stale.removed, stale.warnings) == ([KEY], [])
    assert case.hosts.revoked == [(KEY, MIGRATION)]


def test_check_mode_changes_nothing(case: Case) -> None:
    assert case.remove(dry_run=True).removed == [KEY]
    assert case.hosts.revoked == []


@pytest.mark.parametrize("host", ["edge-a", "edge-b"])
def test_that_of_a_migration_under_way_stays(case: Case, host: str) -> None:
    """Its supervisor, or a record of it, is on either host."""
    case.hosts.found[host].migrations = [MIGRATION]
    case.assert_kept()


def test_that_of_a_move_that_is_not_ended_stays(case: Case) -> None:
    move = json.dumps({"source": "edge-a", "target": "edge-b"})
    case.api.found = {"metadata": {"annotations": {ANNOTATION: move}}}
    case.assert_kept()


def test_a_pod_does_not_start_its_program_while_another_node_runs_it(case: Case) -> None:
    case.hosts.found["edge-a"].waiting = [KEY]
    case.hosts.found["edge-b"].running = [KEY]
    case.assert_kept("runs on edge-b")


def test_it_stays_while_another_node_cannot_be_asked(case: Case) -> None:
    del case.hosts.found["edge-b"]
    case.assert_kept("edge-b")


def test_it_stays_while_the_cluster_does_not_answer(case: Case) -> None:
    case.api.is_away = True
    case.assert_kept("connection refused")


def test_a_host_without_any_asks_nobody(case: Case) -> None:
    case.hosts.found = {"edge-a": AwaitFilesAnswer()}
    case.api.is_away = True
    case.assert_kept()
