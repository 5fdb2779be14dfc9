# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole core: deployed, left alone, its subscribers provided, each NF moved, and removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader

from tests.harness.playbook import PROJECT

from .conftest import CoreSite, leftovers

COLLECTION = PROJECT / "collections/ansible_collections/organic/core5g"
CORE: dict[str, Any] = DataLoader().load_from_file(str(COLLECTION / "cores/minicore.yml"))
NFS: dict[str, dict[str, Any]] = {nf["name"]: nf for nf in CORE["nfs"]}
MOVED = ["nrf", "udr", "udm", "ausf", "pcf", "nssf", "scp", "smf", "amf"]
SUBSCRIBERS: dict[str, Any] = {
    "subscriber_range": {"first": "imsi-001010000000001", "count": 20, "k": "0" * 32, "opc": "1" * 32}
}


@pytest.fixture(scope="module")
def whole(core_site: CoreSite) -> CoreSite:
    core_site.playbook("remove_core")
    core_site.playbook("deploy_core")
    return core_site


def test_every_nf_runs_and_is_registered(whole: CoreSite) -> None:
    states = whole.states()
    assert set(states) == set(NFS)
    registered = {each["nf_instance_id"] for each in states["nrf"]["state"]["registrations"]}
    for nf in set(NFS) - {"nrf", "front"}:
        assert states[nf]["state"]["nrf_registered"], nf
        assert states[nf]["state"]["nf_instance_id"] in registered, nf


def test_every_nf_reports_what_a_migration_must_keep(whole: CoreSite) -> None:
    for nf, entry in whole.states().items():
        for path in NFS[nf].get("kept", []):
            assert path in entry["counts"], f"{nf} does not report {path}"
        for path in NFS[nf].get("same_when_quiet", []):
            value: Any = entry["state"]
            for level in path.split("."):
                assert level in value, f"{nf} does not report {path}"
                value = value[level]


@pytest.mark.exhaustive
def test_deploying_again_changes_nothing(whole: CoreSite) -> None:
    before = whole.starts()
    assert whole.playbook("deploy_core").changed == 0
    assert whole.playbook("deploy_core", "--check", "--diff").changed == 0
    assert whole.starts() == before


def test_subscribers_are_provided_once(whole: CoreSite) -> None:
    assert whole.playbook("provision_subscribers", "--check", **SUBSCRIBERS).changed == 1
    assert whole.states()["udr"]["state"]["subscribers"] == 0
    done = whole.playbook("provision_subscribers", "--diff", **SUBSCRIBERS)
    assert done.changed == 1
    assert SUBSCRIBERS["subscriber_range"]["k"] not in json.dumps(done.data)
    assert whole.states()["udr"]["state"]["subscribers"] == 20
    assert whole.playbook("provision_subscribers", **SUBSCRIBERS).changed == 0


def test_a_playbook_for_each_nf_that_moves() -> None:
    found = {path.stem.removeprefix("migrate_") for path in (PROJECT / "playbooks").glob("migrate_*.yml")}
    assert found - {"nf", "container"} == set(MOVED)


@pytest.mark.parametrize("nf", [nf if nf == "amf" else pytest.param(nf, marks=pytest.mark.exhaustive) for nf in MOVED])
def test_nf_moves_and_keeps_its_state(whole: CoreSite, tmp_path: Path, nf: str) -> None:
    before = whole.states()
    target = next(host for host in whole.nf_hosts if host != before[nf]["host"])
    report_file = tmp_path / "report.json"
    whole.playbook(f"migrate_{nf}", target_host=target, quiet=True, migration_report=str(report_file))
    report = json.loads(report_file.read_text())
    assert (report["status"], report["violations"], report["target_host"]) == ("completed", [], target)
    assert report["registration_alive"] is True
    assert all(all(same.values()) for same in report["unchanged"].values())
    after = whole.states()
    assert after[nf]["host"] == target
    assert after[nf]["state"]["nf_instance_id"] == before[nf]["state"]["nf_instance_id"]


@pytest.mark.exhaustive
def test_stateless_front_is_redeployed(whole: CoreSite) -> None:
    here = whole.states()["front"]["host"]
    other = next(host for host in whole.nf_hosts if host != here)
    refused = whole.try_playbook("migrate_nf", nf="front", target_host=other)
    assert refused.status != 0
    assert "front is stateless: redeploy it by playbooks/remove_nf.yml -e nf=front" in refused.messages
    whole.playbook("remove_nf", nf="front")
    assert "front" not in whole.states()
    whole.playbook("deploy_nf", nf="front", host=other)
    assert whole.states()["front"]["host"] == other


@pytest.mark.parametrize(
    ("playbook", "variables", "reason"),
    [
        ("deploy_nf", {"nf": "udr", "host": "nowhere"}, "not in the play: nowhere. Name one of: edge-a"),
        pytest.param("deploy_nf", {"nf": "xyz"}, "The core minicore has no NF xyz", marks=pytest.mark.exhaustive),
        pytest.param("deploy_core", {"nf_core": "open5gs"}, "add it to nf_addresses", marks=pytest.mark.exhaustive),
        pytest.param(
            "deploy_core",
            {"nf_core": "open5gs", "nf_names": ["nrf"]},
            "Set nf_mongodb_uri, of the MongoDB",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            "deploy_core",
            {"nf_core": "free5gc", "nf_names": ["nrf", "udr"], "nf_mongodb_uri": "mongodb://192.0.2.50"},
            "The image free5gc/udr:v4.2.3 is not on this host",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            "provision_subscribers",
            {"subscriber_range": None, "subscribers": [{"supi": "imsi-00101", "k": "secret-of-mine"}]},
            "'k' of imsi-00101 has not 32 hexadecimal digits",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_bad_input_is_refused(whole: CoreSite, playbook: str, variables: dict[str, Any], reason: str) -> None:
    before = whole.starts()
    result = whole.try_playbook(playbook, **variables)
    assert result.status != 0
    assert reason in result.messages
    assert "secret-of-mine" not in result.messages
    assert whole.starts() == before


@pytest.mark.exhaustive
def test_two_nfs_with_one_address_are_refused(whole: CoreSite) -> None:
    addresses = whole.variables["nf_addresses"]
    before = whole.starts()
    result = whole.try_playbook("deploy_core", nf_addresses={**addresses, "udm": addresses["udr"]})
    assert result.status != 0
    assert f"udm and udr have the same address {addresses['udr']}" in result.messages
    assert whole.starts() == before


@pytest.mark.exhaustive
def test_removal_leaves_nothing(whole: CoreSite) -> None:
    whole.playbook("remove_core")
    assert leftovers(whole) == {}
