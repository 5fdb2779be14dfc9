"""A live SMF moves to the other host and back, under load, and loses nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import NFS, CoreSite

SESSIONS = 50


@pytest.fixture(scope="module")
def loaded(core: CoreSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreSite]:
    """The core with sessions, signalling and user traffic; at the end the clients must have seen no failure."""
    assert core.playbook("ran_start", ran_sessions=SESSIONS, ran_rate=50).changed == 1
    yield core
    summary_file = tmp_path_factory.mktemp("ran") / "ran.json"
    core.playbook("ran_stop", ran_summary=str(summary_file))
    summary = json.loads(summary_file.read_text())
    assert summary["requests"]["answered"] > 0
    assert (summary["requests"]["failed"], summary["requests"]["duplicated"]) == (0, 0), summary["requests"]
    assert summary["tcp_connections"]["kept"] == summary["tcp_connections"]["opened"] > 0
    assert summary["sessions"]["active"] == SESSIONS
    assert core.playbook("ran_stop", ran_summary=str(summary_file)).changed == 0


def other_host(core_site: CoreSite) -> str:
    here = core_site.states()["smf"]["host"]
    return next(host for host in core_site.nf_hosts if host != here)


@pytest.mark.exhaustive
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


@pytest.mark.parametrize("hop", ["there", "back"])
def test_smf_moves_with_all_it_holds(loaded: CoreSite, tmp_path: Path, hop: str) -> None:
    source, target = loaded.states()["smf"]["host"], other_host(loaded)
    before = loaded.starts()
    report_file = tmp_path / f"{hop}.json"
    loaded.playbook("migrate_smf", target_host=target, migration_report=str(report_file))
    report = json.loads(report_file.read_text())
    assert (report["nf"], report["source_host"], report["target_host"]) == ("smf", source, target)
    assert (report["status"], report["strategy"], report["method"]) == ("completed", "pre_copy", "resident")
    assert report["violations"] == []
    assert report["registration_alive"] is True
    assert report["sessions"]["after"] >= report["sessions"]["before"] >= SESSIONS
    assert report["pfcp"]["association_kept"] is True
    assert report["pfcp"]["recovery_time_stamp_before"] == report["pfcp"]["recovery_time_stamp_after"]
    assert 0 < report["process_downtime_ms"] < report["migration_time_ms"]
    assert loaded.states()["smf"]["host"] == target
    after = loaded.starts()
    assert (after["nrf"], after["upf"]) == (before["nrf"], before["upf"])


@pytest.mark.exhaustive
def test_deploying_after_a_migration_leaves_the_smf_where_it_is(loaded: CoreSite) -> None:
    target = other_host(loaded)
    loaded.playbook("migrate_smf", target_host=target)
    before = loaded.starts()
    assert loaded.playbook("deploy_core", nf_names=NFS).changed == 0
    assert loaded.starts() == before
    assert loaded.states()["smf"]["host"] == target


def test_nf_on_the_target_host_stays_as_it_is(loaded: CoreSite) -> None:
    before = loaded.starts()
    result = loaded.playbook("migrate_smf", target_host=loaded.states()["smf"]["host"])
    assert result.changed == 0
    assert "already: there is nothing to migrate" in result.messages
    assert loaded.starts() == before


@pytest.mark.parametrize(
    ("playbook", "variables", "reason"),
    [
        ("migrate_smf", {"target_host": "nowhere"}, "There is no host 'nowhere'"),
        pytest.param("migrate_smf", {}, "set target_host to one of", marks=pytest.mark.exhaustive),
        pytest.param(
            "migrate_nf",
            {"nf": "xyz", "target_host": "HERE"},
            "There is no profile of an NF 'xyz'",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            "migrate_smf",
            {"target_host": "OTHER", "migration_strategy": "teleport"},
            "teleport",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            "migrate_smf",
            {"target_host": "OTHER", "migration_options": {"compression": "gzip"}},
            "gzip",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            "migrate_nf",
            {"nf": "upf", "target_host": "HERE"},
            "upf is stateless (paper, section 4.1)",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_bad_input_is_refused(loaded: CoreSite, playbook: str, variables: dict[str, Any], reason: str) -> None:
    places = {"HERE": loaded.states()["smf"]["host"], "OTHER": other_host(loaded)}
    variables = {name: places.get(str(value), value) for name, value in variables.items()}
    before = loaded.starts()
    result = loaded.try_playbook(playbook, **variables)
    assert result.status != 0
    assert reason in result.messages
    assert loaded.starts() == before
