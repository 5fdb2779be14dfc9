"""A live SMF moves to the other host and back, under load, and loses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import CoreSite

SESSIONS = 50


@pytest.fixture(scope="module")
def loaded(core: CoreSite) -> CoreSite:
    """The core with sessions, signalling and user traffic."""
    assert core.playbook("ran_start", ran_sessions=SESSIONS, ran_rate=50).changed == 1
    return core


def other_host(core_site: CoreSite) -> str:
    here = core_site.states()["smf"]["host"]
    return next(host for host in core_site.nf_hosts if host != here)


def test_ran_is_started_once(loaded: CoreSite) -> None:
    assert loaded.playbook("ran_start", ran_sessions=SESSIONS, ran_rate=50).changed == 0
    result = loaded.try_playbook("ran_start", ran_sessions=SESSIONS + 1, ran_rate=50)
    assert result.status != 0
    assert "other settings" in result.messages
    assert loaded.states()["smf"]["state"]["sessions"] >= SESSIONS


def test_check_mode_predicts_and_touches_nothing(loaded: CoreSite) -> None:
    before = loaded.starts()
    result = loaded.playbook("migrate_smf", "--check", target_host=other_host(loaded))
    prediction = next(
        result["prediction"]
        for task in result.data["plays"][-1]["tasks"]
        for result in task["hosts"].values()
        if "prediction" in result
    )
    assert prediction["predicted_downtime_ms"] > 0
    assert loaded.starts() == before


@pytest.mark.parametrize("way", ["there", "back"])
def test_smf_moves_with_all_it_holds(loaded: CoreSite, tmp_path: Path, way: str) -> None:
    source, target = loaded.states()["smf"]["host"], other_host(loaded)
    before = loaded.starts()
    report_file = tmp_path / f"{way}.json"
    loaded.playbook("migrate_smf", target_host=target, migration_report=str(report_file))
    report = json.loads(report_file.read_text())
    assert (report["nf"], report["source_host"], report["target_host"]) == ("smf", source, target)
    assert (report["status"], report["strategy"], report["method"]) == ("completed", "pre_copy", "resident")
    assert report["faults"] == []
    assert report["registration_alive"] is True
    assert report["sessions"]["after"] >= report["sessions"]["before"] >= SESSIONS
    assert report["pfcp"]["association_kept"] is True
    assert report["pfcp"]["recovery_time_stamp_before"] == report["pfcp"]["recovery_time_stamp_after"]
    assert 0 < report["process_downtime_ms"] < report["migration_time_ms"]
    assert loaded.states()["smf"]["host"] == target
    after = loaded.starts()
    assert (after["nrf"], after["upf"]) == (before["nrf"], before["upf"])


def test_deploying_after_a_migration_leaves_the_smf_where_it_is(loaded: CoreSite) -> None:
    target = other_host(loaded)
    loaded.playbook("migrate_smf", target_host=target)
    before = loaded.starts()
    assert loaded.playbook("deploy_core").changed == 0
    assert loaded.starts() == before
    assert loaded.states()["smf"]["host"] == target


@pytest.mark.parametrize(
    ("playbook", "variables", "reason"),
    [
        ("migrate_smf", {"target_host": "nowhere"}, "There is no host 'nowhere'"),
        ("migrate_smf", {}, "set target_host to one of"),
        ("migrate_nf", {"nf": "xyz", "target_host": "HERE"}, "There is no profile of an NF 'xyz'"),
        ("migrate_smf", {"target_host": "HERE"}, "already"),
        ("migrate_smf", {"target_host": "OTHER", "strategy": "teleport"}, "teleport"),
        ("migrate_nf", {"nf": "upf", "target_host": "HERE"}, "upf is stateless (paper, section 4.1)"),
    ],
)
def test_bad_input_is_refused(loaded: CoreSite, playbook: str, variables: dict[str, Any], reason: str) -> None:
    places = {"HERE": loaded.states()["smf"]["host"], "OTHER": other_host(loaded)}
    before = loaded.starts()
    result = loaded.try_playbook(playbook, **{name: places.get(value, value) for name, value in variables.items()})
    assert result.status != 0
    assert reason in result.messages
    assert loaded.starts() == before


def test_clients_saw_no_failure(loaded: CoreSite, tmp_path: Path) -> None:
    """The last test of this file: it ends the load that all the others ran under."""
    summary_file = tmp_path / "ran.json"
    loaded.playbook("ran_stop", ran_summary=str(summary_file))
    summary = json.loads(summary_file.read_text())
    assert summary["requests"]["answered"] > 0
    assert (summary["requests"]["failed"], summary["requests"]["duplicated"]) == (0, 0), summary["requests"]
    assert summary["tcp_connections"]["kept"] == summary["tcp_connections"]["opened"] > 0
    assert summary["sessions"]["active"] == SESSIONS
    assert loaded.playbook("ran_stop", ran_summary=str(summary_file)).changed == 0


def test_nf_that_does_not_run_is_refused(core: CoreSite) -> None:
    core.playbook("remove_core", nf_names=["smf"])
    result = core.try_playbook("migrate_smf", target_host=core.nf_hosts[1])
    assert result.status != 0
    assert "smf runs on no host" in result.messages
