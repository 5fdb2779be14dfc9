# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reference points on networks of their own: SBI on a macvlan, N4 on a bridge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import NFS, CoreSite, leftovers


def two_networks(site: CoreSite) -> dict[str, Any]:
    """Variables that put N4 of the lab's UPF and SMF on the second uplink."""
    sbi, n4 = site.variables["nf_addresses"], site.variables["nf_bridge_addresses"]
    return {
        "nf_networks": {
            "n4": {
                "driver": "bridge",
                "parent": site.variables["nf_bridge_uplink"],
                "subnet": site.variables["nf_bridge_subnet"],
            }
        },
        "nf_addresses": {**sbi, **{nf: {"sbi": sbi[nf], "n4": n4[nf]} for nf in ("smf", "upf")}},
    }


def networks_of(site: CoreSite, host: str, nf: str) -> dict[str, tuple[str, str]]:
    """IP and MAC address of an NF by network."""
    found = site.module(host, "community.docker.docker_container_info", name=nf)[host]["container"]
    return {
        name: (network["IPAddress"], network["MacAddress"])
        for name, network in found["NetworkSettings"]["Networks"].items()
    }


def mac(address: str) -> str:
    return "02:42:" + ":".join(f"{int(part):02x}" for part in address.split("."))


@pytest.fixture(scope="module")
def divided(core_site: CoreSite) -> Iterator[tuple[CoreSite, dict[str, Any]]]:
    """A core with N4 on a network of its own."""
    variables = two_networks(core_site)
    core_site.playbook("remove_core")
    core_site.playbook("deploy_core", nf_names=NFS, **variables)
    yield core_site, variables
    core_site.playbook("remove_core", **variables)
    assert leftovers(core_site) == {}


def test_nf_on_two_networks_keeps_all_addresses(divided: tuple[CoreSite, dict[str, Any]]) -> None:
    site, variables = divided
    first, second = site.nf_hosts[:2]
    sbi, n4 = site.variables["nf_addresses"], site.variables["nf_bridge_addresses"]
    expected = {"core5g-macvlan": (sbi["smf"], mac(sbi["smf"])), "core5g-n4": (n4["smf"], mac(n4["smf"]))}
    assert networks_of(site, first, "smf") == expected
    (association,) = site.states()["smf"]["state"]["pfcp"]
    assert association["up"]
    assert association["peer"] == n4["upf"]
    assert site.playbook("deploy_core", nf_names=NFS, **variables).changed == 0

    site.playbook("migrate_smf", target_host=second, **variables)
    states = site.states()
    assert states["smf"]["host"] == second
    assert {name: ip for name, (ip, _mac) in networks_of(site, second, "smf").items()} == {
        name: ip for name, (ip, _mac) in expected.items()
    }
    pid = states["smf"]["container"]["pid"]
    links = site.command(second, f"nsenter --target {pid} --net ip -brief link")
    for _address, wanted in expected.values():
        assert wanted in links
    (association,) = states["smf"]["state"]["pfcp"]
    assert association["up"]
    assert association["peer"] == n4["upf"]
    assert site.playbook("deploy_core", nf_names=NFS, **variables).changed == 0


@pytest.mark.exhaustive
def test_ipv6_a_mac_and_a_name_of_ones_own(core_site: CoreSite) -> None:
    core_site.playbook("remove_core")
    variables = two_networks(core_site)
    variables["nf_networks"]["n4"].update(name="user-plane", subnet6="2001:db8:73::/64")
    own = {"ipv4": variables["nf_addresses"]["smf"]["n4"], "ipv6": "2001:db8:73::34", "mac": "02:00:00:00:73:34"}
    variables["nf_addresses"]["smf"]["n4"] = own
    core_site.playbook("deploy_core", nf_names=NFS, **variables)
    host = core_site.nf_hosts[0]
    found = core_site.module(host, "community.docker.docker_container_info", name="smf")[host]["container"]
    network = found["NetworkSettings"]["Networks"]["user-plane"]
    assert (network["IPAddress"], network["GlobalIPv6Address"], network["MacAddress"]) == tuple(own.values())
    (association,) = core_site.states()["smf"]["state"]["pfcp"]
    assert association["up"]
    assert core_site.playbook("deploy_core", nf_names=NFS, **variables).changed == 0
    # IPv6 addresses do not move yet, so that nothing is touched.
    refused = core_site.try_playbook("migrate_smf", target_host=core_site.nf_hosts[1], **variables)
    assert refused.status != 0
    assert "2001:db8:73::34" in refused.messages
    assert core_site.states()["smf"]["host"] == host
    core_site.playbook("remove_core", **variables)
    assert leftovers(core_site) == {}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("n4", "upf", "reason"),
    [
        ({}, {}, "overlap"),
        ({"subnet": "198.51.100.0/24"}, {}, "is not in the subnet 198.51.100.0/24"),
        ({"parent": None}, {}, "has no parent interface: set nf_networks.n4.parent"),
        ({"parent": "eth9"}, {}, "no network interface 'eth9'"),
        ({"driver": "macvlan", "parent": "eth0"}, {}, "the same parent interface eth0"),
        ({"driver": "overlay"}, {}, "needs a Docker Swarm"),
        ({"driver": "ipvlan_l2"}, {}, "CONFIG_IPVLAN"),
        ({}, {"n4": "smf"}, "smf (n4) and upf (n4) have the same address"),
        ({}, {"n9": "smf"}, "there is no reference point n9"),
    ],
)
def test_bad_networks_are_refused(core_site: CoreSite, n4: dict[str, Any], upf: dict[str, str], reason: str) -> None:
    core_site.playbook("remove_core")
    variables = two_networks(core_site)
    variables["nf_networks"]["n4"].update(n4 or {"subnet": core_site.variables["nf_network_subnet"]} if not upf else n4)
    own = variables["nf_addresses"]["upf"]
    own.update({point: core_site.variables["nf_bridge_addresses"][nf] for point, nf in upf.items()})
    result = core_site.try_playbook("deploy_core", nf_names=NFS, **variables)
    assert result.status != 0
    assert reason in result.messages
    assert leftovers(core_site) == {}
