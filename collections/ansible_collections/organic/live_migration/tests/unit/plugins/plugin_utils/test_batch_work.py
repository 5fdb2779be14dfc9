# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of a batch are refused before anything is touched; a migration's result becomes that of its batch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Pending
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Event, Snapshot
from ansible_collections.organic.live_migration.plugins.plugin_utils import batch_work
from ansible_collections.organic.live_migration.plugins.plugin_utils.batch import Ended, Move
from ansible_collections.organic.live_migration.plugins.plugin_utils.batch_work import BatchWork
from ansible_collections.organic.live_migration.tests.unit.plugins.plugin_utils import fake_hosts

ACTION = SimpleNamespace(_task=SimpleNamespace(delegate_to=None))
VARIABLES = {"inventory_hostname": "edge-a", "hostvars": {"edge-a": {}, "edge-b": {}}}
MOVE = Move("smf", "edge-b")


def work_of(*moves: dict[str, Any], parallel: int = 4, **options: Any) -> BatchWork:
    given = [{"target_host": "edge-b", "after": [], "options": {}, **move} for move in moves]
    return BatchWork(ACTION, VARIABLES, {"moves": given, "parallel": parallel, "options": options})


@pytest.mark.parametrize(
    ("moves", "parallel", "options", "reason"),
    [
        ([{"name": "smf", "target_host": "edge-z"}], 4, {}, "smf: The target host 'edge-z' is not in the inventory"),
        ([{"name": "smf", "target_host": "edge-a"}], 4, {}, "smf: Source and target are the same host"),
        ([{"name": "smf", "options": {"strateggy": "auto"}}], 4, {}, "strateggy"),
        ([{"name": "smf"}], 4, {"strategy": "none"}, "smf: value of strategy must be one of"),
        ([{"name": "smf"}], 4, {"max_rounds": 0}, "smf: max_rounds is 0"),
        ([{"name": "smf"}], 17, {}, "parallel is 17"),
        ([{"name": "smf"}, {"name": "smf"}], 4, {}, "Container smf is named twice"),
    ],
)
def test_wrong_arguments_are_refused(
    moves: list[dict[str, Any]], parallel: int, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(AnsibleActionFail, match=r"^Nothing was touched\.") as refused:
        work_of(*moves, parallel=parallel, **options)
    assert reason in str(refused.value)


def test_options_of_one_container_count_more_than_those_of_all() -> None:
    work = work_of({"name": "smf", "options": {"strategy": "pre_copy"}}, {"name": "nrf"}, strategy="hybrid", parallel=3)
    found = {name: (options["strategy"], options["max_parallel"]) for name, options in work._options.items()}
    assert found == {"smf": ("pre_copy", 3), "nrf": ("hybrid", 3)}


def ended(monkeypatch: pytest.MonkeyPatch, check_mode: bool = False, **answers: Any) -> Ended:
    monkeypatch.setattr(batch_work, "Hosts", lambda *_arguments: fake_hosts.Hosts(**answers))
    work = work_of({"name": "smf"})
    return work.predict(MOVE) if check_mode else work.migrate(MOVE)


def test_how_a_migration_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    done = ended(monkeypatch, start=fake_hosts.COMPLETED)
    assert (done.status, done.reason, done.migration["outcome"]) == ("moved", "", "completed")
    failed = ended(monkeypatch, start=fake_hosts.ROLLED_BACK)
    assert (failed.status, failed.migration["outcome"]) == ("failed", "rolled_back")
    assert "The container runs on edge-a as before." in failed.reason
    refused = ended(monkeypatch, prepare=fake_hosts.PrepareAnswer([fake_hosts.BLOCKER]))
    assert (refused.status, refused.blockers[0]["code"]) == ("refused", "terminal")
    broken = ended(monkeypatch, preflight=AnsibleConnectionFailure("timed out"))
    assert (broken.status, broken.reason) == ("failed", "Host 'edge-a' cannot be reached: timed out")


def test_events_of_many_migrations_are_not_followed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Pending(Snapshot("0" * 16, state="active", events=[Event("setup", 1.0), Event("active", 2.0)]))
    hosts = fake_hosts.Hosts(start=running, poll=[running, fake_hosts.COMPLETED])
    monkeypatch.setattr(batch_work, "Hosts", lambda *_arguments: hosts)
    assert work_of({"name": "smf"}).migrate(MOVE).status == "moved"
    assert [given.events_seen for given in hosts.parameters if given.phase == "poll"] == [-1, -1]


def test_what_would_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ended(monkeypatch, check_mode=True)
    assert (found.status, found.prediction["target_host"]) == ("would_move", "edge-b")
    refused = ended(monkeypatch, check_mode=True, prepare=fake_hosts.PrepareAnswer([fake_hosts.BLOCKER]))
    assert (refused.status, refused.prediction["memory_bytes"]) == ("refused", 1)
