# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node of a Docker Swarm is lost: the UPF starts on another one, and the SMF restores its sessions (TS 23.527).

make swarm CASE=lost_node. The time for which the user plane was interrupted is in artifacts/swarm/failover.json.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.playbook import PROJECT
from tests.harness.wait import until

from .conftest import CoreSite
from .swarm_site import SwarmSite

UES = 10
INTERRUPTED_S = 60
"""At most."""
FIGURES = PROJECT / "artifacts/swarm/failover.json"
LOSE = """
kill -STOP $(cat /run/docker.pid)
nsenter --target {pid} --net ip link set eth0 down
"""
"""To the Swarm and to the other NFs the host is gone; it can be reached by ssh, which ends the outage."""
COME_BACK = "kill -CONT $(cat /run/docker.pid)"


@pytest.fixture(scope="module")
def swarm(core_site: CoreSite) -> Iterator[SwarmSite]:
    core_site.playbook("remove_core")
    made = SwarmSite(core_site)
    made.playbook("swarm", swarm_cluster_heartbeat_s=1)
    yield made
    made.playbook("remove_core")
    made.playbook("swarm", state="absent")


@pytest.fixture
def served(swarm: SwarmSite) -> Iterator[dict[str, Any]]:
    """A core on the manager but for its UPF, which is on the worker and may be on any node."""
    addresses = swarm.site.variables["nf_addresses"]
    nfs = [nf for nf in addresses if nf != "upf" and "-" not in nf]
    # Replicas run on the nodes with this label.
    others = [host for host in swarm.site.nf_hosts if host != swarm.worker]
    for host in others:
        swarm.site.command(swarm.manager, f"docker node update --label-rm organic.core5g {host}")
    swarm.playbook("deploy_core", nf_placement=dict.fromkeys(nfs, swarm.manager), nf_replicas={"upf": 1})
    for host in others:
        swarm.site.command(swarm.manager, f"docker node update --label-add organic.core5g=true {host}")
    swarm.playbook("provision_subscribers")
    swarm.playbook("gnb_start", gnb_ues=UES, gnb_procedures_rate=0, gnb_ping_interval_ms=10)
    yield {nf: addresses[nf] for nf in ("smf", "upf")}


def pings_answered(swarm: SwarmSite) -> int:
    text = swarm.site.command(swarm.site.ran_host, "sh -c 'tail -n 1 /run/minicore-gnb/*.progress'")
    return int(json.loads(text)["pings_answered"])


def test_the_upf_of_a_lost_node_starts_on_another_one(swarm: SwarmSite, served: dict[str, Any], tmp_path: Path) -> None:
    entry = swarm.states()["upf"]
    assert entry["host"] == swarm.worker
    script = LOSE.format(pid=entry["container"]["pid"])
    swarm.site.module(swarm.worker, "ansible.builtin.shell", cmd=script)
    others = ",".join(host for host in swarm.site.nf_hosts if host != swarm.worker)

    def restored() -> bool:
        found = swarm.site.module(others, "organic.core5g.nf_state_info", nfs=served, must_run=False)
        states = {nf["name"]: nf["state"] for host in found.values() for nf in host["nfs"] if nf["state"]}
        if set(states) != set(served):
            return False
        [peer] = states["smf"]["pfcp"]
        return bool(peer["up"] and states["smf"]["restored"] >= UES and states["upf"]["sessions"] == UES)

    try:
        until(restored, "the SMF has restored the sessions at the new UPF", timeout_s=2 * INTERRUPTED_S)
        before = pings_answered(swarm)
        until(lambda: pings_answered(swarm) > before, "pings are answered again", timeout_s=INTERRUPTED_S)
    finally:
        swarm.site.module(swarm.worker, "ansible.builtin.shell", cmd=COME_BACK)
    summary = tmp_path / "summary.json"
    swarm.playbook("gnb_stop", gnb_summary=str(summary))
    found = json.loads(summary.read_text())
    interruption_s = max(gap["ms"] for gap in found["gaps"]["n3"]) / 1000
    figures = {"interruption_s": round(interruption_s, 1), "pings": found["pings"], "ues": UES, "load": os.getloadavg()}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    assert interruption_s < INTERRUPTED_S

    def is_alone() -> bool:
        listing = swarm.site.command(swarm.manager, "docker node ls --format json").splitlines()
        node = next(one for one in map(json.loads, listing) if one["Hostname"] == swarm.worker)
        return node["Status"] == "Ready" and "upf." not in swarm.site.command(swarm.worker, "docker ps")

    until(is_alone, "the node is back without a UPF", timeout_s=60)
    assert swarm.states()["upf"]["state"]["sessions"] == UES
