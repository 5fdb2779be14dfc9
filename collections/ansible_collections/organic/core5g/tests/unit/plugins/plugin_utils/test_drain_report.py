# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is reported of a drain, also where hosts died and migrations failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.plugin_utils.drain_arguments import containers_of
from ansible_collections.organic.core5g.plugins.plugin_utils.drain_report import Done, DrainReport, Record

GONE = {"unreachable": True, "msg": "timed out"}


def survey(*running: str, sessions: int = 1) -> dict[str, Any]:
    counted = {"least": sessions, "most": sessions, "by_peer": {}}
    nfs = [
        {"name": name, "address": "192.0.2.1", "error": None, "container": {"pid": 7},
         "state": {"nf_instance_id": name}, "sessions": counted, "counts": {}}
        for name in running
    ]  # fmt: skip
    return {"nfs": nfs, "resources": {"containers": []}}


def move(name: str, target: str = "edge-b") -> dict[str, Any]:
    return {"name": name, "target_host": target, "after": [], "options": {"strategy": "pre_copy"}}


def ended(name: str, status: str = "moved", reason: str = "", **more: Any) -> dict[str, Any]:
    migration = {
        "outcome": "completed",
        "strategy": "pre_copy",
        "process_downtime_ms": 41.2,
        "migration_time_ms": 1240.0,
    }
    return {"name": name, "target_host": "edge-b", "status": status, "reason": reason, "blockers": [],
            "migration": migration if status == "moved" else {}, "prediction": {}, **more}  # fmt: skip


def report(
    *results: dict[str, Any], moves: Any = ("nrf", "smf"), before: Any = None, after: Any = None, **more: Any
) -> DrainReport:
    plan = {"moves": {"edge-a": [move(name) for name in moves]}, "refused": {}, "already": [], "notes": {}}
    plan.update(more.pop("plan", {}))
    given = {
        "host": "edge-a",
        "direction": "away",
        "plan": plan,
        "batches": {"edge-a": {"migrations": list(results)}},
        "before": before or {"edge-a": survey("nrf", "smf"), "edge-b": survey()},
        "after": {"edge-a": survey(), "edge-b": survey("nrf", "smf")} if after is None else after,
        **more,
    }
    return DrainReport(Done(**given))


def test_a_drain_that_went_well() -> None:
    found = report(ended("nrf"), ended("smf"))
    assert found.is_complete
    assert found.failure() == ""
    assert found.as_dict()["where"] == {"nrf": "edge-b", "smf": "edge-b"}
    assert found.home == ["nrf", "smf"]
    assert found.lines() == [
        "edge-a: 2 of 2 containers left it",
        "  name  from          to            result        downtime     time",
        "  nrf   edge-a        edge-b        moved            41 ms    1.2 s",
        "  smf   edge-a        edge-b        moved            41 ms    1.2 s",
        "  now on edge-a: nothing",
        "  now on edge-b: nrf smf",
    ]
    assert json.loads(json.dumps(found.as_dict())) == found.as_dict()


def test_a_target_that_dies_ends_in_the_report() -> None:
    lost = ended("smf", "failed", "Host 'edge-b' cannot be reached: timed out", unreachable="edge-b")
    found = report(ended("nrf"), lost, after={"edge-a": survey("smf"), "edge-b": GONE})
    assert not found.is_complete
    assert found.as_dict()["where"] == {"nrf": "edge-b (cannot be reached)", "smf": "edge-a"}
    assert found.unreachable == {"edge-b": "timed out"}
    assert "1 of 2 containers did not leave edge-a. smf: Host 'edge-b' cannot be reached" in found.failure()
    assert "run this playbook again, which goes on" in found.failure()
    assert "    edge-b cannot be reached: timed out" in found.lines()
    assert all(len(line) <= 80 for line in found.lines())


def test_a_source_that_dies_ends_in_the_report() -> None:
    lost = [ended(name, "failed", "gone", unreachable="edge-a") for name in ("nrf", "smf")]
    found = report(*lost, after={"edge-a": GONE, "edge-b": survey()})
    assert found.as_dict()["where"] == dict.fromkeys(("nrf", "smf"), "edge-a (cannot be reached)")
    assert not found.is_complete


def test_one_in_doubt_is_on_neither_host_for_sure() -> None:
    doubt = ended("smf", "failed", "It is frozen.", migration={"outcome": "in_doubt"})
    found = report(ended("nrf"), doubt, after={"edge-a": survey(), "edge-b": GONE})
    assert found.as_dict()["where"]["smf"] == "edge-a (frozen, in doubt) or edge-b"


def test_a_task_that_failed_as_a_whole_is_the_reason_of_all() -> None:
    found = report(batches={"edge-a": {"failed": True, "msg": "parallel is 99"}}, after={})
    assert [one["reason"] for one in found.containers] == ["parallel is 99"] * 2


def test_what_was_refused_is_in_the_report() -> None:
    found = report(ended("nrf"), ended("smf"), plan={"refused": {"udr": "No room. Add a host"}})
    assert found.containers[-1]["status"] == "stays"
    assert "1 of 3 containers did not leave edge-a. udr: No room. Add a host." in found.failure()


def test_what_an_nf_lost_is_reported_once() -> None:
    after = {"edge-a": survey(), "edge-b": survey("nrf", "smf", sessions=0)}
    after["edge-b"]["nfs"][0]["state"] = {"nf_instance_id": "another"}
    found = report(ended("nrf"), ended("smf"), after=after)
    assert found.violations.count("nrf was restarted, it is another instance") == 1
    assert "smf had 1 sessions before and has 0 after" in found.violations
    assert not found.is_complete


def test_check_mode_reports_what_would_be_and_a_network_that_would_be_created_is_not_missing() -> None:
    missing = ended("smf", "refused", "no network", blockers=[{"code": "network_missing", "message": "", "remedy": ""}])
    found = report(ended("nrf", "would_move"), missing, after={}, dry_run=True)
    assert found.is_complete
    assert found.lines()[0] == "edge-a: 2 of 2 containers would leave it"
    assert found.home == []
    assert found.as_dict()["where"] == {"nrf": "edge-a", "smf": "edge-a"}


def test_the_core_says_what_to_do_with_sctp() -> None:
    blocker = {"code": "undumpable", "message": "amf has an SCTP socket", "remedy": "?"}
    found = report(ended("nrf"), ended("smf", "refused", "It has an SCTP socket.", blockers=[blocker]),
                   core={"sctp_remedy": "Deploy the front"})  # fmt: skip
    assert found.containers[1]["reason"] == "It has an SCTP socket. Deploy the front."


def test_what_came_back_is_forgotten() -> None:
    back = {"moves": {"edge-b": [move("nrf", "edge-a")]}, "already": ["udm"], "refused": {"udr": "It runs nowhere."}}
    found = report(batches={"edge-b": {"migrations": [{**ended("nrf"), "target_host": "edge-a"}]}}, plan=back,
                   direction="back", home=["nrf", "udm", "udr"])  # fmt: skip
    assert found.home == ["udr"]
    assert found.lines()[0] == "edge-a: 1 of 2 containers came back to it"


def test_nothing_to_do() -> None:
    assert report(moves=(), batches={}, after={}).lines()[0] == "edge-a: there is nothing to move"


def test_the_record_of_a_drain(tmp_path: Path) -> None:
    record = Record(tmp_path / "drain" / "edge-a.json", "edge-a")
    assert record.home() == []
    record.write({"host": "edge-a", "home": ["smf"]})
    assert record.home() == ["smf"]
    with pytest.raises(ValueError, match="is not the report of a drain of edge-b"):
        Record(record.path, "edge-b").home()
    record.path.write_text("[]")
    with pytest.raises(ValueError, match="Set drain_report to another file"):
        record.home()


def test_what_else_is_moved() -> None:
    assert containers_of("all") == "all"
    assert containers_of("etcd, cache") == ["etcd", "cache"]
    assert containers_of(["etcd"]) == ["etcd"]
    with pytest.raises(ValueError, match="not 5"):
        containers_of(5)


def test_a_migration_that_ran_has_its_begin() -> None:
    ran = ended("smf")
    ran["migration"]["statistics"] = {"started_at": 1796031478.5653}
    ran["migration"]["steps"] = [{"name": "prepare", "start_ms": 0.0, "duration_ms": 2500.0}]
    began = {one["name"]: one.get("started_at") for one in report(ended("nrf"), ran).containers}
    assert began == {"nrf": None, "smf": 1796031476.065}
