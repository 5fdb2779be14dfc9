"""The core is deployed, left alone, refused where it cannot run, and removed without a trace."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import BRIDGE, Site


def test_every_nf_runs_at_its_place(core: Site) -> None:
    first, second = core.nf_hosts[:2]
    states = core.states()
    assert {nf: entry["host"] for nf, entry in states.items()} == {"nrf": first, "smf": first, "upf": second}
    assert states["smf"]["state"]["nrf_registered"]
    assert states["upf"]["state"]["nrf_registered"]
    (association,) = states["smf"]["state"]["pfcp"]
    assert association["up"]
    assert association["peer"] == core.variables["nf_addresses"]["upf"]
    registered = {each["nf_instance_id"] for each in states["nrf"]["state"]["registrations"]}
    assert registered == {states[nf]["state"]["nf_instance_id"] for nf in ("smf", "upf")}


def test_engine_sees_a_healthy_resident_container(core: Site) -> None:
    host = core.nf_hosts[0]
    found = core.module(host, "community.docker.docker_container_info", name="smf")[host]["container"]
    assert found["State"]["Health"]["Status"] == "healthy"
    assert found["Config"]["Entrypoint"] == ["/opt/organic/resident/init", "--name", "smf", "--"]
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    (network,) = found["NetworkSettings"]["Networks"].values()
    address = core.variables["nf_addresses"]["smf"]
    assert network["IPAddress"] == address
    assert network["MacAddress"] == "02:42:" + ":".join(f"{int(part):02x}" for part in address.split("."))


@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["again", "check"])
def test_deploying_again_changes_nothing(core: Site, arguments: tuple[str, ...]) -> None:
    before = core.starts()
    assert core.done("deploy_core", *arguments).changed == 0
    assert core.starts() == before


def test_stopped_nf_is_started_where_it_was(core: Site) -> None:
    host = core.states()["upf"]["host"]
    core.module(host, "community.docker.docker_container", name="upf", state="stopped")
    assert "upf" not in core.states()
    core.done("deploy_core", nf_names=["upf"], nf_placement={"upf": core.nf_hosts[0]})
    assert core.states()["upf"]["host"] == host


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"nf_core": "nocore"}, "There is no core nocore"),
        ({"nf_names": ["xyz"]}, "has no NF xyz"),
        ({"nf_placement": {"upf": "nowhere"}}, "not in the play: nowhere"),
        ({"nf_addresses": {"nrf": "192.0.2.33"}}, "No address is known of upf, smf"),
        ({"nf_network_driver": "carrier-pigeon"}, "must be one of"),
    ],
)
def test_bad_input_is_refused(core: Site, variables: dict[str, Any], reason: str) -> None:
    before = core.starts()
    play = core.play("deploy_core", **variables)
    assert play.status != 0
    assert reason in play.said
    assert core.starts() == before


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
def test_host_that_cannot_run_an_nf_is_refused(site: Site, variables: dict[str, Any], reason: str) -> None:
    site.done("remove_core")
    play = site.play("deploy_core", **variables)
    assert play.status != 0
    assert reason in play.said
    assert traces(site) == {}


def test_ipvlan_runs_or_the_kernel_is_blamed(site: Site) -> None:
    site.done("remove_core")
    play = site.play("deploy_core", nf_network_driver="ipvlan")
    if play.status == 0:
        assert site.states()["smf"]["state"]["pfcp"][0]["up"]
    else:
        assert "CONFIG_IPVLAN" in play.said
        assert traces(site) == {}


def test_missing_runtime_is_refused(site: Site) -> None:
    site.done("remove_core")
    host = site.nf_hosts[0]
    site.command(host, "mv /opt/organic/resident/init /opt/organic/resident/init.away")
    try:
        play = site.play("deploy_core", nf_names=["nrf"])
    finally:
        site.command(host, "mv /opt/organic/resident/init.away /opt/organic/resident/init")
    assert play.status != 0
    assert "playbooks/prepare_hosts.yml" in play.said
    assert traces(site) == {}


def test_address_of_another_machine_is_refused(site: Site) -> None:
    site.done("remove_core")
    address = f"{site.variables['nf_addresses']['nrf']}/32 dev {site.variables['nf_network_parent']}"
    site.command(site.ran_host, f"ip address add {address}")
    try:
        play = site.play("deploy_core")
    finally:
        site.command(site.ran_host, f"ip address delete {address}")
    assert play.status != 0
    assert "Another machine" in play.said
    assert traces(site) == {}


def test_bridge_spans_the_hosts(site: Site) -> None:
    site.done("remove_core")
    site.done("deploy_core", "--extra-vars", BRIDGE)
    found = site.module(
        "nf_hosts", "organic.core5g.nf_state_info", nfs=site.variables["nf_bridge_addresses"], must_run=False
    )
    (smf,) = [nf["state"] for result in found.values() for nf in result["nfs"] if nf["name"] == "smf" and nf["state"]]
    assert smf["nrf_registered"]
    assert smf["pfcp"][0]["up"]
    assert smf["pfcp"][0]["peer"] == site.variables["nf_bridge_addresses"]["upf"]
    assert site.done("deploy_core", "--extra-vars", BRIDGE).changed == 0
    site.done("remove_core")
    assert traces(site) == {}


def test_removal_leaves_nothing(site: Site) -> None:
    site.done("deploy_core")
    site.done("ran_start", ran_sessions=5, ran_rate=20)
    assert set(traces(site)) == {*site.nf_hosts[:2], site.ran_host}
    assert site.done("remove_core", "--check").changed > 0
    assert set(site.states()) == {"nrf", "smf", "upf"}
    site.done("remove_core")
    assert traces(site) == {}
    assert site.done("remove_core").changed == 0


def traces(site: Site) -> dict[str, list[str]]:
    """What is left of a core on each host: containers, networks, links and files."""
    found = {}
    for host in site.nf_hosts:
        left = site.command(host, "docker ps --all --quiet --filter label=organic.core5g.nf").splitlines()
        left += site.command(host, "docker network ls --quiet --filter label=organic.core5g.network").splitlines()
        left += [link for link in site.command(host, "ip -oneline link").splitlines() if "br-core5g" in link]
        if left:
            found[host] = left
    files = site.module(site.ran_host, "ansible.builtin.find", paths="/run", patterns="minicore-ran", file_type="any")
    if files[site.ran_host]["files"]:
        found[site.ran_host] = [file["path"] for file in files[site.ran_host]["files"]]
    return found
