# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.harness.lab import DEFAULT_NAME, DEFAULT_NETWORK_PREFIX, inventory_of
from tests.harness.playbook import run_playbook

from .cluster import Cluster


@pytest.fixture(scope="session")
def kubernetes() -> Iterator[Cluster]:
    """The Kubernetes lab, whose workers have the resident runtime."""
    if os.geteuid():
        pytest.skip("a lab needs root")
    name = os.environ.get("LAB_NAME", DEFAULT_NAME)
    prefix = os.environ.get("LAB_NETWORK_PREFIX", DEFAULT_NETWORK_PREFIX)
    variables = {"lab_name": name, "lab_network_prefix": prefix, "orchestrator": "kubernetes"}
    run_playbook("playbooks/lab_up.yml", "--extra-vars", json.dumps(variables))
    inventory = inventory_of(name)
    run_playbook("--inventory", str(inventory), "playbooks/prepare_hosts.yml", "--limit", "nf_hosts,localhost")
    made = Cluster(inventory)
    yield made
    made.close()


@pytest.fixture(scope="session")
def cluster(kubernetes: Cluster) -> Iterator[Cluster]:
    """The lab with the image and the network of the workload."""
    kubernetes.prepare()
    yield kubernetes
    kubernetes.clean()
