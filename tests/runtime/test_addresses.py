# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resident init sets fixed addresses, and gives up the capability that it needs for that."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import Start
from .container import ENTRY, Container, boottime, status_field

CAP_NET_ADMIN = 1 << 12
NETWORK = """
ip link set lo up
ip link add eth0 type veth peer name peer0
ip link set eth0 up
ip link set peer0 up
ip addr add 169.254.1.2/24 dev eth0
ip addr add 169.254.1.3/24 dev eth0
ip route add default via 169.254.1.1
"""
ISOLATED = ENTRY.replace('exec "$@"', f"""exec unshare --net sh -ec '{NETWORK} exec "$@"' sh "$@" """)
ADDRESS = "eth0,10.70.0.34/24,mac=02:42:0a:46:00:22,gateway=10.70.0.1"
CAPABILITY_SETS = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]


def interface(container: Container, name: str = "eth0") -> dict[str, Any]:
    """MAC address, IPv4 addresses and default gateways of an interface."""

    def ip(*arguments: str) -> Any:
        command = ["nsenter", "-t", str(container.pid), "-n", "ip", "-json", *arguments]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    [link] = ip("-4", "address", "show", "dev", name)
    [hardware] = ip("link", "show", "dev", name)
    return {
        "mac": hardware["address"],
        "addresses": [f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"]],
        "gateways": [route["gateway"] for route in ip("-4", "route", "show", "default", "dev", name)],
    }


def may_configure_networks(pid: int) -> list[bool]:
    return [bool(int(status_field(pid, field), 16) & CAP_NET_ADMIN) for field in CAPABILITY_SETS]


def test_sets_the_addresses_in_place_of_the_engine(start: Start) -> None:
    container = start("--address", ADDRESS, "--", "sleep", "100", entry=ISOLATED)
    assert container.main_child
    assert interface(container) == {
        "mac": "02:42:0a:46:00:22",
        "addresses": ["10.70.0.34/24"],
        "gateways": ["10.70.0.1"],
    }
    assert any(may_configure_networks(container.main_child))


def test_mac_and_gateway_may_be_left_out(start: Start) -> None:
    container = start("--address", "eth0,10.70.0.34/24", "--", "sleep", "100", entry=ISOLATED)
    assert container.main_child
    found = interface(container)
    assert (found["addresses"], found["gateways"]) == (["10.70.0.34/24"], [])


def test_finds_the_interface_by_the_address_of_the_engine(start: Start) -> None:
    entry = ISOLATED.replace("ip link set peer0 up", "ip link set peer0 up; ip addr add 203.0.113.2/24 dev peer0")
    address = ADDRESS.replace("eth0", "169.254.0.0/16")
    assert interface(start("--address", address, "--", "sleep", "100", entry=entry)) == {
        "mac": "02:42:0a:46:00:22",
        "addresses": ["10.70.0.34/24"],
        "gateways": ["10.70.0.1"],
    }


def test_sets_the_addresses_of_several_interfaces(start: Start) -> None:
    second = ["--address", "peer0,10.71.0.34/25,mac=02:42:0a:47:00:22"]
    container = start("--address", ADDRESS, *second, "--drop-net-admin", "--", "sleep", "100", entry=ISOLATED)
    assert interface(container)["addresses"] == ["10.70.0.34/24"]
    found = interface(container, "peer0")
    assert found == {"mac": "02:42:0a:47:00:22", "addresses": ["10.71.0.34/25"], "gateways": []}
    assert not any(may_configure_networks(container.pid))


def test_more_interfaces_than_a_container_has_are_refused(start: Start) -> None:
    addresses = [part for number in range(17) for part in ("--address", f"eth{number},10.70.{number}.34/24")]
    status, _out, err = start(*addresses, "--", "echo", "started", entry=ISOLATED).finish()
    assert status == 64
    assert "usage: init" in err


def test_gives_the_capability_up(start: Start) -> None:
    container = start("--address", ADDRESS, "--drop-net-admin", "--", "sleep", "100", entry=ISOLATED)
    for pid in (container.main_child, container.pid):
        assert not any(may_configure_networks(pid))
    assert interface(container)["addresses"] == ["10.70.0.34/24"]


def test_leaves_the_addresses_to_a_migration(start: Start, await_file: Path) -> None:
    await_file.write_text(f"{boottime() + 60:.9f}\n")
    arguments = ["--name", "smf", "--address", ADDRESS, "--drop-net-admin", "--", "sleep", "100"]
    container = start(*arguments, entry=ISOLATED)
    assert container.state == "await"
    found = interface(container)
    assert found["addresses"] == ["169.254.1.2/24", "169.254.1.3/24"]
    assert found["mac"] != "02:42:0a:46:00:22"
    assert not any(may_configure_networks(container.pid))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--address", "eth9,10.70.0.34/24"], "eth9: cannot find the interface: No such device"),
        (["--address", "192.0.2.0/24,10.70.0.34/24"], "192.0.2.0/24: cannot find the interface: No such device"),
        (["--address", "eth0,10.70.0.34/24,gateway=10.71.0.1"], "eth0: cannot add the default route: "),
        (["--address", "eth0,10.70.0.34/24,mac=01:00:00:00:00:00"], "eth0: cannot set the MAC address: "),
    ],
)
def test_does_not_start_the_command_without_its_addresses(start: Start, arguments: list[str], reason: str) -> None:
    status, out, err = start(*arguments, "--", "echo", "started", entry=ISOLATED).finish()
    assert (status, out) == (71, "")
    assert reason in err


def test_names_the_missing_capability(start: Start) -> None:
    entry = ISOLATED.replace('exec "$@"', 'exec setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$@"')
    status, out, err = start("--address", ADDRESS, "--", "echo", "started", entry=entry).finish()
    assert (status, out) == (71, "")
    assert "eth0: cannot set the MAC address: Operation not permitted" in err


@pytest.mark.parametrize(
    "address",
    [
        "",
        "eth0",
        "eth0,10.70.0.34",
        "169.254.0.0/33,10.70.0.34/24",
        "169.254.0/16,10.70.0.34/24",
        "eth0,10.70.0.34/33",
        "eth0,10.70.0.34/+4",
        "eth0,10.70.0/24",
        "interface-name-too-long,10.70.0.34/24",
        "eth0,10.70.0.34/24,mac=02:42:0a:46:00",
        "eth0,10.70.0.34/24,mac=02:42:0a:46:00:22:33",
        "eth0,10.70.0.34/24,gateway=x",
        "eth0,10.70.0.34/24,mtu=1400",
        "eth0,10.70.0.34/24," + "x" * 160,
    ],
)
def test_malformed_address(start: Start, address: str) -> None:
    status, out, err = start("--address", address, "--", "echo", "started").finish()
    assert (status, out) == (64, "")
    assert err.startswith("usage: init")


def test_address_is_given_once(start: Start) -> None:
    assert start("--address", ADDRESS, "--address", ADDRESS, "--", "true").finish()[0] == 64
