# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas of a stateless UDM: they share the load, and a Docker Swarm redeploys them while UEs register.

make swarm CASE=replicas. What a lost node costs is in artifacts/swarm/replicas.json.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.harness.overlay import overlay_variables
from tests.harness.playbook import PROJECT
from tests.harness.wait import until

from .conftest import CoreSite
from .swarm_site import SwarmSite

UES = 10
RATE = 10.0
RECOVERED_S = 90
"""At most, from the loss of the node until procedures no longer fail."""
FIGURES = PROJECT / "artifacts/swarm/replicas.json"
LOSE = """
kill -STOP $(cat /run/docker.pid)
for link in eth0 eth1; do nsenter --target {pid} --net ip link set $link down; done
"""
"""To the Swarm and to the other NFs the host is gone; it can be reached by ssh, which ends the outage."""
COME_BACK = "kill -CONT $(cat /run/docker.pid)"


@dataclass(frozen=True)
class Replica:
    """A task of the UDM that the manager takes for running; its host may be lost.

    Attributes:
        container: its name.
    """

    id: str
    host: str
    container: str


class Replicas:
    """The UDM's tasks, and what the load of UEs that register sees of them."""

    def __init__(self, swarm: SwarmSite) -> None:
        self.swarm, self.site = swarm, swarm.site

    def running(self) -> list[Replica]:
        """The tasks that the Swarm wants to run and that do."""
        text = self.site.command(
            self.swarm.manager, "docker service ps udm --no-trunc --filter desired-state=running --format json"
        )
        tasks = [json.loads(line) for line in text.splitlines()]
        return [
            Replica(task["ID"], task["Node"], f"{task['Name']}.{task['ID']}")
            for task in tasks
            if task["CurrentState"].startswith("Running")
        ]

    def pid(self, replica: Replica) -> int:
        """Of its container's first process."""
        host = replica.host
        found = self.site.module(host, "community.docker.docker_container_info", name=replica.container)[host]
        return int(found["container"]["State"]["Pid"])

    def registered(self) -> int:
        """UDMs that the NRF knows; asked of the manager alone, where it runs, as another host may be lost."""
        manager = self.swarm.manager
        found = self.site.module(manager, "organic.core5g.nf_state_info", nfs={"nrf": "dynamic"}, must_run=False)
        [nrf] = found[manager]["nfs"]
        return sum(one["nf_type"] == "UDM" for one in nrf["state"]["registrations"])

    def segments(self, replica: Replica) -> int:
        """TCP segments that it has received."""
        lines = self.site.command(replica.host, f"grep ^Tcp: /proc/{self.pid(replica)}/net/snmp").splitlines()
        names, values = (line.split() for line in lines)
        return int(values[names.index("InSegs")])

    def progress(self) -> dict[str, int]:
        """Procedures of the UEs until now, and how many of them have failed."""
        text = self.site.command(self.site.ran_host, "sh -c 'tail -n 1 /run/minicore-gnb/*.progress'")
        found: dict[str, int] = json.loads(text)
        return found

    def await_procedures(self, number: int) -> dict[str, int]:
        """Wait for so many more; returns what has happened meanwhile."""
        before = self.progress()
        until(lambda: self.progress()["procedures"] >= before["procedures"] + number, f"{number} procedures")
        after = self.progress()
        return {name: after[name] - before[name] for name in ("procedures", "failed")}

    def await_two(self, *unwanted: str) -> None:
        """Wait until two run, none of them on these hosts, and both are registered."""

        def are_there() -> bool:
            hosts = [replica.host for replica in self.running()]
            return len(hosts) == 2 and not set(hosts) & set(unwanted) and self.registered() >= 2

        until(are_there, "two replicas run and are registered", timeout_s=RECOVERED_S)

    def spread(self) -> None:
        """One on each node; an update may have put both on one, as Swarm counts the tasks that it replaces, too."""
        if len({replica.host for replica in self.running()}) == 1:
            for number in (1, 2):
                self.site.command(self.swarm.manager, f"docker service scale udm={number}")
        self.await_two()
        assert len({replica.host for replica in self.running()}) == 2


@pytest.fixture(scope="module")
def replicas(core_site: CoreSite) -> Iterator[Replicas]:
    """Two, on the nodes beside the manager, which has all other NFs; UEs register without a pause."""
    if len(core_site.nf_hosts) < 3:
        pytest.skip("the inventory has no third host in nf_hosts")
    core_site.playbook("remove_core")
    swarm = SwarmSite(core_site, **overlay_variables(core_site.variables), nf_udm_store="udr", nf_replicas={"udm": 2})
    swarm.playbook("swarm", swarm_cluster_heartbeat_s=1)
    core_site.command(swarm.manager, f"docker node update --label-rm organic.core5g {swarm.manager}")
    nfs = ["nrf", "udr", "udm", "ausf", "pcf", "nssf", "amf", "smf", "upf"]
    placement = dict.fromkeys((nf for nf in nfs if nf != "udm"), swarm.manager)
    swarm.playbook("deploy_core", nf_names=nfs, nf_placement=placement)
    swarm.playbook("provision_subscribers")
    swarm.playbook("gnb_start", gnb_ues=UES, gnb_procedures_rate=RATE, gnb_mix={"registration": 1})
    yield Replicas(swarm)
    swarm.playbook("gnb_stop")
    swarm.playbook("remove_core")
    swarm.playbook("swarm", state="absent")


def test_replicas_share_the_load(replicas: Replicas) -> None:
    found = replicas.running()
    assert len({replica.host for replica in found}) == 2
    before = [replicas.segments(replica) for replica in found]
    assert replicas.await_procedures(60)["failed"] == 0
    received = [replicas.segments(replica) - count for replica, count in zip(found, before, strict=True)]
    assert min(received) > 0.5 * max(received), received


def test_no_procedure_fails_when_a_node_is_drained_or_the_replicas_are_updated(replicas: Replicas) -> None:
    swarm = replicas.swarm
    before = replicas.progress()["failed"]
    away = replicas.running()[0].host
    replicas.site.command(swarm.manager, f"docker node update --availability drain {away}")
    try:
        replicas.await_two(away)
        replicas.await_procedures(20)
    finally:
        replicas.site.command(swarm.manager, f"docker node update --availability active {away}")
    former = {replica.id for replica in replicas.running()}
    replicas.site.command(swarm.manager, "docker service update --quiet --force udm")

    def are_new() -> bool:
        found = replicas.running()
        return len(found) == 2 and not {replica.id for replica in found} & former

    until(are_new, "both replicas are new", timeout_s=RECOVERED_S)
    replicas.await_two()
    assert away in {replica.host for replica in replicas.running()}
    replicas.await_procedures(20)
    assert replicas.progress()["failed"] == before


def test_the_other_replica_serves_when_a_node_is_lost(replicas: Replicas) -> None:
    """What waits for the lost one fails; then the NRF misses its heartbeat, and Swarm starts it on another node."""
    replicas.spread()
    lost = replicas.running()[0]
    pid = replicas.pid(lost)
    before = replicas.progress()
    since = time.monotonic()
    replicas.site.module(lost.host, "ansible.builtin.shell", cmd=LOSE.format(pid=pid))
    try:
        replicas.await_two(lost.host)
        until(lambda: replicas.await_procedures(20)["failed"] == 0, "no procedure fails", timeout_s=RECOVERED_S)
        duration_s = time.monotonic() - since
        after = replicas.progress()
    finally:
        replicas.site.module(lost.host, "ansible.builtin.shell", cmd=COME_BACK)
    figures: dict[str, Any] = {
        "recovered_s": round(duration_s, 1),
        "procedures": after["procedures"] - before["procedures"],
        "failed": after["failed"] - before["failed"],
        "rate": RATE,
        "load": os.getloadavg(),
    }
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    assert figures["procedures"] - figures["failed"] > 0

    def is_alone() -> bool:
        return "udm." not in replicas.site.command(lost.host, "docker ps")

    until(is_alone, "the node is back, and the task that was lost has ended", timeout_s=RECOVERED_S)
    assert len(replicas.running()) == 2
