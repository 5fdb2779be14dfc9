# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a cluster while a pod moves: one live copy, no connection lost, nothing left over. `make kubernetes`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.client import assert_nothing_lost, await_answers
from tests.harness.hosts import Host
from tests.harness.playbook import PlaybookRun
from tests.harness.wait import until

from .cluster import Cluster, Deployment


@pytest.fixture
def deployment(cluster: Cluster) -> Iterator[Deployment]:
    made = Deployment(cluster, "troubled", 41)
    try:
        yield made
    finally:
        made.remove()


def proceed(deployment: Deployment) -> None:
    assert not deployment.run_module("container_migration_continue", name=deployment.key).get("failed")


def complete(deployment: Deployment, run: PlaybookRun) -> dict[str, object]:
    """The result of a migration that succeeds."""
    ended = run.result()
    assert ended.only.get("migration", {}).get("status") == "completed", ended.only
    deployment.home = deployment.away
    return {**ended.only, "warnings": ended.warnings}


def assert_at_home(deployment: Deployment) -> None:
    until(lambda: not deployment.deviations(), "one pod is ready, at home, and nothing is left", timeout_s=90)
    assert deployment.init_states(deployment.home) == ["resident-run"]
    assert deployment.init_states(deployment.away) == []


def test_an_awaiting_pod_whose_init_is_killed_never_starts_the_program(deployment: Deployment) -> None:
    client = deployment.client()
    run = deployment.paused(strategy="pre_copy")
    deployment.kill_init(deployment.away)
    until(
        lambda: deployment.init_states(deployment.away) == ["resident-await"] or run.process.poll() is not None,
        "the kubelet has started it again, and it awaits",
    )
    assert "resident-run" not in deployment.init_states(deployment.away)
    assert run.result().only["failed"]
    assert_at_home(deployment)
    assert deployment.restarts() == 0
    assert_nothing_lost(client.end())


def test_the_awaiting_pod_is_deleted_meanwhile(deployment: Deployment) -> None:
    client = deployment.client()
    run = deployment.paused(strategy="pre_copy")
    [awaiting] = [
        pod["metadata"]["name"] for pod in deployment.pods() if pod["spec"]["nodeName"] == deployment.away.name
    ]
    deployment.cluster.kubectl(f"--namespace {deployment.namespace} delete pod {awaiting} --wait=false")
    assert run.result().only["failed"]
    assert_at_home(deployment)
    assert_nothing_lost(client.end())


def test_the_old_pod_is_deleted_meanwhile(deployment: Deployment) -> None:
    """Its init puts the stop off, so that the process can leave within the grace period."""
    client = deployment.client()
    run = deployment.paused(strategy="pre_copy")
    [old] = [pod["metadata"]["name"] for pod in deployment.pods() if pod["spec"]["nodeName"] == deployment.home.name]
    deployment.cluster.kubectl(f"--namespace {deployment.namespace} delete pod {old} --wait=false")
    proceed(deployment)
    complete(deployment, run)
    assert_at_home(deployment)
    assert_nothing_lost(client.end())


def test_the_deployment_is_scaled_to_0_meanwhile(deployment: Deployment) -> None:
    run = deployment.paused(strategy="pre_copy")
    scale = f"--namespace {deployment.namespace} scale deployment {deployment.name} --replicas"
    deployment.cluster.kubectl(f"{scale}=0")
    assert run.result().only["failed"]
    until(lambda: not deployment.pods(), "its pods have ended", timeout_s=90)
    assert deployment.init_states(deployment.home) + deployment.init_states(deployment.away) == []
    deployment.cluster.kubectl(f"{scale}=1")
    assert_at_home(deployment)
    await_answers(deployment.client())


def test_the_api_server_is_away_at_the_commit(deployment: Deployment) -> None:
    """The migration needs no cluster from its switchover on; recovery ends the move when the cluster is back."""
    client = deployment.client()
    run = deployment.paused(strategy="pre_copy")
    deployment.cluster.signal_service(deployment.cluster.control, "kube-apiserver", "STOP")
    try:
        proceed(deployment)
        result = complete(deployment, run)
    finally:
        deployment.cluster.signal_service(deployment.cluster.control, "kube-apiserver", "CONT")
    assert "cluster" in str(result["warnings"])
    until(lambda: deployment.recover() == [(deployment.key, "running")], "recovery has ended the move", timeout_s=120)
    assert_at_home(deployment)
    assert deployment.restarts() == 0
    assert_nothing_lost(client.end())


def test_the_controller_is_killed_and_recovery_ends_the_move(deployment: Deployment) -> None:
    client = deployment.client()
    run = deployment.paused(strategy="pre_copy")
    run.kill()
    deployment.run_module("container_migration_cancel", name=deployment.key)
    assert deployment.recover() == [(deployment.key, "never_ran")]
    assert_at_home(deployment)
    assert deployment.recover() == []
    assert_nothing_lost(client.end())


@pytest.mark.parametrize("end", ["home", "away"])
def test_a_kubelet_is_killed_meanwhile(deployment: Deployment, end: str) -> None:
    client = deployment.client()
    run = deployment.paused(strategy="pre_copy")
    host: Host = getattr(deployment, end)
    deployment.cluster.signal_service(host, "kubelet", "KILL")
    proceed(deployment)
    complete(deployment, run)
    assert_at_home(deployment)
    assert deployment.restarts() == 0
    assert_nothing_lost(client.end())
