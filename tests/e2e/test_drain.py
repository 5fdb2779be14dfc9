# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host is emptied of its NFs under load, emptied again, and gets them back; a target that dies ends in the report."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.playbook import PlaybookResult, run
from tests.harness.wait import until

from .conftest import NFS, CoreSite

SESSIONS = 20
BACK_S = 60
"""Longer than the controller takes to find a host dead: 15 s for an open connection, and 10 s for a new one."""
TIMEOUT_S = 50
"""Of the migrations, in place of 120 s: what waits for its source on a host that was cut off ends that much later."""


@pytest.fixture(scope="module")
def together(core_site: CoreSite) -> Iterator[CoreSite]:
    """All NFs on the first host, with sessions and requests; at the end the clients must have seen no failure."""
    home = core_site.nf_hosts[0]
    core_site.playbook("remove_core")
    core_site.playbook("deploy_core", nf_names=NFS, nf_placement=dict.fromkeys(NFS, home))
    yield core_site
    core_site.playbook("remove_core")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "drain.json"


def test_a_host_is_emptied_and_gets_its_nfs_back_under_load(together: CoreSite, report: Path, tmp_path: Path) -> None:
    home, other = together.nf_hosts[:2]
    drain = {"host": home, "drain_report": str(report), "nf_names": NFS}
    together.playbook("ran_start", ran_sessions=SESSIONS, ran_rate=50)
    before = together.states()
    predicted = together.playbook("drain_host", "--check", **drain)
    assert predicted.changed == 1
    assert together.starts() == {nf: entry["container"]["started_at"] for nf, entry in before.items()}
    assert not report.exists()

    together.playbook("drain_host", **drain)
    found = json.loads(report.read_text())
    assert found["complete"]
    assert [one["name"] for one in found["containers"]] == ["nrf", "upf", "smf"]  # the SMF depends on both
    assert {one["status"] for one in found["containers"]} == {"moved"}
    assert found["where"] == dict.fromkeys(NFS, other)
    after = together.states()
    assert {nf: entry["host"] for nf, entry in after.items()} == dict.fromkeys(NFS, other)
    for nf in NFS:
        assert after[nf]["state"]["nf_instance_id"] == before[nf]["state"]["nf_instance_id"]

    assert together.playbook("drain_host", **drain).changed == 0
    together.playbook("undrain_host", **drain)
    assert {nf: entry["host"] for nf, entry in together.states().items()} == dict.fromkeys(NFS, home)
    assert json.loads(report.read_text())["home"] == []
    assert together.playbook("undrain_host", **drain).changed == 0

    summary_file = tmp_path / "ran.json"
    together.playbook("ran_stop", ran_summary=str(summary_file))
    summary = json.loads(summary_file.read_text())
    assert summary["requests"]["answered"] > 0
    assert (summary["requests"]["failed"], summary["requests"]["duplicated"]) == (0, 0), summary["requests"]
    assert summary["sessions"]["active"] == SESSIONS


@pytest.mark.exhaustive
@pytest.mark.parametrize("host", ["", "nowhere"])
def test_an_unknown_host_is_refused(together: CoreSite, report: Path, host: str) -> None:
    before = together.starts()
    result = together.try_playbook("drain_host", host=host, drain_report=str(report), nf_names=NFS)
    assert result.status != 0
    assert f"There is no host '{host}'. Set host to one of: {', '.join(together.nf_hosts)}" in result.messages
    assert together.starts() == before


@pytest.mark.exhaustive
def test_a_target_that_dies_ends_in_the_report_and_the_next_run_goes_on(together: CoreSite, report: Path) -> None:
    home, other = together.nf_hosts[:2]
    drain = {"host": home, "drain_report": str(report), "nf_names": NFS, "drain_parallel": 1}
    cut_off_when_it_runs(together, other, "nrf")
    first = together.try_playbook("drain_host", **drain, migration_options={"timeout_s": TIMEOUT_S})
    assert first.status != 0
    assert "Traceback" not in first.messages + first.errors
    found = json.loads(report.read_text())
    assert other in found["unreachable"]
    stay = [one for one in found["containers"] if one["status"] != "moved"]
    assert "smf" in [one["name"] for one in stay]
    assert all(one["reason"] for one in stay)
    assert found["where"]["smf"] == home

    until(lambda: answers(together, other), f"{other} is reachable again", BACK_S + 30)
    # what was prepared there when the link broke waits for its source until timeout_s, and ends by itself
    until(lambda: not awaits(together, other), f"nothing awaits a process on {other}", TIMEOUT_S + 60)
    together.playbook("drain_host", **drain)
    assert {nf: entry["host"] for nf, entry in together.states().items()} == dict.fromkeys(NFS, other)
    together.playbook("undrain_host", **drain)
    assert {nf: entry["host"] for nf, entry in together.states().items()} == dict.fromkeys(NFS, home)


def cut_off_when_it_runs(site: CoreSite, host: str, container: str) -> None:
    """Have a host lose its link as soon as a container runs there, and get it back after BACK_S."""
    script = (
        f"until docker ps --quiet --filter 'name=^{container}$' | grep -q .; do sleep 0.02; done; "
        f"ip link set {site.variables['nf_network_parent']} down; sleep {BACK_S}; "
        f"ip link set {site.variables['nf_network_parent']} up"
    )
    site.module(host, "ansible.builtin.shell", cmd=f"setsid sh -c {shlex.quote(script)} >/dev/null 2>&1 </dev/null &")


def awaits(site: CoreSite, host: str) -> bool:
    """Whether an agent of a migration is at work on a host."""
    found = site.module(host, "organic.live_migration.container_host_info", name="nrf")[host]
    return bool(found["migration_role"] == "target")


def answers(site: CoreSite, host: str) -> bool:
    done = run("ansible", site.inventory, host, "--module-name", "ansible.builtin.ping")
    return PlaybookResult.parse(done.returncode, done.stdout, done.stderr).status == 0
