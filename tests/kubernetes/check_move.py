# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod of a Deployment moves between two nodes: `make kubernetes`.

Writes artifacts/kubernetes/moves.md.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.harness.client import assert_nothing_lost, await_answers
from tests.harness.playbook import PROJECT
from tests.harness.site import RESIDENT
from tests.harness.wait import until

from .cluster import Cluster, Deployment

OUTPUT = PROJECT / "artifacts/kubernetes"
STRATEGIES = ["inter_copy", "pre_copy", "post_copy", "hybrid"]


@pytest.fixture
def deployment(cluster: Cluster) -> Iterator[Deployment]:
    made = Deployment(cluster, "moved", 40)
    try:
        yield made
    finally:
        made.remove()


def test_there_and_back_by_each_strategy_then_a_crash_starts_it_for_real(deployment: Deployment) -> None:
    revision = deployment.revision()
    client = deployment.client()
    rows = []
    for strategy in STRATEGIES:
        migration = deployment.migrate(strategy=strategy)["migration"]
        assert migration["status"] == "completed"
        rows.append([strategy, f"{migration['process_downtime_ms']:.0f}", f"{migration['migration_time_ms']:.0f}"])
        until(lambda: not deployment.deviations(), "one pod is ready, at its new home")
    seen = client.end()
    assert_nothing_lost(seen)
    assert (deployment.restarts(), deployment.revision()) == (0, revision)
    [pod] = [pod["metadata"]["name"] for pod in deployment.pods()]
    deployment.crash()
    until(lambda: deployment.restarts() == 1 and not deployment.deviations(), "the kubelet has started it again")
    assert [one["metadata"]["name"] for one in deployment.pods()] == [pod]
    await_answers(deployment.client())
    rows.append(["none: the pod is deleted and starts again", f"{deleted_and_started_again(deployment):.0f}", ""])
    write(rows, seen["service_gap_ms"])


def deleted_and_started_again(deployment: Deployment) -> float:
    """Milliseconds without a ready pod, where nothing moves; the state is lost."""
    [pod] = [pod["metadata"]["name"] for pod in deployment.pods()]
    begin = time.monotonic()
    deployment.cluster.kubectl(f"--namespace {deployment.namespace} delete pod {pod} --wait=false")
    until(
        lambda: pod not in deployment.ready_names() and deployment.ready_on() == [deployment.home.name],
        "another pod is ready",
        timeout_s=120,
    )
    return (time.monotonic() - begin) * 1000


def write(rows: list[list[str]], gap_ms: float) -> None:
    """The table of artifacts/kubernetes; figures of a loaded machine are function, not speed."""
    head = ["strategy", "downtime of the process, ms", "whole migration, ms"]
    lines = [head, ["---"] * len(head), *rows]
    text = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    text += (
        f"\nA server with 20 MB on macvlan. Longest gap that its client saw over all moves: {gap_ms:.0f} ms. "
        f"Load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors.\n"
    )
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "moves.md").write_text(text)


def test_a_cancelled_migration_leaves_the_pod_as_it_was(deployment: Deployment) -> None:
    [before] = [pod["metadata"]["uid"] for pod in deployment.pods()]
    client = deployment.client()
    run = deployment.paused(strategy="pre_copy")
    deployment.run_module("container_migration_cancel", name=deployment.key)
    assert run.result().only["migration"]["outcome"] == "cancelled"
    until(lambda: not deployment.deviations(), "one pod is ready, at its old home")
    assert_nothing_lost(client.end())
    assert [pod["metadata"]["uid"] for pod in deployment.pods()] == [before]


def test_a_migration_that_fails_after_the_freeze_leaves_the_pod_as_it_was(deployment: Deployment) -> None:
    [before] = [pod["metadata"]["uid"] for pod in deployment.pods()]
    client = deployment.client()
    deployment.away.run(f"mv {RESIDENT}/criu {RESIDENT}/criu.away && printf '#!/bin/false\n' > {RESIDENT}/criu")
    try:
        assert deployment.migrate(2, strategy="inter_copy")["failed"]
    finally:
        deployment.away.run(f"mv {RESIDENT}/criu.away {RESIDENT}/criu")
    until(lambda: not deployment.deviations(), "one pod is ready, at its old home")
    assert_nothing_lost(client.end())
    assert [pod["metadata"]["uid"] for pod in deployment.pods()] == [before]


def test_what_cannot_move_is_refused_before_anything_is_touched(deployment: Deployment) -> None:
    cluster, away = deployment.cluster, deployment.away.name
    cluster.kubectl(f"cordon {away}")
    try:
        refused = deployment.migrate(2)
    finally:
        cluster.kubectl(f"uncordon {away}")
    assert [blocker["code"] for blocker in refused["blockers"]] == ["node_cordoned"]
    assert not deployment.deviations()
