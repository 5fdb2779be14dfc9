# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller asks of the two hosts, whatever they answer. Fakes here; tests/faults has real hosts."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import NetworkAttachment
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    Done,
    PrepareAnswer,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import (
    Notice,
    Outcome,
    Pending,
    Verdict,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Event, Snapshot
from ansible_collections.organic.live_migration.plugins.plugin_utils.arguments import MIGRATE_ARGUMENTS
from ansible_collections.organic.live_migration.tests.unit.plugins.plugin_utils.fake_hosts import (
    BLOCKER,
    COMPLETED,
    ENTRY,
    FOUND,
    IN_DOUBT,
    PREPARED,
    ROLLED_BACK,
    SPEC,
    UNREACHABLE,
    Hosts,
    migrate,
)


def test_after_a_failure_the_target_removes_what_it_prepared() -> None:
    hosts = Hosts(start=ROLLED_BACK)
    result = migrate(hosts)
    assert result["failed"]
    assert result["msg"] == "The connection to the other host broke. The container runs on edge-a as before."
    assert (result["migration"]["outcome"], result["migration"]["status"]) == ("rolled_back", "failed")
    assert "exception" not in result
    assert hosts.asked[-1] == ("target", "discard_target")


def test_a_target_that_cannot_remove_it_does_not_hide_the_reason() -> None:
    result = migrate(Hosts(start=ROLLED_BACK, discard_target=UNREACHABLE))
    assert result["failed"]
    assert result["msg"].startswith("The connection to the other host broke. What was prepared on edge-b could not be ")
    assert "timed out. It ends by itself after 120 s." in result["msg"]


def test_the_traceback_of_an_internal_error_reaches_ansible() -> None:
    assert migrate(Hosts(start=replace(ROLLED_BACK, traceback="Traceback ...")))["exception"] == "Traceback ..."


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("running", "the process runs there."),
        ("exited", "the process ran there and has exited since; 'smf' is stopped there."),
        ("never_ran", "the process never ran there; 'smf' runs on edge-a again."),
    ],
)
def test_the_target_resolves_a_break_at_the_commit(outcome: str, words: str) -> None:
    hosts = Hosts(start=IN_DOUBT, query_outcome=outcome)
    result = migrate(hosts)
    assert result["failed"]
    assert result["msg"] == f"The connection to the other host broke. edge-b reports that {words}"
    assert result["migration"]["outcome"] == "in_doubt"
    assert hosts.asked[-2:] == [("target", "query_outcome"), ("source", "resolve")]


def test_a_process_that_ran_without_its_memory_and_exited_is_not_said_to_run() -> None:
    message = migrate(Hosts(start=IN_DOUBT, query_outcome="never_ran", resolve="lost"))["msg"]
    assert "Its state is lost; redeploy 'smf'." in message
    assert "runs" not in message


@pytest.mark.parametrize("verdict", [Verdict.STATE_LOST, Verdict.PROCESS_EXITED])
def test_a_process_that_runs_nowhere_is_not_said_to_run(verdict: Verdict) -> None:
    hosts = Hosts(start=Outcome(verdict, "It is gone"))
    result = migrate(hosts)
    assert result["failed"]
    assert result["msg"] == "It is gone."
    assert result["migration"]["outcome"] == verdict.value
    assert (("target", "discard_target") in hosts.asked) is (verdict is Verdict.PROCESS_EXITED)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"notices": [Notice.EXITED_ON_TARGET]}, "'smf' exited on edge-b"),
        ({"notices": [Notice.MADVISE_CHANGED]}, "'smf' changed flags"),
        ({"lost_packets": 7}, "7 packets that came for 'smf' while it was moved did not reach it"),
    ],
)
def test_what_a_completed_migration_is_warned_of(found: dict[str, Any], words: str) -> None:
    result = migrate(Hosts(start=replace(COMPLETED, **found)))
    assert result["migration"]["lost_packets"] == found.get("lost_packets", 0)
    assert result["changed"]
    [warning] = result["warnings"]
    assert words in warning
    assert migrate(Hosts(start=COMPLETED))["warnings"] == []


def test_a_target_that_cannot_be_asked_leaves_the_source_frozen() -> None:
    hosts = Hosts(start=IN_DOUBT, query_outcome=UNREACHABLE)
    result = migrate(hosts)
    assert result["failed"]
    assert "on edge-a it stays frozen (in doubt) until edge-b can be reached. Run the migration again" in result["msg"]
    assert ("source", "resolve") not in hosts.asked
    assert ("target", "discard_target") not in hosts.asked


def test_the_next_run_resolves_first() -> None:
    hosts = Hosts(preflight=[replace(FOUND, in_doubt=[ENTRY]), FOUND], query_outcome="running", start=ROLLED_BACK)
    migrate(hosts)
    assert [phase for _side, phase in hosts.asked[:4]] == ["preflight", "query_outcome", "resolve", "preflight"]


def test_only_the_host_that_knows_is_asked() -> None:
    """Any other would answer that it has no such process, and a second copy would come to life."""
    hosts = Hosts(preflight=replace(FOUND, in_doubt=[replace(ENTRY, target_host="edge-c")]))
    with pytest.raises(AnsibleActionFail, match=r"frozen on edge-a; its migration to edge-c.*Use target_host edge-c"):
        migrate(hosts)
    assert hosts.asked == [("source", "preflight")]


def test_blockers_on_either_host_end_it_before_anything_is_touched() -> None:
    for hosts in (Hosts(preflight=replace(FOUND, blockers=[BLOCKER])), Hosts(prepare=PrepareAnswer([BLOCKER]))):
        result = migrate(hosts)
        assert result["failed"]
        assert result["msg"] == "Not migrated, nothing was touched: It has a terminal. Start it without -t."
        assert result["blockers"] == [BLOCKER.as_dict()]
        assert ("source", "start") not in hosts.asked


def test_after_a_refusal_of_the_target_nothing_goes_on_on_the_source() -> None:
    hosts = Hosts(prepare=PrepareAnswer([BLOCKER]))
    migrate(hosts)
    assert hosts.asked[-1] == ("source", "abort_queued")


@pytest.mark.parametrize("aborted", [Done(), UNREACHABLE])
@pytest.mark.parametrize("failure", [AnsibleActionFail, AnsibleConnectionFailure])
def test_a_target_that_cannot_be_prepared_is_reported_and_nothing_goes_on_on_the_source(
    failure: type[AnsibleError], aborted: Any
) -> None:
    hosts = Hosts(prepare=failure("Host 'edge-b' cannot be reached: no route"), abort_queued=aborted)
    with pytest.raises(failure, match="no route"):
        migrate(hosts)
    assert hosts.asked[-1] == ("source", "abort_queued")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timeout_s": 0}, "timeout_s must be at least 1"),
        ({"timeout_s": 10**9}, "at most 86400"),
        ({"max_bandwidth": -1}, "max_bandwidth is -1; it must be a number from 0"),
        ({"connections": 1000}, "connections is 1000; it must be a number from 1 to 16"),
        ({"method": "engine", "strategy": "pre_copy"}, "Method 'engine' knows no strategy but inter_copy"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(arguments: dict[str, Any], message: str) -> None:
    hosts = Hosts()
    with pytest.raises(AnsibleActionFail, match=message):
        migrate(hosts, **arguments)
    assert hosts.asked == []


def test_every_option_of_the_agents_can_be_chosen() -> None:
    options = asdict(Options())
    assert {name: MIGRATE_ARGUMENTS[name]["default"] for name in options} == options


def test_both_ends_get_the_options_and_the_same_id() -> None:
    hosts = Hosts(start=ROLLED_BACK)
    migrate(hosts, connections=4)
    plans = {given.phase: given.plan for given in hosts.parameters if given.plan is not None}
    assert set(plans) == {"preflight", "prepare", "start"}
    assert len({plan.migration_id for plan in plans.values()}) == 1
    assert all(plan.options.connections == 4 for plan in plans.values())
    assert {phase: plan.peer for phase, plan in plans.items()} == {
        "preflight": "edge-b", "prepare": "edge-a", "start": "edge-b"
    }  # fmt: skip


def progress(*states: str, queued: bool = False) -> Pending:
    return Pending(Snapshot("0" * 16, state=states[-1], queued=queued, events=[Event(state, 1.0) for state in states]))


def test_a_long_migration_is_polled_until_it_ends() -> None:
    found = [progress("setup", "active"), progress("setup", "active", "switchover"), ROLLED_BACK]
    hosts = Hosts(start=progress("setup"), poll=found)
    assert migrate(hosts)["failed"]
    assert [snapshot.state for snapshot in hosts.announced] == ["setup", "active", "switchover"]
    assert [given.events_seen for given in hosts.parameters if given.phase == "poll"] == [1, 2, 3]
    assert hosts.asked[-1] == ("target", "discard_target")


def test_a_short_one_costs_no_further_task() -> None:
    hosts = Hosts(start=replace(COMPLETED, statistics=Snapshot("0" * 16, state="completed")))
    result = migrate(hosts)
    assert result["changed"]
    assert result["migration"]["statistics"]["state"] == "completed"
    assert (result["migration"]["outcome"], result["migration"]["status"]) == ("completed", "completed")
    assert [phase for _side, phase in hosts.asked] == ["preflight", "prepare", "start"]


def test_a_migration_shows_what_it_changed_on_both_hosts() -> None:
    spec = replace(SPEC, networks=(NetworkAttachment("core", "192.0.2.34", "02:42:c0:00:02:22"),))
    hosts = Hosts(
        preflight=replace(FOUND, source=spec), prepare=PrepareAnswer(port=7, present="exited"), start=COMPLETED
    )
    diff = migrate(hosts)["diff"]
    assert diff["before"].startswith("edge-a: container smf running, restart policy no\n")
    assert diff["before"].endswith("edge-b: container smf exited\n")
    assert "edge-b:   network core: 192.0.2.34 02:42:c0:00:02:22\n" in diff["after"]


def test_it_queues_on_the_source_before_the_target_is_prepared() -> None:
    hosts = Hosts(
        preflight=replace(FOUND, queued=True),
        poll=[progress("setup", queued=True), progress("setup")],
        start=ROLLED_BACK,
    )
    migrate(hosts)
    assert [phase for _side, phase in hosts.asked][:4] == ["preflight", "poll", "poll", "prepare"]
    assert [snapshot.queued for snapshot in hosts.announced] == [True, False]


def test_it_queues_for_the_target_with_a_sign_of_life_to_the_source() -> None:
    full = PrepareAnswer(queued=True)
    hosts = Hosts(prepare=[full, full, PREPARED], poll=progress("setup"), start=ROLLED_BACK)
    migrate(hosts)
    asked = [phase for _side, phase in hosts.asked]
    assert asked[:7] == ["preflight", "prepare", "poll", "prepare", "poll", "prepare", "start"]
    assert [snapshot.queued for snapshot in hosts.announced] == [True, True]


def test_it_asks_the_hosts_less_and_less_often_while_it_queues() -> None:
    """Each poll is a module that the host runs: 10 that queue and ask every second starve it."""
    hosts = Hosts(prepare=[PrepareAnswer(queued=True)] * 6 + [PREPARED], poll=progress("setup"), start=ROLLED_BACK)
    migrate(hosts)
    assert [given.wait_s for given in hosts.parameters if given.phase == "poll"] == [1, 2, 4, 8, 10, 10]
    assert all(given.patience_s >= 45 for given in hosts.parameters)


def test_one_that_ends_while_it_queues_for_the_target_fails() -> None:
    hosts = Hosts(prepare=PrepareAnswer(queued=True), poll=ROLLED_BACK)
    with pytest.raises(AnsibleActionFail, match=r"broke\. The container runs on edge-a as before\."):
        migrate(hosts)


def test_it_can_be_cancelled_while_it_queues() -> None:
    cancelled = Outcome(Verdict.CANCELLED, "The migration was cancelled.")
    hosts = Hosts(preflight=replace(FOUND, queued=True), poll=cancelled)
    result = migrate(hosts)
    assert result["failed"]
    assert (result["migration"]["outcome"], result["migration"]["status"]) == ("cancelled", "cancelled")
    assert result["msg"] == "The migration was cancelled. The container runs on edge-a as before."
    assert [phase for _side, phase in hosts.asked] == ["preflight", "poll"]
