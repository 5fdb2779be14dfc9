# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an NF runs and belongs, which strategy moves it, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import policy
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError

IMPLEMENTED = {"inter_copy": ("resident", "engine"), "pre_copy": ("resident",), "post_copy": ("resident",)}


def entry(status: str = "running", restart_policy: str = "unless-stopped", error: str | None = None) -> dict[str, Any]:
    """Of the SMF, as nf_state_info returns it."""
    pid = 7 if status == "running" else None
    return {
        "name": "smf",
        "container": {"status": status, "pid": pid, "restart_policy": restart_policy},
        "error": error,
    }


def profile(
    strategy: str = "pre_copy", stateful: bool = True, alternatives: tuple[str, ...] = (), **budgets: int
) -> dict[str, Any]:
    migration = {"strategy": strategy, "alternatives": list(alternatives), "paper_section": "4.2"}
    return {"stateful": stateful, "migration": migration, "budgets": budgets}


def request(**options: Any) -> policy.Request:
    options.setdefault("profile", profile())
    return policy.Request("smf", options.pop("target_host", "edge-b"), ["edge-a", "edge-b"], **options)


ON_A = {"edge-a": [entry()], "edge-b": [entry("absent")]}
MOVED_TO_B = {"edge-a": [entry("exited", "no")], "edge-b": [entry()]}


def test_current_host_follows_the_migration() -> None:
    assert policy.current_host(ON_A, "smf") == "edge-a"
    assert policy.current_host(MOVED_TO_B, "smf") == "edge-b"


def test_stopped_nf_belongs_to_the_host_that_it_has_not_left() -> None:
    found = {"edge-a": [entry("exited", "no")], "edge-b": [entry("exited")]}
    assert policy.running_on(found, "smf") is None
    assert policy.current_host(found, "smf") == "edge-b"


def test_nf_that_is_nowhere_has_no_host() -> None:
    assert policy.current_host({"edge-a": [entry("absent")]}, "smf") is None


@pytest.mark.parametrize("status", ["running", "exited"])
def test_two_hosts_are_refused(status: str) -> None:
    with pytest.raises(CoreError, match="edge-a and edge-b"):
        policy.current_host({"edge-a": [entry(status)], "edge-b": [entry(status)]}, "smf")


@pytest.mark.parametrize(
    ("found", "placement", "hosts", "place"),
    [
        (MOVED_TO_B, {"smf": "edge-a"}, ["edge-a", "edge-b"], "edge-b"),
        ({}, {"smf": "edge-b"}, ["edge-a", "edge-b"], "edge-b"),
        ({}, {}, ["edge-a", "edge-b", "edge-c"], "edge-a"),
    ],
)
def test_place_of_an_nf(found: policy.NfsByHost, placement: dict[str, str], hosts: list[str], place: str) -> None:
    profiles = {"smf": {"plane": "control"}}
    assert policy.places(found, ["smf"], profiles, placement, hosts) == {"smf": place}


@pytest.mark.parametrize(("hosts", "place"), [(["edge-a"], "edge-a"), (["edge-a", "edge-b", "edge-c"], "edge-b")])
def test_user_plane_goes_to_the_second_host(hosts: list[str], place: str) -> None:
    assert policy.places({}, ["upf"], {"upf": {"plane": "user"}}, {}, hosts) == {"upf": place}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"target_host": "nowhere"}, "There is no host 'nowhere'.*edge-a, edge-b"),
        ({"target_host": ""}, "set target_host to one of"),
        ({"profile": profile(stateful=False)}, "smf is stateless .paper, section 4.2.*force_migration=true"),
        (
            {"profile": profile(stateful=False), "drains": True},
            "by playbooks/redeploy_smf.yml -e target_host=edge-b, or",
        ),
        ({"movable": False, "network_driver": "ipvlan_l2"}, "network driver ipvlan_l2 cannot keep its address"),
    ],
)
def test_request_that_is_refused(options: dict[str, Any], reason: str) -> None:
    assert re.search(reason, request(**options).refusal())


def test_stateless_nf_that_the_paper_does_not_discuss() -> None:
    stateless = profile("redeploy", stateful=False)
    del stateless["migration"]["paper_section"]
    assert request(profile=stateless).refusal().startswith("smf is stateless: redeploy it by playbooks/remove_nf.yml")


def test_request_that_may_be_tried() -> None:
    assert request().refusal() == ""
    assert request(profile=profile(stateful=False), force=True).refusal() == ""


@pytest.mark.parametrize(
    ("options", "strategy", "reason"),
    [
        ({}, "pre_copy", ""),
        ({"strategy": "auto"}, "auto", ""),
        ({"strategy": "post_copy"}, "post_copy", ""),
        ({"profile": profile("ppm")}, "auto", "asks for strategy ppm (paper, section 4.2), which is not implemented"),
        (
            {"profile": profile("ppm", alternatives=("redeploy", "pre_copy", "inter_copy"))},
            "pre_copy",
            "which is not implemented; strategy pre_copy is used instead",
        ),
        (
            {"method": "engine", "profile": profile(alternatives=("ppm", "post_copy", "inter_copy"))},
            "inter_copy",
            "which method engine does not have; strategy inter_copy",
        ),
        ({"method": "engine"}, "auto", "which method engine does not have"),
        ({"method": "engine", "strategy": "inter_copy"}, "inter_copy", ""),
    ],
)
def test_strategy(options: dict[str, Any], strategy: str, reason: str) -> None:
    chosen, fallback = request(**options).chosen_strategy(IMPLEMENTED)
    assert chosen == strategy
    assert reason in fallback
    assert bool(reason) == bool(fallback)


def test_the_shortest_budget_counts() -> None:
    assert request(profile=profile(pfcp_heartbeat_ms=10000, pfcp_request_give_up_ms=9000)).downtime_budget_ms() == 9000
    assert request().downtime_budget_ms() == 0
    assert request(profile=profile(nrf_heartbeat_ms=0, pfcp_heartbeat_ms=10000)).downtime_budget_ms() == 10000


def test_plan_of_a_move() -> None:
    plan = policy.plan(request(profile=profile(nrf_heartbeat_ms=10000)), ON_A, IMPLEMENTED)
    assert plan == policy.MigrationPlan("", "smf moves from edge-a to edge-b", "edge-a", True, "pre_copy", 10000)


def test_plan_names_another_strategy() -> None:
    plan = policy.plan(request(profile=profile("ppm")), ON_A, IMPLEMENTED)
    assert plan.strategy == "auto"
    assert "strategy auto is used instead" in plan.message


def test_nf_that_is_on_the_target_host_already_is_not_moved() -> None:
    plan = policy.plan(request(), MOVED_TO_B, IMPLEMENTED)
    assert (plan.moves, plan.error, plan.source_host) == (False, "", "edge-b")
    assert "already" in plan.message


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"edge-a": [entry("absent")]}, "smf runs on no host"),
        ({"edge-a": [entry()], "edge-b": [entry()]}, "running container on edge-a and edge-b"),
        ({"edge-a": [entry(error="timed out")]}, "does not report its state.*: timed out"),
    ],
)
def test_nothing_can_be_done(found: policy.NfsByHost, reason: str) -> None:
    plan = policy.plan(request(), found, IMPLEMENTED)
    assert not plan.moves
    assert re.search(reason, plan.error)


def test_sctp_is_answered_with_the_remedy_of_the_core() -> None:
    blocker = {"code": "undumpable", "message": "CRIU cannot dump this: SCTP socket 192.0.2.36:38412 (descriptor 7)"}
    refused = {"msg": "Not migrated, nothing was touched: SCTP socket.", "blockers": [blocker]}
    assert policy.sctp_remedy(refused, "Deploy front") == f"{refused['msg']} Deploy front."
    assert policy.sctp_remedy({"blockers": [blocker]}, "Deploy front") == f"{blocker['message']} Deploy front."


@pytest.mark.parametrize(
    "migrated",
    [
        {},
        {"failed": True, "blockers": [{"code": "undumpable", "message": "CRIU cannot dump this: MPTCP socket"}]},
        {"failed": True, "blockers": [{"code": "address_taken", "message": "SCTP socket"}]},
    ],
)
def test_other_refusals_need_no_advice_on_sctp(migrated: dict[str, Any]) -> None:
    assert policy.sctp_remedy(migrated, "Deploy front") == ""
