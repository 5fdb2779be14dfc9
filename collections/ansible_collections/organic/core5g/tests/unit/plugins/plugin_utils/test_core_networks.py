# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks by reference point: what they are resolved to, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible_collections.organic.core5g.plugins.module_utils.survey_arguments import ARGUMENTS
from ansible_collections.organic.core5g.plugins.plugin_utils import core_networks, descriptions, reference_points
from ansible_collections.organic.core5g.plugins.plugin_utils.core_networks import CoreNetworks, Inventory

SIMPLE = {"nrf": "192.0.2.33", "smf": "192.0.2.34", "upf": "192.0.2.35"}
N4 = {"driver": "bridge", "parent": "eth1", "subnet": "198.51.100.0/24"}
DIVIDED = {
    "nrf": "192.0.2.33",
    "smf": {"sbi": "192.0.2.34", "n4": "198.51.100.34"},
    "upf": {"sbi": "192.0.2.35", "n4": "198.51.100.35"},
}


def resolve(addresses: dict[str, Any], networks: dict[str, Any] | None = None, **settings: Any) -> CoreNetworks:
    loader = DataLoader()
    profiles = {name: descriptions.load(loader, "profile", name) for name in ("nrf", "upf", "smf")}
    inventory = Inventory(addresses, networks or {}, **{"parent": "eth0", "subnet": "192.0.2.0/24", **settings})
    return CoreNetworks(loader, inventory, profiles, "docker")


def found(made: CoreNetworks, *nfs: str) -> dict[str, Any]:
    """As the action returns it."""
    return {
        "endpoints": {nf: [endpoint.as_dict() for endpoint in made.endpoints(nf)] for nf in nfs},
        "drivers": made.descriptions_of_drivers(),
        "needs": {nf: {"name": nf, "image": "nf", "devices": []} for nf in nfs},
    }


def test_simple_form_is_one_network() -> None:
    (endpoint,) = resolve(SIMPLE).endpoints("upf")
    assert endpoint == reference_points.Endpoint(
        "sbi", "core5g-macvlan", "macvlan", ("sbi", "n2", "n3", "n4", "n6"), "192.0.2.35", "", ""
    )
    (endpoint,) = resolve(SIMPLE, driver="bridge", name="mine").endpoints("upf")
    assert (endpoint.network, endpoint.driver) == ("mine", "bridge")


def test_reference_points_on_networks_of_their_own() -> None:
    made = resolve(DIVIDED, {"n4": N4})
    described = found(made, "nrf", "smf", "upf")
    assert [(e["network"], e["points"]) for e in described["endpoints"]["smf"]] == [
        ("core5g-macvlan", ["sbi", "n2", "n3", "n6"]),
        ("core5g-n4", ["n4"]),
    ]
    assert [e["network"] for e in described["endpoints"]["nrf"]] == ["core5g-macvlan"]
    # Another host has other names of interfaces.
    here = core_networks.on_this_host(
        described, ["smf", "upf"], {"n4": {**N4, "parent": "eno2"}}, {"parent": "eno1", "subnet": "192.0.2.0/24"}
    )
    assert [(n["name"], n["parent"], n["uplink_bridge"]) for n in here] == [
        ("core5g-macvlan", "eno1", ""),
        ("core5g-n4", "eno2", "br-core5g-n4"),
    ]
    # A migration has each host's networks surveyed.
    assert all(network.keys() <= ARGUMENTS["networks"]["options"].keys() for network in here)
    assert here[0]["engines"]["docker"] == {"driver": "macvlan", "options": {"parent": "eno1"}}
    assert here[1]["engines"]["docker"]["options"]["com.docker.network.bridge.name"] == "br-core5g-n4"
    assert [
        (a["name"], a["network"], a["address"], a["parent"], a["subnet"])
        for a in core_networks.attachments(described, ["smf"], here)
    ] == [
        ("smf", "core5g-macvlan", "192.0.2.34", "eno1", "192.0.2.0/24"),
        ("smf", "core5g-n4", "198.51.100.34", "eno2", "198.51.100.0/24"),
    ]
    assert core_networks.engine_endpoints(described, "smf", True) == [
        {"name": "core5g-macvlan", "ipv4_address": "192.0.2.34", "mac_address": "02:42:c0:00:02:22"},
        {"name": "core5g-n4", "ipv4_address": "198.51.100.34", "mac_address": "02:42:c6:33:64:22"},
    ]
    assert all("mac_address" not in e for e in core_networks.engine_endpoints(described, "smf", False))


def test_address_at_a_reference_point() -> None:
    assert reference_points.address_at("192.0.2.34", "n4") == "192.0.2.34"
    assert reference_points.address_at(DIVIDED["smf"], "n4") == "198.51.100.34"
    assert reference_points.address_at(DIVIDED["smf"], "n3") == "192.0.2.34"


def test_mac_ipv6_and_another_network() -> None:
    fast = {"driver": "ipvlan_l3", "parent": "eth2", "subnet": "203.0.113.0/24", "subnet6": "2001:db8::/64"}
    n4 = {"ipv4": "203.0.113.34", "ipv6": "2001:db8::34", "mac": "02:00:00:00:00:01", "network": "fast"}
    made = resolve({**SIMPLE, "smf": {"sbi": "192.0.2.34", "n3": n4, "n4": n4}}, {"fast": fast})
    endpoint = made.endpoints("smf")[1]
    assert (endpoint.network, endpoint.points, endpoint.mac) == ("core5g-fast", ("n3", "n4"), "02:00:00:00:00:01")
    # No driver of ipvlan has MAC addresses of its own.
    assert core_networks.engine_endpoints(found(made, "smf"), "smf", True)[1] == {
        "name": "core5g-fast",
        "ipv4_address": "203.0.113.34",
        "ipv6_address": "2001:db8::34",
    }


def test_bridge_names_fit_into_an_interface() -> None:
    names = [reference_points.bridge_name(key, True) for key in ("n4", "production-hall-1", "production-hall-2")]
    assert len(set(names)) == 3
    assert all(len(name) <= 15 for name in names)
    assert reference_points.bridge_name("sbi", False) == "br-core5g"


@pytest.mark.parametrize(
    ("networks", "addresses", "reason"),
    [
        ({"n4": {**N4, "parent": None}}, {}, r"no parent interface: set nf_networks\.n4\.parent"),
        ({"n4": {**N4, "subnet": None}}, {}, r"no subnet: set nf_networks\.n4\.subnet"),
        ({"n4": {**N4, "subnet": "198.51.100.7/24"}}, {}, r"subnet of the network n4 is wrong, .*host bits"),
        ({"n4": {**N4, "gateway": "192.0.2.1"}}, {}, r"gateway 192\.0\.2\.1 is not in 198\.51\.100\.0/24"),
        ({"n4": {**N4, "subnet6": "198.51.100.0/24"}}, {}, r"is no IPv6 network"),
        ({"n4": {**N4, "parent": "eth0"}}, {}, r"sbi and n4 have the same parent interface eth0.*eth0\.30"),
        ({"n4": {**N4, "subnet": "192.0.2.128/25"}}, {}, r"overlap: give each network"),
        ({"n4": {**N4, "drivr": "bridge"}}, {}, r"nf_networks\.n4 is wrong: there is no drivr, known are: driver"),
        ({"n4": "bridge"}, {}, r"nf_networks\.n4 is wrong: it is no dictionary"),
        ({"N4": N4, "n4": N4}, {}, r"The key N4 of nf_networks"),
        ({"n4": {**N4, "driver": "pigeon"}}, {}, r"no network driver pigeon"),
        ({}, {}, r"has no network n4: add it, or leave n4 out"),
        ({"n4": N4}, {"upf": "198.51.100.34"}, r"smf \(n4\) and upf have the same address 198\.51\.100\.34"),
        ({"n4": N4}, {"upf": {"sbi": "192.0.2.35", "n4": "192.0.2.34"}}, r"is not in the subnet 198\.51\.100\.0/24"),
        ({"n4": N4}, {"upf": {"sbi": "192.0.2.35", "n4": "198.51.100.0"}}, r"means the whole subnet"),
        ({"n4": {**N4, "gateway": "198.51.100.34"}}, {}, r"is the network's gateway"),
        ({"n4": N4}, {"upf": {"n4": "198.51.100.35"}}, r"nf_addresses\.upf is wrong: there is no address for sbi"),
        ({"n4": N4}, {"upf": {"sbi": "192.0.2.35", "n5": "198.51.100.35"}}, r"there is no reference point n5"),
        (
            {"n4": N4},
            {"upf": {"sbi": "192.0.2.35", "n4": {"ipv4": "198.51.100.35", "ipv6": "2001:db8::1"}}},
            r"has no subnet6: add it",
        ),
        (
            {"n4": N4},
            {"upf": {"sbi": "192.0.2.35", "n4": {"ipv4": "198.51.100.35", "mac": "02:42"}}},
            r"The MAC address 02:42 of upf",
        ),
        (
            {"n4": N4},
            {"upf": {"sbi": "192.0.2.35", "n4": "198.51.100.35", "n3": {"ipv4": "198.51.100.36", "network": "n4"}}},
            r"upf has two addresses on the network n4",
        ),
        ({"n4": N4, "sbi": {"driver": "host"}}, {}, r"on the network of its host by its sbi"),
    ],
)  # fmt: skip
def test_what_is_refused(networks: dict[str, Any], addresses: dict[str, Any], reason: str) -> None:
    with pytest.raises(AnsibleActionFail, match=reason):
        resolve({**DIVIDED, **addresses}, networks)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(AnsibleActionFail, match=r"no parent interface.*no subnet.*eth0"):
        resolve(
            DIVIDED,
            {"n4": {"driver": "bridge"}, "n3": {"driver": "macvlan", "parent": "eth0", "subnet": "10.1.0.0/16"}},
        )


def test_a_driver_of_a_swarm_is_taken_by_name_only() -> None:
    profile = {"name": "ausf", "network_driver": {"preferred": "overlay", "alternatives": ["macvlan"]}}
    assert descriptions.network_driver(DataLoader(), profile, "docker", None)["name"] == "macvlan"
    assert descriptions.network_driver(DataLoader(), profile, "docker", "overlay")["needs_swarm"]


OVERLAY = {"driver": "overlay", "subnet": "203.0.113.0/24"}
ACCESS = {"driver": "macvlan", "parent": "eth0", "subnet": "198.51.100.0/24"}


def test_a_dynamic_address_beside_a_fixed_one() -> None:
    fixed = {"ipv4": "198.51.100.35", "network": "access"}
    addresses = {"nrf": "dynamic", "smf": {"sbi": "dynamic", "n4": fixed}, "upf": "dynamic"}
    made = resolve(addresses, {"sbi": OVERLAY, "access": ACCESS}, orchestrator="swarm")
    entries = core_networks.engine_endpoints(found(made, "smf"), "smf", True)
    assert entries == [
        {"name": "core5g-sbi"},
        {"name": "core5g-access", "ipv4_address": "198.51.100.35", "mac_address": "02:42:c6:33:64:23"},
    ]
    assert reference_points.name_at("smf", addresses["smf"], "sbi") == "smf-sbi"
    assert reference_points.name_at("smf", addresses["smf"], "n4") == "198.51.100.35"
    assert reference_points.name_at("nrf", addresses["nrf"], "n4") == "nrf-sbi"


@pytest.mark.parametrize(
    ("addresses", "settings", "reason"),
    [
        (SIMPLE, {}, r"gives nrf no fixed address on an overlay: set nf_addresses\.nrf to dynamic"),
        ({"nrf": "dynamic"}, {"orchestrator": "none"}, r"only an overlay of a Docker Swarm gives .*here none, overlay"),
        (
            {"nrf": "dynamic"},
            {"networks": {}, "driver": "macvlan"},
            r"here swarm, macvlan\): set nf_addresses\.nrf to an",
        ),
        (
            {"nrf": {"sbi": "dynamic", "n4": {"ipv4": "dynamic", "network": "sbi"}}},
            {},
            r"for n4: give it an IPv4 address",
        ),
        ({"nrf": {"sbi": {"ipv4": "dynamic", "mac": "02:00:00:00:00:01"}}}, {}, r"remove ipv6 and mac from nf_addr"),
    ],
)
def test_addresses_that_a_swarm_does_not_give(addresses: dict[str, Any], settings: dict[str, Any], reason: str) -> None:
    given = {"networks": {"sbi": OVERLAY}, "orchestrator": "swarm", **settings}
    with pytest.raises(AnsibleActionFail, match=reason):
        resolve(addresses, **given)
