# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin organic.core5g.nfs, used as docs/python.md says, by -i hosts.yml -i nfs.yml.

test_swarm.py uses it where the NFs are services of a Swarm, tests/kubernetes/check_inventory.py where they are pods.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.nfs_inventory import beside, hosts_of_nfs, play_where_the_smf_is

from .conftest import NFS, CoreSite


@pytest.mark.exhaustive
def test_a_play_runs_where_the_smf_is(core: CoreSite, tmp_path: Path) -> None:
    inventory = beside(core.inventory, tmp_path)
    found = hosts_of_nfs(inventory, core.nf_hosts)
    assert found == {nf: [entry["host"]] for nf, entry in core.states().items()}
    assert set(found) == {*NFS}
    assert play_where_the_smf_is(inventory, tmp_path) == found["smf"]
