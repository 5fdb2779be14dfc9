# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller asks of the two hosts, whatever they answer. Fakes here; tests/faults has real hosts."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import (
    ContainerSpec,
    NetworkAttachment,
)
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    BandwidthClientAnswer,
    BandwidthServerAnswer,
    Done,
    InDoubt,
    OutcomeAnswer,
    Parameters,
    PollAnswer,
    PreflightAnswer,
    PrepareAnswer,
)
from ansible_collections.organic.live_migration.plugins.module_utils.paths import INIT
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import (
    Notice,
    Outcome,
    Pending,
    Verdict,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Event, Snapshot
from ansible_collections.organic.live_migration.plugins.modules import container_migration_agent
from ansible_collections.organic.live_migration.plugins.plugin_utils.arguments import MIGRATE_ARGUMENTS
from ansible_collections.organic.live_migration.plugins.plugin_utils.migration import Migration

ARGUMENTS = {
    "name": "smf",
    "target_host": "edge-b",
    "target_address": None,
    "memory_reserve_mb": 256,
    "shared_volumes": [],
    "timeout_s": 120,
    "method": "resident",
    "downtime_budget_ms": 0,
    **asdict(Options()),
}
SPEC = ContainerSpec("smf", "c0ffee", "nf", "sha256:0", INIT, "smf", "running", 7, "2026-01-01T00:00:00Z")
FOUND = PreflightAnswer(source=SPEC, engine_id="a", memory_bytes=1, processes=1)
AGENT_OPTIONS = set(yaml.safe_load(container_migration_agent.DOCUMENTATION)["options"])
ROLLED_BACK = Outcome(Verdict.ROLLED_BACK, "The connection to the other host broke.")
IN_DOUBT = replace(ROLLED_BACK, verdict=Verdict.IN_DOUBT)
COMPLETED = Outcome(Verdict.COMPLETED)
ENTRY = InDoubt("0" * 16, "smf", "edge-b")
BLOCKER = Blocker("terminal", "It has a terminal", "Start it without -t")
UNREACHABLE = AnsibleActionFail("Host 'edge-b' cannot be reached: timed out")
PREPARED = PrepareAnswer(port=7)


class Hosts:
    """Answers by phase: an answer, an exception, or a list of these for one call after the other."""

    source, target, engine = "edge-a", "edge-b", "docker"

    def __init__(self, **answers: Any) -> None:
        self._answers = {"preflight": FOUND, "prepare": PREPARED, "discard_target": Done(), "abort_queued": Done(),
                         "bandwidth_server": BandwidthServerAnswer(8), "bandwidth_client": BandwidthClientAnswer(1e9),
                         **answers}  # fmt: skip
        self.asked: list[tuple[str, str]] = []
        self.parameters: list[Parameters] = []
        self.announced: list[Snapshot] = []

    def announce(self, progress: Snapshot) -> None:
        self.announced.append(progress)

    def on_source(self, parameters: Parameters, answer: type) -> Any:
        return self._answer("source", parameters, answer)

    def on_target(self, parameters: Parameters, answer: type) -> Any:
        return self._answer("target", parameters, answer)

    def _answer(self, side: str, parameters: Parameters, kind: type) -> Any:
        given = {name for name, value in parameters.as_module_arguments().items() if value}
        assert set(phases.PHASES[parameters.phase]) <= given
        assert given <= AGENT_OPTIONS
        self.asked.append((side, parameters.phase))
        self.parameters.append(parameters)
        answer = self._answers.get(parameters.phase, parameters.outcome)
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, (Outcome, Pending)):
            answer = PollAnswer.of(answer)
        if isinstance(answer, str):
            answer = OutcomeAnswer(answer)
        assert isinstance(answer, kind)
        return answer

    @staticmethod
    def target_addresses(_wanted: str | None) -> list[str]:
        return ["192.0.2.12"]


def migrate(hosts: Hosts, **arguments: Any) -> dict[str, Any]:
    return Migration(hosts, {**ARGUMENTS, **arguments}).migrate()


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
    ("notice", "words"),
    [(Notice.EXITED_ON_TARGET, "'smf' exited on edge-b"), (Notice.MADVISE_CHANGED, "'smf' changed flags")],
)
def test_what_a_completed_migration_is_warned_of(notice: Notice, words: str) -> None:
    result = migrate(Hosts(start=replace(COMPLETED, notices=[notice])))
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


LARGE = replace(FOUND, memory_bytes=10**9, dirty_pages_per_s=1000.0)


def auto(hosts: Hosts, **arguments: Any) -> dict[str, Any]:
    return migrate(hosts, strategy="auto", **arguments)


@pytest.mark.parametrize(
    ("found", "arguments", "strategy"),
    [
        (LARGE, {}, "pre_copy"),
        (replace(LARGE, memory_bytes=10**7), {}, "inter_copy"),
        (LARGE, {"downtime_limit_ms": 5000}, "inter_copy"),
        (LARGE, {"downtime_limit_ms": 5000, "downtime_budget_ms": 200}, "pre_copy"),
        (replace(LARGE, dirty_pages_per_s=10.0**6), {}, "post_copy"),
        (replace(LARGE, dirty_pages_per_s=None), {}, "post_copy"),
    ],
)
def test_the_strategy_is_chosen_by_what_was_measured(
    found: PreflightAnswer, arguments: dict[str, Any], strategy: str
) -> None:
    hosts = Hosts(preflight=found, start=COMPLETED)
    result = auto(hosts, **arguments)
    assert [phase for _side, phase in hosts.asked] == [
        "preflight", "bandwidth_server", "bandwidth_client", "prepare", "start"
    ]  # fmt: skip
    assert hosts.parameters[0].measure
    chosen = {given.plan.options.strategy for given in hosts.parameters[3:] if given.plan}
    assert chosen == {strategy}
    prediction = result["migration"]["prediction"]
    assert result["migration"]["strategy"] == prediction["strategy"] == strategy
    assert prediction["link_bytes_per_s"] == 1e9
    assert strategy in prediction["reason"]
    assert len(prediction["strategies"]) == 4


def test_what_the_user_chose_is_neither_measured_nor_changed() -> None:
    hosts = Hosts(preflight=LARGE, start=COMPLETED)
    result = migrate(hosts, strategy="hybrid")
    assert [phase for _side, phase in hosts.asked] == ["preflight", "prepare", "start"]
    assert not hosts.parameters[0].measure
    assert result["migration"]["strategy"] == "hybrid"
    assert "prediction" not in result["migration"]


def test_encryption_costs_what_the_prediction_tells() -> None:
    hosts = Hosts(preflight=LARGE, start=COMPLETED)
    bare, encrypted = (
        auto(hosts, encryption=encryption)["migration"]["prediction"]["strategies"] for encryption in ("none", "tls")
    )
    assert [one["migration_time_ms"] for one in bare] < [one["migration_time_ms"] for one in encrypted]


def test_the_engines_own_method_leaves_no_choice() -> None:
    hosts = Hosts(preflight=LARGE, start=COMPLETED)
    assert auto(hosts, method="engine")["migration"]["strategy"] == "inter_copy"
    assert ("target", "bandwidth_server") not in hosts.asked


def test_a_link_that_cannot_be_measured_ends_it_on_the_source() -> None:
    hosts = Hosts(preflight=LARGE, bandwidth_client=AnsibleActionFail("The connection to the other host broke."))
    with pytest.raises(AnsibleActionFail, match="connection to the other host broke"):
        auto(hosts)
    assert hosts.asked[-1] == ("source", "abort_queued")


def test_check_mode_measures_and_predicts_and_begins_nothing() -> None:
    hosts = Hosts(preflight=LARGE)
    checked = Migration(hosts, {**ARGUMENTS, "strategy": "auto"})
    assert checked.blockers() == []
    facts = checked.facts()
    assert facts["forecast"]["strategy"] == "pre_copy"
    assert facts["predicted_downtime_ms"] == facts["forecast"]["downtime_ms"] > 0
    assert [phase for _side, phase in hosts.asked] == ["preflight", "bandwidth_server", "bandwidth_client", "prepare"]
    assert hosts.parameters[0].plan is None
    assert hosts.parameters[3].dry_run


def test_check_mode_measures_no_link_when_the_source_refuses() -> None:
    hosts = Hosts(preflight=replace(LARGE, blockers=[BLOCKER]))
    checked = Migration(hosts, {**ARGUMENTS, "strategy": "auto"})
    assert checked.blockers() == [BLOCKER]
    assert checked.facts()["forecast"]["link_bytes_per_s"] is None
    assert ("target", "bandwidth_server") not in hosts.asked
