# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a host that need no container."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.organic.core5g.plugins.module_utils import nf_host
from ansible_collections.organic.core5g.plugins.module_utils.network_driver import NetworkDriver
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Engine
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker, Refused
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import (
    FakeEngine,
    spec,
)

COLLECTION = Path(__file__).parents[4]
HOST = NetworkDriver("host", creates_network=False, needs_parent=False)
NO_LINK = nf_host.Link(None, None)


def test_addresses_of_this_host() -> None:
    assert nf_host.interface_address("lo") == "127.0.0.1"
    assert nf_host.is_local("127.0.0.1")
    assert not nf_host.is_local("192.0.2.34")
    assert nf_host.bridge_of("lo") is None


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ("192.0.2.0/24", True),
        ("192.0.0.0/16", True),
        ("192.0.2.128/25", True),
        ("198.51.100.0/24", False),
        ("2001:db8::/64", False),
    ],
)
def test_subnets_overlap(other: str, found: bool) -> None:
    assert nf_host.overlap("192.0.2.0/24", other) is found
    assert nf_host.overlap(other, "192.0.2.0/24") is found


@pytest.mark.parametrize("path", sorted((COLLECTION / "network_drivers").glob("*.yml")), ids=lambda path: path.stem)
def test_invalid_address_is_named(path: Path) -> None:
    driver = NetworkDriver.of(yaml.safe_load(path.read_text(encoding="utf-8")))
    wanted = nf_host.Wanted("smf", "nf", "10.55.0.340", driver, "core", [])
    check = nf_host.HostCheck(FakeEngine, [wanted], nf_host.Link("lo", "10.55.0.0/24"))
    assert "address_invalid" in [blocker.code for blocker in check.problems()]


def test_an_engine_that_does_not_answer_is_one_problem_among_the_others() -> None:
    def connect() -> Engine:
        raise Refused([Blocker("engine_unreachable", "It does not answer", "Start it")])

    wanted = [
        nf_host.Wanted("smf", "nf", "10.55.0.340", HOST, None, ["/dev/no-such-device"]),
        nf_host.Wanted("upf", "nf", "127.0.0.1", HOST, None, ["/dev/no-such-device"]),
    ]
    codes = [blocker.code for blocker in nf_host.HostCheck(connect, wanted, NO_LINK).problems()]
    assert [code for code in codes if code != "resident_runtime_missing"] == [
        "address_invalid",
        "device_missing",
        "engine_unreachable",
    ]


@pytest.mark.parametrize(("status", "pid"), [("running", 7), ("paused", 7), ("exited", 0)])
def test_the_address_is_looked_at_only_while_the_nf_does_not_run_here(status: str, pid: int) -> None:
    def connect() -> Engine:
        return FakeEngine(spec(status=status, pid=pid))

    wanted = nf_host.Wanted("smf", "nf", "192.0.2.34", HOST, None, [])
    check = nf_host.HostCheck(connect, [wanted], NO_LINK)
    assert ("address_not_local" in [blocker.code for blocker in check.problems()]) is (pid == 0)
    assert check.existing == ["smf"]


class WithoutImages(FakeEngine):
    def image_id(self, reference: str) -> str | None:
        return None


def test_every_image_that_is_missing_is_named_once() -> None:
    images = {"udm": "free5gc/udm:1", "ausf": "free5gc/ausf:1", "amf": "free5gc/ausf:1"}
    wanted = [nf_host.Wanted(name, image, "127.0.0.1", HOST, None, []) for name, image in images.items()]
    problems = nf_host.HostCheck(WithoutImages, wanted, NO_LINK).problems()
    assert [problem.message for problem in problems if problem.code == "image_missing"] == [
        "The image free5gc/udm:1 is not on this host",
        "The image free5gc/ausf:1 is not on this host",
    ]


def test_nfs_on_two_networks_with_the_same_addresses_are_refused() -> None:
    driver = NetworkDriver("macvlan", creates_network=True, needs_parent=False)
    wanted = [
        nf_host.Wanted(name, "nf", f"192.0.2.{number}", driver, f"core5g-{number}", [])
        for name, number in (("smf", 34), ("upf", 35))
    ]
    problems = nf_host.HostCheck(FakeEngine, wanted, nf_host.Link("lo", "192.0.2.0/24")).problems()
    (differ,) = [problem for problem in problems if problem.code == "network_drivers_differ"]
    assert "core5g-34, core5g-35" in differ.message


def test_kernel_names_an_unknown_kind_of_link() -> None:
    assert nf_host.kernel_refusal("veth") is None
    refusal = nf_host.kernel_refusal("no-such-kind")
    assert refusal is not None
    assert "Unknown device type" in refusal


def test_an_nf_on_two_networks_is_checked_on_each() -> None:
    driver = NetworkDriver("macvlan", creates_network=True, needs_parent=True)
    links = [nf_host.Link("lo", "192.0.2.0/24"), nf_host.Link("no-such-link", "198.51.100.0/24")]
    wanted = [
        nf_host.Wanted("smf", "nf", "192.0.2.34", driver, "core5g-sbi", [], links[0]),
        nf_host.Wanted("smf", "nf", "192.0.2.35", driver, "core5g-n4", [], links[1]),
    ]
    problems = nf_host.HostCheck(FakeEngine, wanted, NO_LINK).problems()
    found = {problem.code: problem.message for problem in problems if problem.code != "resident_runtime_missing"}
    assert set(found) == {"address_outside_subnet", "parent_missing"}
    assert "192.0.2.35 of smf is not in the network's subnet 198.51.100.0/24" in found["address_outside_subnet"]
    assert "'no-such-link'" in found["parent_missing"]


class InSwarm(FakeEngine):
    def in_swarm(self) -> bool:
        return True


@pytest.mark.parametrize(("engine", "refused"), [(FakeEngine, True), (InSwarm, False)])
def test_overlay_needs_a_swarm(engine: type[FakeEngine], refused: bool) -> None:
    driver = NetworkDriver("overlay", creates_network=True, needs_parent=False, needs_swarm=True)
    wanted = nf_host.Wanted("ausf", "nf", "192.0.2.37", driver, "core5g-overlay", [])
    problems = nf_host.HostCheck(engine, [wanted], nf_host.Link(None, "192.0.2.0/24")).problems()
    assert ("swarm_missing" in [problem.code for problem in problems]) is refused


def test_an_overlay_has_other_addresses_than_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = NetworkDriver("overlay", creates_network=True, needs_parent=False, needs_swarm=True)
    wanted = nf_host.Wanted("ausf", "nf", "dynamic", driver, "core5g-overlay", [])

    def codes(subnet: str | None) -> list[str]:
        check = nf_host.HostCheck(InSwarm, [wanted], nf_host.Link(None, subnet))
        return [problem.code for problem in check.problems()]

    monkeypatch.setattr(nf_host, "interface_of", lambda subnet: "eth0" if subnet == "192.0.2.0/24" else None)
    assert "overlay_overlaps" in codes("192.0.2.0/24")
    assert "overlay_overlaps" not in codes("198.51.100.0/24")
    assert "subnet_missing" in codes(None)


def test_the_interface_of_a_subnet(tmp_path: Path) -> None:
    """In a network namespace, as a host may be attached to anything."""
    script = (
        "ip link set lo up; ip link add one type veth peer name two; ip addr add 198.51.100.7/25 dev one; "
        "ip link set one up; ip route add default via 198.51.100.1; ip route add 192.0.2.0/24 via 198.51.100.1; "
        "python3 -c 'import sys; "
        "from ansible_collections.organic.core5g.plugins.module_utils.nf_host import interface_of; "
        "print([interface_of(subnet) for subnet in sys.argv[1:]])' 198.51.100.0/24 198.51.100.128/25 192.0.2.0/24"
    )
    where = {**os.environ, "PYTHONPATH": str(COLLECTION.parents[2])}
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", script], env=where, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['one', None, None]"


def test_vlan_interface_that_docker_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert nf_host.is_vlan_name("lo.30")
    assert not any(nf_host.is_vlan_name(name) for name in ("lo", "lo.", "lo.0", "lo.4095", "lo.x", "no-such-link.30"))
    driver = NetworkDriver("macvlan", creates_network=True, needs_parent=True)
    # In place of kernels with and without CONFIG_VLAN_8021Q.
    monkeypatch.setattr(nf_host, "kernel_refusal", lambda kind: None)
    assert nf_host.HostCheck.driver_lacks(driver, "lo.30") == []
    monkeypatch.setattr(nf_host, "kernel_refusal", lambda kind: "Unknown device type")
    (blocker,) = nf_host.HostCheck.driver_lacks(driver, "lo.30")
    assert "CONFIG_VLAN_8021Q" in blocker.remedy
    bridge = NetworkDriver("bridge", creates_network=True, needs_parent=True, parent_keeps_address=False)
    (blocker,) = nf_host.HostCheck.driver_lacks(bridge, "lo.30")
    assert blocker.code == "parent_missing"
