# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller asks of the two hosts, whatever they answer. Played here; tests/faults has real hosts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.paths import INIT
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.modules import container_migration_agent
from ansible_collections.organic.live_migration.plugins.plugin_utils.migration import MIGRATE_ARGUMENTS, Migration

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
LOOK = {"ok": True, "in_doubt": [], "blockers": [], "source": SPEC.to_dict(), "engine_id": "a", "memory_bytes": 1,
        "processes": 1}  # fmt: skip
AGENT_OPTIONS = set(yaml.safe_load(container_migration_agent.DOCUMENTATION)["options"])
BROKEN = {"ok": False, "message": "The connection to the other host broke.", "details": {}}
UNDECIDED = {"migration_id": "0" * 16, "name": "smf", "target_host": "edge-b"}
UNREACHABLE = AnsibleActionFail("Host 'edge-b' cannot be reached: timed out")


class Hosts:
    """Answers by phase: a result, an exception, or a list of these for one call after the other."""

    source, target, engine = "edge-a", "edge-b", "docker"

    def __init__(self, **answers: Any) -> None:
        self._answers = {"look": LOOK, "prepare": {"ok": True, "blockers": [], "port": 7}, "settle": {"ok": True},
                         "withdraw": {"ok": True}, "dismiss": {"ok": True}, "sink": {"ok": True, "port": 8},
                         "probe": {"ok": True, "link_bytes_per_s": 1e9}, **answers}  # fmt: skip
        self.asked: list[tuple[str, str]] = []
        self.arguments: list[dict[str, Any]] = []
        self.announced: list[dict[str, Any]] = []

    def announce(self, progress: dict[str, Any]) -> None:
        self.announced.append(progress)

    def on_source(self, **arguments: Any) -> dict[str, Any]:
        return self._answer("source", arguments)

    def on_target(self, **arguments: Any) -> dict[str, Any]:
        return self._answer("target", arguments)

    def _answer(self, side: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert set(arguments) <= AGENT_OPTIONS
        phase = arguments["phase"]
        self.asked.append((side, phase))
        self.arguments.append(arguments)
        answer = self._answers[phase]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    @staticmethod
    def target_addresses(_wanted: str | None) -> list[str]:
        return ["192.0.2.12"]


def migrate(hosts: Hosts, **arguments: Any) -> dict[str, Any]:
    return Migration(hosts, {**ARGUMENTS, **arguments}).migrate()


def test_after_a_failure_the_target_takes_away_what_it_prepared() -> None:
    hosts = Hosts(migrate=BROKEN)
    result = migrate(hosts)
    assert result["failed"]
    assert result["msg"] == "The connection to the other host broke. The container runs on edge-a as before."
    assert migrate(Hosts(migrate={**BROKEN, "message": str(BROKEN["message"])[:-1]}))["msg"] == result["msg"]
    assert result["migration"]["status"] == "failed"
    assert hosts.asked[-1] == ("target", "withdraw")


def test_a_target_that_cannot_take_it_away_does_not_hide_the_reason() -> None:
    result = migrate(Hosts(migrate=BROKEN, withdraw=UNREACHABLE))
    assert result["failed"]
    assert "The connection to the other host broke." in result["msg"]
    assert "ends by itself after 120 s" in result["msg"]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("ran", "runs there"),
        ("ended", "ran there and has ended by itself since; 'smf' is stopped there"),
        ("destroyed", "runs on here"),
    ],
)
def test_a_break_at_the_commit_is_decided_by_the_target(outcome: str, words: str) -> None:
    hosts = Hosts(migrate={**BROKEN, "in_doubt": True}, outcome={"ok": True, "outcome": outcome})
    result = migrate(hosts)
    assert result["failed"]
    assert result["msg"].endswith(f"The target was asked: the process {words}.")
    assert hosts.asked[-2:] == [("target", "outcome"), ("source", "settle")]


def test_a_process_that_ran_without_its_memory_and_ended_is_not_said_to_run() -> None:
    hosts = Hosts(
        migrate={**BROKEN, "in_doubt": True},
        outcome={"ok": True, "outcome": "destroyed"},
        settle={"ok": True, "lost": True},
    )
    message = migrate(hosts)["msg"]
    assert "Its state is lost; start 'smf' anew." in message
    assert "runs" not in message.partition("asked:")[2]


def test_a_process_that_was_stopped_in_post_copy_is_not_said_to_run() -> None:
    hosts = Hosts(migrate={"ok": False, "stopped": True, "message": "Its state is lost.", "details": {}})
    result = migrate(hosts)
    assert result["failed"]
    assert result["msg"] == "Its state is lost."
    assert ("target", "withdraw") not in hosts.asked


@pytest.mark.parametrize("ended", [True, False])
def test_a_process_that_ended_meanwhile_is_not_said_to_run_as_before(ended: bool) -> None:
    result = migrate(Hosts(migrate={**BROKEN, "process_ended": ended}))
    assert result["failed"]
    assert ("as before" in result["msg"]) is not ended


@pytest.mark.parametrize("ended", [True, False])
def test_a_process_that_ended_as_soon_as_it_ran_is_warned_of(ended: bool) -> None:
    result = migrate(Hosts(migrate={"ok": True, "status": "completed", "steps": [], "ended_on_target": ended}))
    assert result["changed"]
    assert ["'smf' ended on edge-b" in warning for warning in result["warnings"]] == [True] * ended


def test_a_target_that_cannot_be_asked_leaves_the_source_frozen_and_says_so() -> None:
    hosts = Hosts(migrate={**BROKEN, "in_doubt": True}, outcome=UNREACHABLE)
    result = migrate(hosts)
    assert result["failed"]
    assert "on edge-a it stands frozen until it was asked. Run this again" in result["msg"]
    assert ("source", "settle") not in hosts.asked
    assert ("target", "withdraw") not in hosts.asked


def test_the_next_run_settles_first() -> None:
    hosts = Hosts(
        look=[{**LOOK, "in_doubt": [UNDECIDED]}, LOOK], outcome={"ok": True, "outcome": "ran"}, migrate=BROKEN
    )
    migrate(hosts)
    assert hosts.asked[:4] == [("source", "look"), ("target", "outcome"), ("source", "settle"), ("source", "look")]


def test_only_the_host_that_knows_is_asked() -> None:
    """Any other would say that it has no such process, and a second copy would come to life."""
    hosts = Hosts(look={**LOOK, "in_doubt": [{**UNDECIDED, "target_host": "edge-c"}]})
    with pytest.raises(AnsibleActionFail, match=r"stands frozen on edge-a.*Use target_host edge-c"):
        migrate(hosts)
    assert hosts.asked == [("source", "look")]


def test_reasons_of_either_host_end_it_before_anything_is_touched() -> None:
    blocker = {"code": "terminal", "message": "It has a terminal", "remedy": "Start it without -t"}
    for hosts in (Hosts(look={**LOOK, "blockers": [blocker]}), Hosts(prepare={"ok": True, "blockers": [blocker]})):
        result = migrate(hosts)
        assert result["failed"]
        assert result["msg"] == "Not migrated, nothing was touched: It has a terminal. Start it without -t."
        assert ("source", "migrate") not in hosts.asked


def test_after_a_refusal_of_the_target_nothing_goes_on_on_the_source() -> None:
    blocker = {"code": "terminal", "message": "It has a terminal", "remedy": "Start it without -t"}
    hosts = Hosts(prepare={"ok": True, "blockers": [blocker]})
    migrate(hosts)
    assert hosts.asked[-1] == ("source", "dismiss")


@pytest.mark.parametrize("dismiss", [{"ok": True}, UNREACHABLE])
@pytest.mark.parametrize("failure", [AnsibleActionFail, AnsibleConnectionFailure])
def test_a_target_that_cannot_be_prepared_is_told_and_nothing_goes_on_on_the_source(
    failure: type[AnsibleError], dismiss: Any
) -> None:
    hosts = Hosts(prepare=failure("Host 'edge-b' cannot be reached: no route"), dismiss=dismiss)
    with pytest.raises(failure, match="no route"):
        migrate(hosts)
    assert hosts.asked[-1] == ("source", "dismiss")


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
    hosts = Hosts(migrate=BROKEN)
    migrate(hosts, connections=4)
    plans = {phase: given["plan"] for (_side, phase), given in zip(hosts.asked, hosts.arguments) if "plan" in given}
    assert set(plans) == {"look", "prepare", "migrate"}
    assert len({plan["migration_id"] for plan in plans.values()}) == 1
    assert all(plan["options"]["connections"] == 4 for plan in plans.values())
    assert {phase: plan["peer"] for phase, plan in plans.items()} == {
        "look": "edge-b", "prepare": "edge-a", "migrate": "edge-b"
    }  # fmt: skip


def progress(*states: str, **more: Any) -> dict[str, Any]:
    events = [{"state": state, "at_ms": 1.0} for state in states]
    return {"ok": True, "running": True, "progress": {"state": states[-1], "events": events, **more}}


def test_a_long_migration_is_asked_for_news_until_it_ends() -> None:
    news = [progress("setup", "active"), progress("setup", "active", "switchover"), BROKEN]
    hosts = Hosts(migrate=progress("setup"), wait=news)
    assert migrate(hosts)["failed"]
    assert [told["state"] for told in hosts.announced] == ["setup", "active", "switchover"]
    seen = [given["seen"] for given in hosts.arguments if given["phase"] == "wait"]
    assert seen == [1, 2, 3]
    assert hosts.asked[-1] == ("target", "withdraw")


def test_a_short_one_costs_no_further_task() -> None:
    done = {"ok": True, "status": "completed", "steps": [], "statistics": {"state": "completed"}}
    hosts = Hosts(migrate=done)
    result = migrate(hosts)
    assert result["changed"]
    assert result["migration"]["statistics"] == {"state": "completed"}
    assert [phase for _side, phase in hosts.asked] == ["look", "prepare", "migrate"]


def test_it_queues_on_the_source_before_the_target_is_prepared() -> None:
    hosts = Hosts(
        look={**LOOK, "queued": True},
        wait=[progress("setup", queued=True), progress("setup", queued=False)],
        migrate=BROKEN,
    )
    migrate(hosts)
    assert [phase for _side, phase in hosts.asked][:4] == ["look", "wait", "wait", "prepare"]
    assert [told["queued"] for told in hosts.announced] == [True, False]


def test_it_queues_for_the_target_with_a_sign_of_life_to_the_source() -> None:
    full = {"ok": True, "blockers": [], "queued": True}
    hosts = Hosts(prepare=[full, full, {"ok": True, "blockers": [], "port": 7}], wait=progress("setup"), migrate=BROKEN)
    migrate(hosts)
    phases = [phase for _side, phase in hosts.asked]
    assert phases[:7] == ["look", "prepare", "wait", "prepare", "wait", "prepare", "migrate"]
    assert [told["queued"] for told in hosts.announced] == [True, True]


def test_it_can_be_cancelled_while_it_queues() -> None:
    hosts = Hosts(
        look={**LOOK, "queued": True},
        wait={"ok": False, "status": "cancelled", "message": "The migration was cancelled.", "details": {}},
    )
    result = migrate(hosts)
    assert result["failed"]
    assert result["migration"]["status"] == "cancelled"
    assert result["msg"] == "The migration was cancelled. The container runs on edge-a as before."
    assert [phase for _side, phase in hosts.asked] == ["look", "wait"]


LARGE = {**LOOK, "memory_bytes": 10**9, "dirty_pages_per_s": 1000.0}


def auto(hosts: Hosts, **arguments: Any) -> dict[str, Any]:
    return migrate(hosts, strategy="auto", **arguments)


@pytest.mark.parametrize(
    ("looked", "arguments", "strategy"),
    [
        (LARGE, {}, "pre_copy"),
        ({**LARGE, "memory_bytes": 10**7}, {}, "inter_copy"),
        (LARGE, {"downtime_limit_ms": 5000}, "inter_copy"),
        (LARGE, {"downtime_limit_ms": 5000, "downtime_budget_ms": 200}, "pre_copy"),
        ({**LARGE, "dirty_pages_per_s": 10.0**6}, {}, "post_copy"),
        ({**LARGE, "dirty_pages_per_s": None}, {}, "post_copy"),
    ],
)
def test_the_strategy_is_chosen_by_what_was_measured(
    looked: dict[str, Any], arguments: dict[str, Any], strategy: str
) -> None:
    hosts = Hosts(look=looked, migrate={"ok": True, "status": "completed", "steps": []})
    result = auto(hosts, **arguments)
    assert [phase for _side, phase in hosts.asked] == ["look", "sink", "probe", "prepare", "migrate"]
    assert hosts.arguments[0]["measure"]
    chosen = {given["plan"]["options"]["strategy"] for given in hosts.arguments[3:]}
    assert chosen == {strategy}
    prediction = result["migration"]["prediction"]
    assert result["migration"]["strategy"] == prediction["strategy"] == strategy
    assert prediction["link_bytes_per_s"] == 1e9
    assert strategy in prediction["reason"]
    assert len(prediction["strategies"]) == 4


def test_what_the_user_chose_is_neither_measured_nor_changed() -> None:
    hosts = Hosts(look=LARGE, migrate={"ok": True, "status": "completed", "steps": []})
    result = migrate(hosts, strategy="hybrid")
    assert [phase for _side, phase in hosts.asked] == ["look", "prepare", "migrate"]
    assert not hosts.arguments[0]["measure"]
    assert result["migration"]["strategy"] == "hybrid"
    assert "prediction" not in result["migration"]


def test_encryption_costs_what_the_prediction_tells() -> None:
    hosts = Hosts(look=LARGE, migrate={"ok": True, "status": "completed", "steps": []})
    bare, encrypted = (
        auto(hosts, encryption=encryption)["migration"]["prediction"]["strategies"] for encryption in ("none", "tls")
    )
    assert [one["migration_time_ms"] for one in bare] < [one["migration_time_ms"] for one in encrypted]


def test_the_engines_own_method_leaves_no_choice() -> None:
    hosts = Hosts(look=LARGE, migrate={"ok": True, "status": "completed", "steps": []})
    assert auto(hosts, method="engine")["migration"]["strategy"] == "inter_copy"
    assert ("target", "sink") not in hosts.asked


def test_a_link_that_cannot_be_measured_ends_it_on_the_source() -> None:
    hosts = Hosts(look=LARGE, probe=BROKEN)
    with pytest.raises(AnsibleActionFail, match="connection to the other host broke"):
        auto(hosts)
    assert hosts.asked[-1] == ("source", "dismiss")


def test_check_mode_measures_and_predicts_and_begins_nothing() -> None:
    hosts = Hosts(look={**LARGE, "source": {"Id": "a"}})
    checked = Migration(hosts, {**ARGUMENTS, "strategy": "auto"})
    assert checked.blockers() == []
    facts = checked.facts()
    assert facts["forecast"]["strategy"] == "pre_copy"
    assert facts["predicted_downtime_ms"] == facts["forecast"]["downtime_ms"] > 0
    assert [phase for _side, phase in hosts.asked] == ["look", "sink", "probe", "prepare"]
    assert hosts.arguments[0]["plan"] is None
    assert hosts.arguments[3]["dry_run"]


def test_check_mode_measures_no_link_when_the_source_refuses() -> None:
    blocker = {"code": "terminal", "message": "It has a terminal", "remedy": "Start it without -t"}
    hosts = Hosts(look={**LARGE, "blockers": [blocker]})
    checked = Migration(hosts, {**ARGUMENTS, "strategy": "auto"})
    assert checked.blockers() == [blocker]
    assert checked.facts()["forecast"]["link_bytes_per_s"] is None
    assert ("target", "sink") not in hosts.asked
