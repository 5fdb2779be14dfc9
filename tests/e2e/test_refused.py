"""A host that cannot run an NF is refused with the reason, before anything is touched."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Site, traces


@pytest.fixture(scope="module")
def bare(site: Site) -> Site:
    """Hosts without a core. Every test here leaves them so."""
    site.done("remove_core")
    return site


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"nf_image": "no/such:image"}, "The image no/such:image is not on this host"),
        ({"nf_network_driver": "host"}, "which this host does not have"),
        ({"nf_network_driver": "bridge"}, "could not be reached in a bridge"),
        ({"nf_network_parent": "eth9"}, "no network interface 'eth9'"),
        ({"nf_network_subnet": "192.0.2.0/24"}, "not in the network's subnet"),
    ],
)
def test_host_that_cannot_run_an_nf_is_refused(bare: Site, variables: dict[str, Any], reason: str) -> None:
    play = bare.play("deploy_core", **variables)
    assert play.status != 0
    assert reason in play.said
    assert traces(bare) == {}


def test_ipvlan_runs_or_the_kernel_is_blamed(bare: Site) -> None:
    play = bare.play("deploy_core", nf_network_driver="ipvlan")
    if play.status == 0:
        assert bare.states()["smf"]["state"]["pfcp"][0]["up"]
        bare.done("remove_core")
    else:
        assert "CONFIG_IPVLAN" in play.said
        assert traces(bare) == {}


def test_missing_runtime_is_refused(bare: Site) -> None:
    host = bare.nf_hosts[0]
    bare.command(host, "mv /opt/organic/resident/init /opt/organic/resident/init.away")
    try:
        play = bare.play("deploy_core", nf_names=["nrf"])
    finally:
        bare.command(host, "mv /opt/organic/resident/init.away /opt/organic/resident/init")
    assert play.status != 0
    assert "playbooks/prepare_hosts.yml" in play.said
    assert traces(bare) == {}


def test_address_of_another_machine_is_refused(bare: Site) -> None:
    address = f"{bare.variables['nf_addresses']['nrf']}/32 dev {bare.variables['nf_network_parent']}"
    bare.command(bare.ran_host, f"ip address add {address}")
    try:
        play = bare.play("deploy_core")
    finally:
        bare.command(bare.ran_host, f"ip address delete {address}")
    assert play.status != 0
    assert "Another machine" in play.said
    assert traces(bare) == {}


def test_network_in_the_way_is_named(bare: Site) -> None:
    host, subnet = bare.nf_hosts[0], bare.variables["nf_network_subnet"]
    uplink = bare.variables["nf_bridge_uplink"]
    bare.command(host, f"docker network create --driver macvlan --opt parent={uplink} --subnet {subnet} in-the-way")
    try:
        play = bare.play("deploy_core")
    finally:
        bare.command(host, "docker network rm in-the-way")
    assert play.status != 0
    assert f"The addresses {subnet} belong to the Docker network in-the-way already" in play.said
    assert traces(bare) == {}
