# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core as services of a real Docker Swarm on the hosts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.nfs_inventory import beside, hosts_of_nfs, play_where_the_smf_is
from tests.harness.wait import until

from .conftest import NFS, CoreSite, leftovers
from .swarm_site import SwarmSite


@pytest.fixture(scope="module")
def swarm(core_site: CoreSite) -> Iterator[SwarmSite]:
    core_site.playbook("remove_core")
    made = SwarmSite(core_site)
    made.playbook("swarm")
    made.playbook("deploy_core", nf_names=NFS)
    yield made
    made.playbook("remove_core")
    made.playbook("swarm", state="absent")


def files_of(swarm: SwarmSite, nf: str, *paths: str) -> str:
    """What files of an NF's container hold, one after the other."""
    entry = swarm.site.states()[nf]
    root = f"/proc/{entry['container']['pid']}/root"
    return swarm.site.command(entry["host"], f"cat {' '.join(root + path for path in paths)}")


def mac_of(address: str) -> str:
    return "02:42:" + ":".join(f"{int(part):02x}" for part in address.split("."))


def test_every_nf_is_a_service_with_its_own_addresses(swarm: SwarmSite) -> None:
    addresses = swarm.site.variables["nf_addresses"]
    states = swarm.site.states()
    assert {nf: entry["container"]["service"] for nf, entry in states.items()} == {nf: nf for nf in NFS}
    for nf in NFS:
        mac, found, gateways = swarm.interface(nf)
        assert (mac, found, len(gateways)) == (mac_of(addresses[nf]), [addresses[nf]], 1)
    assert states["smf"]["state"]["pfcp"][0]["up"]
    assert (states["smf"]["host"], states["upf"]["host"]) == (swarm.manager, swarm.worker)


@pytest.mark.exhaustive
def test_the_inventory_plugin_finds_the_tasks_of_the_services(swarm: SwarmSite, tmp_path: Path) -> None:
    inventory = beside(swarm.site.inventory, tmp_path)
    found = hosts_of_nfs(inventory, swarm.site.nf_hosts)
    assert found == {nf: [entry["host"]] for nf, entry in swarm.states().items()}
    assert play_where_the_smf_is(inventory, tmp_path) == [swarm.manager]


@pytest.mark.exhaustive
def test_deploying_again_changes_nothing(swarm: SwarmSite) -> None:
    before = swarm.site.starts()
    assert swarm.playbook("swarm").changed == 0
    assert swarm.playbook("deploy_core", nf_names=NFS).changed == 0
    assert swarm.playbook("deploy_core", "--check", "--diff", nf_names=NFS).changed == 0
    assert swarm.site.starts() == before


@pytest.mark.exhaustive
def test_only_the_nf_that_needs_it_may_configure_networks(swarm: SwarmSite) -> None:
    for nf, may in (("smf", False), ("upf", True)):
        entry = swarm.site.states()[nf]
        pid, host = entry["container"]["pid"], entry["host"]
        child = swarm.site.command(host, f"cat /proc/{pid}/task/{pid}/children").split()[0]
        [bounding] = [
            line.split()[1]
            for line in swarm.site.command(host, f"cat /proc/{child}/status").splitlines()
            if line.startswith("CapBnd")
        ]
        assert bool(int(bounding, 16) & 1 << 12) is may, nf


@pytest.mark.exhaustive
def test_an_nf_that_is_killed_starts_again_with_the_same_addresses(swarm: SwarmSite) -> None:
    before = swarm.site.states()["smf"]
    interface = swarm.interface("smf")
    swarm.kill("smf")

    def runs_again() -> bool:
        entry = swarm.site.states().get("smf")
        return entry is not None and entry["container"]["id"] != before["container"]["id"]

    until(runs_again, "the SMF has a new container", timeout_s=60)
    swarm.playbook("deploy_core", nf_names=NFS)  # awaits registration and association
    assert swarm.interface("smf") == interface
    assert swarm.site.states()["smf"]["host"] == before["host"]


SECRET: dict[str, Any] = {"content": "sixteen bytes...", "nfs": ["smf"], "mode": "0400"}
OBJECTS: dict[str, Any] = {
    "nf_secrets": {"key": SECRET},
    "nf_configs": {"motd": {"content": "hello", "nfs": ["smf"], "path": "/etc/motd"}},
    "nf_update": {"delay": "1s", "order": "stop-first"},
    "nf_rollback": {"parallelism": 2},
}


@pytest.mark.exhaustive
def test_secrets_configs_and_update_settings(swarm: SwarmSite) -> None:
    """An NF has them as files, and also after a move; what is not wanted any more goes."""
    planned = swarm.playbook("deploy_core", "--check", "--diff", nf_names=NFS, **OBJECTS)
    assert planned.changed > 0
    assert SECRET["content"] not in json.dumps(planned.data)
    assert "core5g-key" not in swarm.site.command(swarm.manager, "docker secret ls")
    swarm.playbook("deploy_core", nf_names=NFS, **OBJECTS)
    assert swarm.playbook("deploy_core", nf_names=NFS, **OBJECTS).changed == 0
    assert swarm.playbook("deploy_core", "--check", nf_names=NFS, **OBJECTS).changed == 0
    [service] = json.loads(swarm.site.command(swarm.manager, "docker service inspect smf"))
    update = service["Spec"]["UpdateConfig"]
    assert (update["Delay"], update["Order"], update["FailureAction"]) == (10**9, "stop-first", "pause")
    assert service["Spec"]["RollbackConfig"]["Parallelism"] == 2

    assert files_of(swarm, "smf", "/run/secrets/key", "/etc/motd") == f"{SECRET['content']}hello"
    swarm.playbook("migrate_nf", nf="smf", target_host=swarm.worker)
    assert swarm.site.states()["smf"]["host"] == swarm.worker
    assert files_of(swarm, "smf", "/run/secrets/key", "/etc/motd") == f"{SECRET['content']}hello"
    changed = {**OBJECTS, "nf_secrets": {"key": {**SECRET, "content": "another"}}, "nf_configs": {}}
    swarm.playbook("deploy_core", nf_names=NFS, **changed)
    assert files_of(swarm, "smf", "/run/secrets/key") == "another"
    swarm.playbook("migrate_nf", nf="smf", target_host=swarm.manager)
    # The old task ends before the new one starts: two cannot have the SMF's address.
    swarm.playbook("deploy_core", nf_names=NFS)
    assert swarm.site.states()["smf"]["host"] == swarm.manager
    assert "Failed" not in swarm.site.command(swarm.manager, "docker service ps smf")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"nf_secrets": {"key": {"content": "x", "nfs": ["xyz"]}}}, "nf_secrets.key.nfs names xyz: name some of"),
        ({"nf_endpoint_mode": "vip"}, "nf_endpoint_mode is vip, but no NF is on an overlay"),
        ({"nf_network_driver": "ipvlan_l2"}, "Docker Swarm runs no NFs on the network driver ipvlan_l2"),
        ({"nf_image": "organic/none:1"}, "The image organic/none:1 is not on this host"),
        ({"orchestrator": "none"}, "nrf, smf, upf run already, but as services of a Docker Swarm"),
    ],
)
def test_bad_input_is_refused(swarm: SwarmSite, variables: dict[str, Any], reason: str) -> None:
    before = swarm.site.starts()
    result = swarm.try_playbook("deploy_core", **{"nf_names": NFS, **variables})
    assert result.status != 0
    assert reason in result.messages
    assert swarm.site.starts() == before


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("availability", "reason"), [("pause", "is paused and starts no scp"), ("drain", "is drained and starts no scp")]
)
def test_a_node_that_takes_no_tasks_is_refused(swarm: SwarmSite, availability: str, reason: str) -> None:
    for playbook in ("remove_nf", "deploy_nf"):
        swarm.playbook(playbook, nf="upf", host=swarm.manager)
    swarm.site.command(swarm.manager, f"docker node update --availability {availability} {swarm.worker}")
    try:
        result = swarm.try_playbook("deploy_nf", nf="scp", host=swarm.worker)
    finally:
        swarm.site.command(swarm.manager, f"docker node update --availability active {swarm.worker}")
    assert result.status != 0
    assert reason in result.messages
    assert "docker node update --availability active" in result.messages
    assert "scp" not in swarm.site.command(swarm.manager, "docker service ls")


@pytest.mark.exhaustive
def test_the_swarm_is_not_left_while_nfs_run(swarm: SwarmSite) -> None:
    result = swarm.try_playbook("swarm", state="absent")
    assert result.status != 0
    assert "run playbooks/remove_core.yml first" in result.messages
    assert set(swarm.site.states()) == set(NFS)


def test_removal_leaves_nothing(swarm: SwarmSite) -> None:
    assert swarm.playbook("remove_core", "--check").changed > 0
    assert set(swarm.site.states()) == set(NFS)
    swarm.playbook("remove_core")
    assert leftovers(swarm.site) == {}
    assert swarm.playbook("remove_core").changed == 0
    for kind in ("network", "secret", "config"):
        assert "core5g" not in swarm.site.command(swarm.manager, f"docker {kind} ls")
    swarm.playbook("swarm", state="absent")
    assert swarm.playbook("swarm", state="absent").changed == 0
    refused = swarm.try_playbook("deploy_core", nf_names=NFS)
    assert refused.status != 0
    assert "is in no Docker Swarm: run playbooks/swarm.yml" in refused.messages
