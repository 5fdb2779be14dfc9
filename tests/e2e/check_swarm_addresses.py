# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an NF's address and connections become when it gets to another host, by network driver.

make swarm CASE=addresses. The figures are in artifacts/swarm/addresses.json, the table is in docs/networks.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.harness.overlay import overlay_variables
from tests.harness.playbook import PROJECT
from tests.harness.wait import until

from .conftest import CoreSite
from .swarm_site import SwarmSite

NF, PORT = "ausf", 8000
NFS = ["nrf", NF]
DELAY_MS = 1000
"""Of a connection from its last answer to its end, and of one that is kept between two answers, at most."""
WATCH = PROJECT / "tests/harness/programs/sbi_watch.py"
FIGURES = PROJECT / "artifacts/swarm/addresses.json"
ON_HOST, RESULT = "/run/sbi_watch.py", "/run/sbi_watch.json"
START = """
rm -f {result}
setsid nsenter --target {pid} --net python3 {program} {address} {port} {result} >/run/sbi_watch.log 2>&1 &
echo $!
"""
PROFILE = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1]).read().decode())
"""


class Watch:
    """A connection to the NF from where the NRF is, as another NF has it."""

    def __init__(self, site: CoreSite, nrf: Mapping[str, Any], address: str) -> None:
        self._site, self._host = site, str(nrf["host"])
        site.module(self._host, "ansible.builtin.copy", content=WATCH.read_text(), dest=ON_HOST)
        script = START.format(pid=nrf["container"]["pid"], program=ON_HOST, address=address, port=PORT, result=RESULT)
        self._pid = str(site.module(self._host, "ansible.builtin.shell", cmd=script)[self._host]["stdout"])
        listing = f"nsenter --target {nrf['container']['pid']} --net ss -Htn state established dst {address}:{PORT}"
        until(lambda: site.command(self._host, listing), "the connection is open")

    def result(self) -> dict[str, Any]:
        """What it has come to; ends it if nobody has."""
        self._site.module(self._host, "ansible.builtin.shell", cmd=f"kill {self._pid} 2>/dev/null || true")
        until(lambda: self._site.command(self._host, f"find {RESULT} -maxdepth 0"), "the watcher has ended")
        found: dict[str, Any] = json.loads(self._site.command(self._host, f"cat {RESULT}"))
        return found


@dataclass(frozen=True)
class Case:
    """A core with this network, and how its NF gets to another host.

    Attributes:
        way: migrate, redeploy (removed, and deployed there), or update (Swarm's own: the new task first).
        variables: of the inventory that the core is deployed with.
        keeps_address: whether the NF has the same address at its new place.
        in_swarm: whether the core is services of a Swarm.
    """

    way: str
    variables: Callable[[CoreSite], dict[str, Any]]
    keeps_address: bool
    in_swarm: bool = True


def on_hosts(site: CoreSite) -> dict[str, Any]:
    """The network of the hosts: NRF on the first, the NF on the second one."""
    addresses = {host: _address_of(site, host) for host in site.nf_hosts}
    return {
        "nf_network_driver": "host",
        "nf_addresses": {nf: addresses[host] for nf, host in zip(NFS, site.nf_hosts, strict=False)},
    }


def on_bridge(site: CoreSite) -> dict[str, Any]:
    """As bridge.yml has it."""
    given = site.variables
    return {
        "nf_network_driver": "bridge",
        "nf_network_parent": given["nf_bridge_uplink"],
        "nf_network_subnet": given["nf_bridge_subnet"],
        "nf_addresses": given["nf_bridge_addresses"],
    }


CASES = {
    "macvlan-migrate": Case("migrate", lambda site: {}, keeps_address=True),
    "macvlan-redeploy": Case("redeploy", lambda site: {}, keeps_address=True),
    "overlay-redeploy": Case("redeploy", lambda site: overlay_variables(site.variables), keeps_address=False),
    "overlay-update": Case("update", lambda site: overlay_variables(site.variables), keeps_address=False),
    "bridge-migrate": Case("migrate", on_bridge, keeps_address=True, in_swarm=False),
    "bridge-redeploy": Case("redeploy", on_bridge, keeps_address=True, in_swarm=False),
    "host-redeploy": Case("redeploy", on_hosts, keeps_address=False, in_swarm=False),
}


def _address_of(site: CoreSite, host: str) -> str:
    listing = json.loads(site.command(host, f"ip -json -4 address show dev {site.variables['nf_network_parent']}"))
    return str(listing[0]["addr_info"][0]["local"])


@pytest.fixture(scope="module")
def three_hosts(core_site: CoreSite) -> Iterator[CoreSite]:
    if len(core_site.nf_hosts) < 3:
        pytest.skip("the inventory has no third host in nf_hosts")
    core_site.playbook("remove_core")
    SwarmSite(core_site).playbook("swarm")
    yield core_site
    SwarmSite(core_site).playbook("swarm", state="absent")


class Core:
    """NRF on the first host, the NF on the second one."""

    def __init__(self, site: CoreSite, case: Case) -> None:
        self.case, self.site = case, site
        self._variables = {**case.variables(site), "orchestrator": "swarm" if case.in_swarm else "none"}
        self.swarm = SwarmSite(site, **self._variables)

    def states(self) -> dict[str, dict[str, Any]]:
        found = self.swarm.states()
        return {nf: found[nf] for nf in NFS if nf in found}

    def get_to(self, target: str) -> None:
        """The NF gets to another host."""
        if self.case.way == "migrate":
            self.swarm.playbook("migrate_nf", nf=NF, target_host=target)
        elif self.case.way == "redeploy":
            self.swarm.playbook("remove_nf", nf=NF)
            self.swarm = SwarmSite(self.site, **{**self._variables, **self._on_another(target)})
            self.swarm.playbook("deploy_nf", nf=NF, host=target)
        else:
            here = self.states()[NF]["host"]
            change = f"--constraint-rm node.hostname=={here} --constraint-add node.hostname=={target}"
            self.site.command(self.swarm.manager, f"docker service update --quiet {change} {NF}")

    def _on_another(self, host: str) -> dict[str, Any]:
        """What the inventory has otherwise then: on the network of the hosts, the address."""
        if self.case.keeps_address or self.case.in_swarm:
            return {}
        return {"nf_addresses": {**self._variables["nf_addresses"], NF: _address_of(self.site, host)}}

    def registered_address(self, nrf: Mapping[str, Any], instance: str) -> str:
        """What the NRF tells consumers of this instance (TS 29.510, clause 6.1.6.2.2)."""
        url = f"http://{nrf['address']}:{PORT}/nnrf-nfm/v1/nf-instances/{instance}"
        found = self.site.module(
            nrf["host"],
            "ansible.builtin.command",
            argv=["nsenter", "--target", str(nrf["container"]["pid"]), "--net", "python3", "-c", PROFILE, url],
        )
        [address] = json.loads(found[nrf["host"]]["stdout"])["ipv4Addresses"]
        return str(address)


@pytest.fixture
def core(three_hosts: CoreSite, request: pytest.FixtureRequest) -> Iterator[Core]:
    made = Core(three_hosts, CASES[request.param])
    placement = dict(zip(NFS, three_hosts.nf_hosts, strict=False))
    made.swarm.playbook("deploy_core", nf_names=NFS, nf_placement=placement)
    yield made
    made.swarm.playbook("remove_core")


@pytest.mark.parametrize("core", CASES, indirect=True)
def test_address_and_connections(core: Core, request: pytest.FixtureRequest) -> None:
    before = core.states()
    target = core.site.nf_hosts[2]
    assert before[NF]["host"] == core.site.nf_hosts[1]
    watch = Watch(core.site, before["nrf"], before[NF]["address"])
    core.get_to(target)

    def is_registered() -> bool:
        found = core.states().get(NF)
        return found is not None and found["host"] == target and found["state"]["nrf_registered"]

    until(is_registered, "the NF is registered from its new host", timeout_s=60)
    after, connection = core.states(), watch.result()
    nf = after[NF]
    held = core.registered_address(after["nrf"], nf["state"]["nf_instance_id"])
    same_instance = nf["state"]["nf_instance_id"] == before[NF]["state"]["nf_instance_id"]
    figures = {
        "address": [before[NF]["address"], nf["address"]],
        "nrf": held,
        "same_instance": same_instance,
        "instances": sum(one["nf_type"] == "AUSF" for one in after["nrf"]["state"]["registrations"]),
        "connection": connection,
        "load": os.getloadavg(),
    }
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps({**known, request.node.callspec.params["core"]: figures}, indent=2) + "\n")

    assert (nf["address"] == before[NF]["address"]) is core.case.keeps_address, figures
    assert held == nf["address"], figures
    assert figures["instances"] == 1, figures
    assert same_instance is (core.case.way == "migrate"), figures
    if core.case.way == "migrate":
        assert connection["end"] == "open", figures
        assert connection["longest_silence_ms"] < DELAY_MS, figures
    else:
        assert connection["end"] in ("fin", "reset"), figures
        assert connection["silence_before_end_ms"] < DELAY_MS, figures
