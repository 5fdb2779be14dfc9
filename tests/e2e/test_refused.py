"""A host that cannot run an NF is refused with the reason, before anything is touched."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import NFS, CoreSite, leftovers


@pytest.fixture(scope="module")
def bare(core_site: CoreSite) -> CoreSite:
    """Hosts without a core. Every test here leaves them so."""
    core_site.playbook("remove_core")
    return core_site


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"nf_image": "no/such:image"}, "The image no/such:image is not on this host"),
        pytest.param({"nf_network_driver": "host"}, "which this host does not have", marks=pytest.mark.exhaustive),
        pytest.param({"nf_network_driver": "bridge"}, "could not be reached in a bridge", marks=pytest.mark.exhaustive),
        pytest.param({"nf_network_parent": "eth9"}, "no network interface 'eth9'", marks=pytest.mark.exhaustive),
        pytest.param(
            {"nf_network_subnet": "192.0.2.0/24"}, "not in the network's subnet", marks=pytest.mark.exhaustive
        ),
    ],
)
def test_host_that_cannot_run_an_nf_is_refused(bare: CoreSite, variables: dict[str, Any], reason: str) -> None:
    result = bare.try_playbook("deploy_core", **{"nf_names": NFS, **variables})
    assert result.status != 0
    assert reason in result.messages
    assert leftovers(bare) == {}


@pytest.mark.exhaustive
def test_ipvlan_runs_or_the_kernel_is_blamed(bare: CoreSite) -> None:
    result = bare.try_playbook("deploy_core", nf_names=NFS, nf_network_driver="ipvlan_l2")
    if result.status == 0:
        assert bare.states()["smf"]["state"]["pfcp"][0]["up"]
        bare.playbook("remove_core")
    else:
        assert "CONFIG_IPVLAN" in result.messages
        assert leftovers(bare) == {}


def test_redeployment_on_an_unknown_host_is_refused(bare: CoreSite) -> None:
    result = bare.try_playbook("redeploy_upf", target_host="nowhere")
    assert result.status != 0
    reason = f"There is no host 'nowhere' to redeploy upf on, set target_host to one of: {', '.join(bare.nf_hosts)}"
    assert reason in result.messages
    assert leftovers(bare) == {}


@pytest.mark.exhaustive
def test_missing_runtime_is_refused(bare: CoreSite) -> None:
    host = bare.nf_hosts[0]
    bare.command(host, "mv /opt/organic/resident/init /opt/organic/resident/init.away")
    try:
        result = bare.try_playbook("deploy_core", nf_names=["nrf"])
    finally:
        bare.command(host, "mv /opt/organic/resident/init.away /opt/organic/resident/init")
    assert result.status != 0
    assert "playbooks/prepare_hosts.yml" in result.messages
    assert leftovers(bare) == {}


@pytest.mark.exhaustive
def test_address_of_another_machine_is_refused(bare: CoreSite) -> None:
    address = f"{bare.variables['nf_addresses']['nrf']}/32 dev {bare.variables['nf_network_parent']}"
    bare.command(bare.ran_host, f"ip address add {address}")
    try:
        result = bare.try_playbook("deploy_core", nf_names=NFS)
    finally:
        bare.command(bare.ran_host, f"ip address delete {address}")
    assert result.status != 0
    assert "Another machine" in result.messages
    assert leftovers(bare) == {}


@pytest.mark.exhaustive
def test_network_in_the_way_is_named(bare: CoreSite) -> None:
    host, subnet = bare.nf_hosts[0], bare.variables["nf_network_subnet"]
    uplink = bare.variables["nf_bridge_uplink"]
    bare.command(host, f"docker network create --driver macvlan --opt parent={uplink} --subnet {subnet} in-the-way")
    try:
        result = bare.try_playbook("deploy_core", nf_names=NFS)
    finally:
        bare.command(host, "docker network rm in-the-way")
    assert result.status != 0
    assert f"The addresses {subnet} belong to the container network in-the-way already" in result.messages
    assert leftovers(bare) == {}
