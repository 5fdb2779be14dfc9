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
from tests.harness.site import RESIDENT
from tests.harness.wait import until

from .cluster import Cluster, Deployment

PATIENCE_S = 45
"""timeout_s of a migration that pauses in vain: whatever ends it, it ends by then."""


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


def is_ready(cluster: Cluster, node: Host) -> bool:
    conditions = cluster.get(f"node {node.name}")["status"]["conditions"]
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def test_an_awaiting_pod_whose_init_is_killed_never_starts_the_program(deployment: Deployment) -> None:
    client = deployment.client()
    run = deployment.paused(strategy="pre_copy")
    deployment.kill_init(deployment.away)
    until(
        lambda: deployment.init_states(deployment.away) == ["resident-await"] or run.process.poll() is not None,
        "the kubelet has started it again, and it awaits",
    )
    assert "resident-run" not in deployment.init_states(deployment.away)
    proceed(deployment)
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
    [pid] = deployment.init_pids(deployment.away)
    deployment.cluster.kubectl(f"--namespace {deployment.namespace} delete pod {awaiting} --wait=false")
    until(lambda: pid not in deployment.init_pids(deployment.away), "its init has ended", timeout_s=60)
    proceed(deployment)
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


def test_the_old_pod_is_deleted_without_a_grace_period(deployment: Deployment) -> None:
    """Its object is gone before its process is; nothing starts a second process meanwhile, and then one starts."""
    run = deployment.paused(strategy="pre_copy", timeout_s=PATIENCE_S)
    [old] = [pod["metadata"]["name"] for pod in deployment.pods() if pod["spec"]["nodeName"] == deployment.home.name]
    deployment.cluster.kubectl(f"--namespace {deployment.namespace} delete pod {old} --force --grace-period 0")
    assert run.result().only["failed"]
    assert_at_home(deployment)
    assert old not in [pod["metadata"]["name"] for pod in deployment.pods()]
    await_answers(deployment.client())


def test_the_deployment_is_deleted_meanwhile(deployment: Deployment) -> None:
    run = deployment.paused(strategy="pre_copy", timeout_s=PATIENCE_S)
    deployment.cluster.kubectl(f"--namespace {deployment.namespace} delete deployment {deployment.name}")
    assert run.result().only["failed"]
    until(lambda: not deployment.pods(), "its pods have ended", timeout_s=90)
    for worker in deployment.cluster.workers:
        assert deployment.init_states(worker) == []
        assert worker.run(f"ls {RESIDENT}/await").split() == []


def test_the_deployment_is_scaled_to_0_meanwhile(deployment: Deployment) -> None:
    run = deployment.paused(strategy="pre_copy", timeout_s=PATIENCE_S)
    scale = f"--namespace {deployment.namespace} scale deployment {deployment.name} --replicas"
    deployment.cluster.kubectl(f"{scale}=0")
    assert run.result().only["failed"]
    until(lambda: not deployment.pods(), "its pods have ended", timeout_s=90)
    assert deployment.init_states(deployment.home) + deployment.init_states(deployment.away) == []
    deployment.cluster.kubectl(f"{scale}=1")
    assert_at_home(deployment)
    await_answers(deployment.client())


@pytest.mark.parametrize("service", ["kube-apiserver", "etcd"])
def test_the_control_plane_is_away_at_the_commit(deployment: Deployment, service: str) -> None:
    """The migration needs no cluster from its switchover on; recovery ends the move when the cluster is back."""
    client = deployment.client()
    run = deployment.paused(strategy="pre_copy")
    deployment.cluster.signal_service(deployment.cluster.control, service, "STOP")
    try:
        proceed(deployment)
        result = complete(deployment, run)
    finally:
        deployment.cluster.signal_service(deployment.cluster.control, service, "CONT")
    assert "cluster" in str(result["warnings"])
    until(lambda: deployment.recover() == [(deployment.key, "running")], "recovery has ended the move", timeout_s=120)
    assert_at_home(deployment)
    assert deployment.restarts() == 0
    assert_nothing_lost(client.end())


def test_the_target_node_is_not_ready_at_the_commit(deployment: Deployment) -> None:
    """The process runs there, which the cluster does not see: the old pod stays until recovery ends the move."""
    client = deployment.client()
    run = deployment.paused(strategy="pre_copy")
    away = deployment.away
    deployment.cluster.signal_service(away, "kubelet", "STOP")
    try:
        until(lambda: not is_ready(deployment.cluster, away), "the node is not Ready", timeout_s=120)
        proceed(deployment)
        result = complete(deployment, run)
    finally:
        deployment.cluster.signal_service(away, "kubelet", "CONT")
    assert "not ready" in str(result["warnings"])
    until(lambda: is_ready(deployment.cluster, away), "the node is Ready again", timeout_s=120)
    assert deployment.recover() == [(deployment.key, "running")]
    assert_at_home(deployment)
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


def test_recovery_removes_what_a_killed_controller_and_a_deleted_deployment_left(deployment: Deployment) -> None:
    """Else the next pod of that name would never start. What a migration under way needs, recovery does not touch."""
    run = deployment.paused(strategy="pre_copy")
    kept = [worker.run(f"cat {RESIDENT}/await/{deployment.key}") for worker in deployment.cluster.workers]
    for worker in deployment.cluster.workers:
        assert deployment.run_module("container_migration_recover", on=worker)["await_files"] == []
    assert [worker.run(f"cat {RESIDENT}/await/{deployment.key}") for worker in deployment.cluster.workers] == kept
    run.kill()
    deployment.cluster.kubectl(f"--namespace {deployment.namespace} delete deployment {deployment.name}")
    deployment.run_module("container_migration_cancel", name=deployment.key)
    until(lambda: not deployment.pods(), "its pods have ended", timeout_s=90)
    until(lambda: not deployment.state(), "the migration has ended", timeout_s=90)
    left = [worker for worker in deployment.cluster.workers if worker.run(f"ls {RESIDENT}/await").split()]
    assert left, "the killed controller has left no await file, so this test shows nothing"
    for worker in left:
        assert deployment.run_module("container_migration_recover", on=worker)["await_files"] == [deployment.key]
    for worker in deployment.cluster.workers:
        assert worker.run(f"ls {RESIDENT}/await").split() == []
        assert deployment.run_module("container_migration_recover", on=worker)["await_files"] == []


@pytest.mark.parametrize(("end", "service"), [("home", "kubelet"), ("away", "kubelet"), ("away", "containerd")])
def test_a_daemon_of_a_node_is_killed_meanwhile(deployment: Deployment, end: str, service: str) -> None:
    """It is started again, and the pods run on."""
    client = deployment.client()
    run = deployment.paused(strategy="pre_copy")
    host: Host = getattr(deployment, end)
    deployment.cluster.signal_service(host, service, "KILL")
    proceed(deployment)
    complete(deployment, run)
    assert_at_home(deployment)
    assert deployment.restarts() == 0
    assert_nothing_lost(client.end())
