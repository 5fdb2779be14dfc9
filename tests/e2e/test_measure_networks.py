# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network drivers are measured between containers on two hosts, and nothing of it is left there."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import CoreSite

HOST_STATE = (
    "sh -c 'docker ps --all --quiet | sort; docker network ls --quiet | sort; ip -brief link show type bridge; "
    "ip -4 route; find /run -maxdepth 1 -name organic-network-probe'"
)


@pytest.fixture
def bare(core_site: CoreSite) -> CoreSite:
    """Hosts without a core, whose network would have the lab's uplink."""
    core_site.playbook("remove_core")
    return core_site


@pytest.fixture
def swarm(bare: CoreSite) -> Iterator[CoreSite]:
    """The lab's hosts as a Swarm, which ends with the test."""
    manager, worker = bare.nf_hosts[:2]
    address = bare.module(manager, "ansible.builtin.command", cmd="hostname --all-ip-addresses")[manager][
        "stdout"
    ].split()[0]
    bare.command(manager, f"docker swarm init --advertise-addr {address}")
    try:
        token = bare.command(manager, "docker swarm join-token --quiet worker")
        bare.command(worker, f"docker swarm join --token {token} {address}:2377")
        yield bare
    finally:
        bare.command(worker, "docker swarm leave --force")
        bare.command(manager, "docker swarm leave --force")
        for host in (manager, worker):
            bare.command(host, "docker network rm docker_gwbridge")


def measured(site: CoreSite, directory: Path, **variables: Any) -> dict[str, list[dict[str, str]]]:
    """Rows of the table by driver; the hosts are as before afterwards."""
    before = [site.command(host, HOST_STATE) for host in site.nf_hosts[:2]]
    site.playbook("measure_networks", network_measurement_directory=str(directory), **variables)
    assert [site.command(host, HOST_STATE) for host in site.nf_hosts[:2]] == before
    rows: dict[str, list[dict[str, str]]] = {}
    with (directory / "table.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["driver"], []).append(row)
    assert (directory / "table.svg").read_text(encoding="utf-8").startswith("<svg")
    return rows


def test_drivers_are_measured(bare: CoreSite, tmp_path: Path) -> None:
    drivers = ["macvlan", "ipvlan_l2"]
    rows = measured(
        bare, tmp_path, network_measurement_drivers=drivers, network_measurement_packets=200,
        network_measurement_sizes=[64],
    )  # fmt: skip
    (macvlan,) = rows["macvlan"]
    assert (macvlan["packets"], macvlan["lost"]) == ("200", "0")
    assert 0 < float(macvlan["min_us"]) <= float(macvlan["median_us"]) <= float(macvlan["p99_us"])
    assert (macvlan["unicast_frames"], macvlan["broadcast_frames"]) == ("True", "True")
    assert macvlan["neighbour_reaches_server"] == "True"
    assert (macvlan["stranger_reaches_client"], macvlan["host_reaches_client"]) == ("False", "False")
    (ipvlan,) = rows["ipvlan_l2"]
    assert "CONFIG_IPVLAN" in ipvlan["impossible"] or float(ipvlan["median_us"]) > 0
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| macvlan | 520 µs |" in table


@pytest.mark.exhaustive
def test_check_mode_reports_what_would_be_measured(bare: CoreSite, tmp_path: Path) -> None:
    directory = tmp_path / "none"
    before = [bare.command(host, HOST_STATE) for host in bare.nf_hosts[:2]]
    arguments = {"network_measurement_directory": str(directory), "network_measurement_drivers": ["macvlan", "overlay"]}
    result = bare.playbook("measure_networks", "--check", **arguments)
    told = result.results[bare.nf_hosts[0]]["msg"]
    assert "macvlan by eth0: 10000 packets of 64 and 1400 bytes" in told
    assert "overlay: not possible: This host is not part of a Docker Swarm" in told
    assert [bare.command(host, HOST_STATE) for host in bare.nf_hosts[:2]] == before
    assert not directory.exists()


@pytest.mark.exhaustive
def test_interface_that_is_missing_is_a_row(bare: CoreSite, tmp_path: Path) -> None:
    rows = measured(
        bare, tmp_path, network_measurement_drivers=["bridge", "host"], network_measurement_bridge_parent="eth9",
        network_measurement_packets=10,
    )  # fmt: skip
    assert "no network interface 'eth9'" in rows["bridge"][0]["impossible"]
    assert [row["impossible"] for row in rows["host"]] == ["", ""]


@pytest.mark.exhaustive
def test_interface_in_use_is_a_row_and_old_leftovers_are_removed(bare: CoreSite, tmp_path: Path) -> None:
    host, parent = bare.nf_hosts[0], bare.variables["nf_network_parent"]
    subnet = bare.variables["nf_network_subnet"]
    bare.command(host, "docker network create --label organic.core5g.probe=bridge organic-probe-bridge")
    bare.command(host, f"docker network create --driver macvlan --opt parent={parent} --subnet {subnet} in-the-way")
    try:
        bare.playbook(
            "measure_networks", network_measurement_directory=str(tmp_path), network_measurement_drivers=["macvlan"]
        )
        assert "organic-probe" not in bare.command(host, "docker network ls")
    finally:
        bare.command(host, "docker network rm in-the-way")
    assert f"is already using parent interface {parent}" in (tmp_path / "table.md").read_text(encoding="utf-8")


@pytest.mark.exhaustive
def test_every_driver_is_a_row(swarm: CoreSite, tmp_path: Path) -> None:
    rows = measured(swarm, tmp_path)
    assert list(rows) == ["host", "bridge", "macvlan", "ipvlan_l2", "ipvlan_l3", "overlay"]
    for driver in ("host", "bridge", "macvlan", "overlay"):
        assert [row["impossible"] for row in rows[driver]] == ["", ""], driver
        assert [row["size_bytes"] for row in rows[driver]] == ["64", "1400"]
        assert all(row["packets"] == "10000" and int(row["lost"]) < 100 for row in rows[driver])
        assert all(float(row["median_us"]) > 0 for row in rows[driver])
    assert rows["bridge"][0]["unicast_frames"] == rows["macvlan"][0]["unicast_frames"] == "True"
    assert rows["host"][0]["stranger_reaches_client"] == "True"
    assert rows["overlay"][0]["stranger_reaches_client"] == "False"
