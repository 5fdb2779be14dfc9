# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to get an NF to another host without a gap, also after an interrupted run, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import redeployment
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.redeployment import Step

HOSTS = ["edge-a", "edge-b", "edge-c"]
ASSOCIATION = {"peer": "192.0.2.34", "up": True, "sessions": 5}


def request(**options: Any) -> redeployment.Request:
    return redeployment.Request("upf", options.pop("target_host", "edge-b"), HOSTS, **options)


def upf(name: str, status: str = "running", error: str = "", **state: Any) -> dict[str, Any]:
    return {
        "name": name,
        "address": "192.0.2.35",
        "container": {"status": status, "pid": 7 if status == "running" else None, "restart_policy": "unless-stopped"},
        "error": error or None,
        "state": None if error else {"sessions": 5, "pfcp": [ASSOCIATION], "draining": False, **state},
    }


SMF: dict[str, Any] = {
    "name": "smf",
    "address": "192.0.2.34",
    "container": {"status": "running", "pid": 8, "restart_policy": "unless-stopped"},
    "error": None,
    "state": {"sessions": 5, "discovers_upfs": True, "pfcp": [{"peer": "192.0.2.35", "up": True, "sessions": 5}]},
}


def found(**by_host: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {"edge-a": [SMF], "edge-b": [], "edge-c": []} | {
        host.replace("_", "-"): [SMF, *entries] if host == "edge_a" else entries for host, entries in by_host.items()
    }


THERE = Step("upf", "edge-a", "upf-standby", "edge-b")
BACK = Step("upf-standby", "edge-b", "upf", "edge-b")


@pytest.mark.parametrize(
    ("by_host", "steps"),
    [
        ({"edge_a": [upf("upf")]}, (THERE, BACK)),
        ({"edge_b": [upf("upf")]}, ()),
        # An interrupted run is finished: the standby instance had started; the NF was removed; it runs on the target.
        ({"edge_a": [upf("upf", draining=True)], "edge_b": [upf("upf-standby")]}, (THERE, BACK)),
        ({"edge_b": [upf("upf-standby")]}, (BACK,)),
        ({"edge_b": [upf("upf"), upf("upf-standby")]}, (BACK,)),
        # Drained already, so it has no association any more.
        ({"edge_a": [upf("upf", draining=True, pfcp=[])], "edge_b": [upf("upf-standby")]}, (THERE, BACK)),
    ],
)
def test_steps(by_host: dict[str, list[dict[str, Any]]], steps: tuple[Step, ...]) -> None:
    plan = redeployment.plan(request(), found(**by_host))
    assert plan.error == ""
    assert plan.steps == steps
    assert plan.message
    assert plan.peers == ({"edge-a": {"smf": "192.0.2.34"}} if steps else {})


def test_the_successor_needs_as_many_associations() -> None:
    plan = redeployment.plan(request(), found(edge_a=[upf("upf", pfcp=[ASSOCIATION, ASSOCIATION])]))
    assert [step.associations for step in plan.steps] == [2, 2]


@pytest.mark.parametrize(
    ("by_host", "reason"),
    [
        ({}, "upf runs on no host of the play: deploy it"),
        ({"edge_a": [upf("upf")], "edge_c": [upf("upf")]}, "running container on edge-a and edge-c"),
        ({"edge_a": [upf("upf", "exited")]}, "upf on edge-a does not run: start it"),
        ({"edge_a": [upf("upf")], "edge_c": [upf("upf-standby")]}, "finish it with -e target_host=edge-c first"),
        ({"edge_a": [upf("upf", error="no answer")]}, "does not report its state.*no answer"),
        ({"edge_a": [upf("upf", pfcp=[])]}, "upf on edge-a has no PFCP association.*deploy the SMF"),
        (
            {"edge_a": [upf("upf"), {**SMF, "name": "smf-2", "state": {**SMF["state"], "discovers_upfs": False}}]},
            "smf-2 does not look for UPFs at the NRF.*MINICORE_UPF",
        ),
    ],
)
def test_what_the_hosts_say_is_refused(by_host: dict[str, list[dict[str, Any]]], reason: str) -> None:
    plan = redeployment.plan(request(), found(**by_host))
    assert plan.steps == ()
    assert re.search(reason, plan.error)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"target_host": "nowhere"}, "no host 'nowhere' to redeploy upf on.*one of: edge-a, edge-b, edge-c"),
        ({"target_host": ""}, "set target_host"),
        ({"drains": False}, "cannot be drained.*remove_nf.yml"),
        ({"orchestrator": "swarm"}, "The orchestrator swarm runs upf"),
        ({"fixed_drivers": ["host"]}, "With the network driver host upf cannot have its address on another host"),
        ({"has_standby": False}, "upf-standby has no address.*standby_address"),
    ],
)
def test_a_request_is_refused_before_any_host_is_asked(options: dict[str, Any], reason: str) -> None:
    assert re.search(reason, request(**options).refusal())


@pytest.mark.parametrize("orchestrator", ["none", "kubernetes"])
def test_a_request_that_may_be_tried(orchestrator: str) -> None:
    assert request(orchestrator=orchestrator).refusal() == ""


def test_sessions_elsewhere() -> None:
    assert redeployment.sessions_elsewhere([SMF], "192.0.2.35") == 0
    assert redeployment.sessions_elsewhere([SMF, SMF], "192.0.2.45") == 10
    with pytest.raises(CoreError, match="smf does not report its state: no answer"):
        redeployment.sessions_elsewhere([{"name": "smf", "state": None, "error": "no answer"}], "192.0.2.35")


def test_sessions_of_an_association_that_is_down_are_elsewhere() -> None:
    down = {"name": "smf", "state": {"sessions": 5, "pfcp": [{"peer": "192.0.2.35", "up": False, "sessions": 5}]}}
    assert redeployment.sessions_elsewhere([down], "192.0.2.35") == 5
