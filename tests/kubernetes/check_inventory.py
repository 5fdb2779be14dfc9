# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin finds pods where they are, also after migrate_container.yml has moved one: `make kubernetes`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.nfs_inventory import beside, hosts_of_nfs, play_where_the_smf_is

from .cluster import Cluster
from .core import CoreOnCluster

NAMESPACE = "organic-listed"


@pytest.fixture
def core(kubernetes: Cluster) -> Iterator[CoreOnCluster]:
    made = CoreOnCluster(kubernetes, NAMESPACE)
    made.playbook("build_minicore", "--limit", "nf_hosts,localhost")
    made.playbook("deploy_core", nf_ready_timeout_s=120)
    yield made
    made.remove()
    assert made.leftovers() == []


def test_a_play_runs_where_the_pod_of_the_smf_is_before_and_after_its_move(core: CoreOnCluster, tmp_path: Path) -> None:
    inventory = beside(core.inventory, tmp_path, {"nf_namespace": NAMESPACE})
    before = core.places()
    assert hosts_of_nfs(inventory, core.hosts) == {nf: [node] for nf, node in before.items()}
    [target] = [host for host in core.hosts if host != before["smf"]]
    core.playbook("migrate_container", container=f"{NAMESPACE}.smf", target_host=target)
    after = {**before, "smf": target}
    assert core.places() == after
    assert core.restarts() == dict.fromkeys(after, 0)
    assert hosts_of_nfs(inventory, core.hosts) == {nf: [node] for nf, node in after.items()}
    assert play_where_the_smf_is(inventory, tmp_path) == [target]
