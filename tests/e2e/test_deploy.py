"""The core is deployed, left alone, and removed without a trace."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import BRIDGE, NFS, CoreSite, leftovers


def test_preparing_the_hosts_again_changes_nothing(core_site: CoreSite) -> None:
    assert core_site.playbook("prepare_hosts").changed == 0


def test_every_nf_runs_at_its_place(core: CoreSite) -> None:
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


def test_engine_sees_a_healthy_resident_container(core: CoreSite) -> None:
    host = core.nf_hosts[0]
    found = core.module(host, "community.docker.docker_container_info", name="smf")[host]["container"]
    assert found["State"]["Health"]["Status"] == "healthy"
    assert found["Config"]["Entrypoint"] == ["/opt/organic/resident/init", "--name", "smf", "--"]
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    (network,) = found["NetworkSettings"]["Networks"].values()
    address = core.variables["nf_addresses"]["smf"]
    assert network["IPAddress"] == address
    assert network["MacAddress"] == "02:42:" + ":".join(f"{int(part):02x}" for part in address.split("."))


@pytest.mark.parametrize(
    "arguments",
    [pytest.param((), id="again"), pytest.param(("--check",), id="check", marks=pytest.mark.exhaustive)],
)
def test_deploying_again_changes_nothing(core: CoreSite, arguments: tuple[str, ...]) -> None:
    before = core.starts()
    assert core.playbook("deploy_core", *arguments, nf_names=NFS).changed == 0
    assert core.starts() == before


@pytest.mark.exhaustive
def test_stopped_nf_is_started_where_it_was(core: CoreSite) -> None:
    host = core.states()["upf"]["host"]
    core.module(host, "community.docker.docker_container", name="upf", state="stopped")
    assert "upf" not in core.states()
    core.playbook("deploy_core", nf_names=["upf"], nf_placement={"upf": core.nf_hosts[0]})
    assert core.states()["upf"]["host"] == host


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"nf_core": "nocore"}, "There is no core nocore"),
        pytest.param({"nf_names": ["xyz"]}, "has no NF xyz", marks=pytest.mark.exhaustive),
        pytest.param({"nf_placement": {"upf": "nowhere"}}, "not in the play: nowhere", marks=pytest.mark.exhaustive),
        pytest.param(
            {"nf_addresses": {"nrf": "192.0.2.33"}}, "No address is known of upf, smf", marks=pytest.mark.exhaustive
        ),
        pytest.param(
            {"nf_network_driver": "carrier-pigeon"},
            "There is no network driver carrier-pigeon",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_bad_input_is_refused(core: CoreSite, variables: dict[str, Any], reason: str) -> None:
    before = core.starts()
    result = core.try_playbook("deploy_core", **{"nf_names": NFS, **variables})
    assert result.status != 0
    assert reason in result.messages
    assert core.starts() == before


@pytest.mark.exhaustive
def test_migration_of_an_nf_that_does_not_run_is_refused(core: CoreSite) -> None:
    core.playbook("remove_core", nf_names=["smf"])
    result = core.try_playbook("migrate_smf", target_host=core.nf_hosts[1])
    assert result.status != 0
    assert "smf runs on no host" in result.messages


@pytest.mark.exhaustive
def test_bridge_spans_the_hosts(core_site: CoreSite) -> None:
    core_site.playbook("remove_core")
    core_site.playbook("deploy_core", "--extra-vars", BRIDGE, nf_names=NFS)
    found = core_site.module(
        "nf_hosts", "organic.core5g.nf_state_info", nfs=core_site.variables["nf_bridge_addresses"], must_run=False
    )
    (smf,) = [nf["state"] for result in found.values() for nf in result["nfs"] if nf["name"] == "smf" and nf["state"]]
    assert smf["nrf_registered"]
    assert smf["pfcp"][0]["up"]
    assert smf["pfcp"][0]["peer"] == core_site.variables["nf_bridge_addresses"]["upf"]
    assert core_site.playbook("deploy_core", "--extra-vars", BRIDGE, nf_names=NFS).changed == 0
    core_site.playbook("remove_core")
    assert leftovers(core_site) == {}


def test_removal_leaves_nothing(core_site: CoreSite) -> None:
    core_site.playbook("deploy_core", nf_names=NFS)
    core_site.playbook("ran_start", ran_sessions=5, ran_rate=20)
    assert set(leftovers(core_site)) == {*core_site.nf_hosts[:2], core_site.ran_host}
    assert core_site.playbook("remove_core", "--check").changed > 0
    assert set(core_site.states()) == {"nrf", "smf", "upf"}
    core_site.playbook("remove_core")
    assert leftovers(core_site) == {}
    assert core_site.playbook("remove_core").changed == 0
