# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers leave a host, in which order and to which hosts, and which stay."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.plugin_utils import drain
from ansible_collections.organic.core5g.plugins.plugin_utils.drain import Core, Plan, Planner, Request, in_order

DEPENDS_ON = {"udm": ["nrf", "udr"], "udr": ["nrf"], "smf": ["nrf", "udm", "upf"], "nrf": [], "upf": []}
NAMES = ["nrf", "udr", "udm", "upf", "smf"]
IMPLEMENTED = {"inter_copy": ("resident",), "pre_copy": ("resident",)}
GIB = 1 << 30


def profile(name: str) -> dict[str, Any]:
    wanted = {"strategy": "redeploy" if name == "upf" else "pre_copy", "alternatives": ["ppm", "inter_copy"]}
    return {"stateful": name != "upf", "plane": "control", "migration": wanted, "budgets": {"nrf_heartbeat_ms": 10000}}


CORE = Core(NAMES, {name: profile(name) for name in NAMES}, DEPENDS_ON, {name: [] for name in NAMES})


def entry(name: str, status: str = "running", error: str | None = None, policy: str = "always") -> dict[str, Any]:
    pid = 7 if status == "running" else None
    return {"name": name, "error": error, "container": {"status": status, "pid": pid, "restart_policy": policy}}


def survey(*running: str, others: tuple[str, ...] = (), **entries: dict[str, Any]) -> dict[str, Any]:
    nfs = [entries.get(name) or entry(name, "running" if name in running else "absent") for name in NAMES]
    containers = [
        {"name": name, "is_resident": name != "sshd", "memory_bytes": 1 << 24, "cpus": 0.0}
        for name in (*running, *others)
    ]
    resources = {"memory_bytes": 8 * GIB, "available_bytes": 4 * GIB, "cpus": 2, "load": 0.5, "containers": containers}
    return {"nfs": nfs, "resources": resources}


GONE = {"unreachable": True, "msg": "timed out"}


def plan(surveys: dict[str, Any], core: Core = CORE, **request: Any) -> Plan:
    wanted = Request(**{"host": "edge-a", "direction": drain.AWAY, "hosts": list(surveys), **request})
    return Planner(wanted, core, surveys, IMPLEMENTED).plan()


def test_each_follows_what_it_depends_on() -> None:
    assert in_order({"smf", "udm", "nrf", "upf"}, DEPENDS_ON, NAMES) == ["nrf", "udm", "upf", "smf"]
    assert in_order(["etcd", "b", "nrf"], DEPENDS_ON, NAMES) == ["nrf", "b", "etcd"]
    assert in_order(["a", "b"], {"a": ["c"], "c": ["b"]}, ["a", "b", "c"]) == ["b", "a"]  # by one that stays


def test_a_circle_of_dependencies_ends() -> None:
    assert in_order(["a", "b"], {"a": ["b"], "b": ["a"]}, ["a", "b"]) == ["a", "b"]
    circle = Core(["nrf", "udr"], CORE.profiles, {"nrf": ["udr"], "udr": ["nrf"]}, {})
    moves = plan({"edge-a": survey("nrf", "udr"), "edge-b": survey()}, circle).moves["edge-a"]
    assert [move["after"] for move in moves] == [[], ["nrf"]]


def test_a_drain_moves_all_nfs_in_order() -> None:
    found = plan({"edge-a": survey("smf", "udm", "nrf", "upf"), "edge-b": survey("udr"), "edge-c": survey()})
    moves = found.moves["edge-a"]
    assert [move["name"] for move in moves] == ["nrf", "udm", "upf", "smf"]
    assert [move["after"] for move in moves] == [[], ["nrf"], [], ["nrf", "udm", "upf"]]
    assert {move["target_host"] for move in moves} == {"edge-b", "edge-c"} == set(found.targets)
    assert moves[0]["options"] == {"strategy": "pre_copy", "method": "resident", "downtime_budget_ms": 10000}
    assert moves[2]["options"]["strategy"] == "inter_copy"  # stateless: until it is redeployed, it is migrated
    assert "redeploy" in found.notes["upf"]
    assert found.refused == {}


def test_an_empty_host_needs_nothing() -> None:
    assert plan({"edge-a": survey(), "edge-b": survey("nrf")}) == Plan()
    assert plan({"edge-a": survey(), "edge-b": GONE}) == Plan()


def test_a_host_that_is_gone_takes_nothing() -> None:
    found = plan({"edge-a": survey("nrf"), "edge-b": GONE, "edge-c": survey()})
    assert found.targets == ["edge-c"]


@pytest.mark.parametrize(
    ("surveys", "host", "error"),
    [
        ({"edge-a": survey()}, "edge-z", "There is no host 'edge-z'. Set host to one of: edge-a"),
        ({"edge-a": GONE, "edge-b": survey()}, "edge-a", "edge-a cannot be read: timed out. Nothing was touched."),
        ({"edge-a": survey("nrf"), "edge-b": GONE}, "edge-a", "runs on edge-a. edge-b: timed out"),
        ({"edge-a": survey("nrf")}, "edge-a", "Add a host to the inventory"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_at_all_is_refused(surveys: dict[str, Any], host: str, error: str) -> None:
    found = plan(surveys, host=host)
    assert error in found.error
    assert found.moves == {}


def test_what_cannot_move_stays_with_its_reason_and_the_rest_moves() -> None:
    fixed = Core(NAMES, CORE.profiles, DEPENDS_ON, {**CORE.fixed_drivers, "udr": ["host"]})
    surveys = {
        "edge-a": survey("nrf", "udr", "upf", udm=entry("udm", "exited"), smf=entry("smf", error="no answer")),
        "edge-b": survey(),
    }
    found = plan(surveys, fixed, stateless=drain.LEAVE)
    assert [move["name"] for move in found.moves["edge-a"]] == ["nrf"]
    assert {name: words in found.refused[name] for name, words in
            {"udr": "network driver host", "udm": "docker start udm", "upf": "deploy_nf.yml -e nf=upf",
             "smf": "no answer"}.items()} == dict.fromkeys(("udr", "udm", "upf", "smf"), True)  # fmt: skip


def test_an_nf_that_left_by_migration_is_not_there_any_more() -> None:
    left = survey(nrf=entry("nrf", "exited", policy="no"))
    assert plan({"edge-a": left, "edge-b": survey("nrf")}) == Plan()


def test_an_nf_that_runs_twice_stays() -> None:
    found = plan({"edge-a": survey("nrf"), "edge-b": survey("nrf")})
    assert "running container on edge-a and edge-b" in found.refused["nrf"]


@pytest.mark.parametrize(
    ("containers", "moved", "refused"),
    [("nfs", ["nrf"], []), ("all", ["nrf", "etcd"], ["sshd"]), (["etcd", "elsewhere"], ["nrf", "etcd"], [])],
)
def test_other_containers_move_if_the_user_wants_it(containers: Any, moved: list[str], refused: list[str]) -> None:
    found = plan({"edge-a": survey("nrf", others=("etcd", "sshd")), "edge-b": survey()}, containers=containers)
    assert [move["name"] for move in found.moves["edge-a"]] == moved
    assert list(found.refused) == refused
    if "etcd" in moved:
        assert found.moves["edge-a"][1]["options"] == {"method": "resident"}


def test_what_has_left_comes_back_from_wherever_it_is() -> None:
    surveys = {"edge-a": survey("udr"), "edge-b": survey("nrf", "smf"), "edge-c": survey("udm", others=("etcd",))}
    found = plan(surveys, direction=drain.BACK, home=["nrf", "udr", "udm", "etcd"])
    assert {host: [move["name"] for move in moves] for host, moves in found.moves.items()} == {
        "edge-b": ["nrf"],
        "edge-c": ["udm", "etcd"],
    }
    assert found.targets == ["edge-a"]
    assert found.already == ["udr"]


def test_what_does_not_run_cannot_come_back() -> None:
    found = plan({"edge-a": survey(), "edge-b": survey()}, direction=drain.BACK, home=["nrf"])
    assert "playbooks/deploy_core.yml" in found.refused["nrf"]
    found = plan({"edge-a": survey(), "edge-b": GONE}, direction=drain.BACK, home=["nrf"])
    assert found.refused["nrf"] == "It runs on no host that can be read. Make edge-b reachable"


def test_the_core_of_a_description() -> None:
    described = {
        "names": ["smf"],
        "profiles": {"smf": {}},
        "drivers": {"host": {"movable": False}, "macvlan": {"movable": True}},
        "endpoints": {"smf": [{"driver": "macvlan"}, {"driver": "host"}]},
        "core": {"nfs": [{"name": "smf", "depends_on": ["nrf"], "kept": ["sessions"]}], "sctp_remedy": "Front"},
    }
    assert Core.of(described) == Core(
        ["smf"], {"smf": {}}, {"smf": ["nrf"]}, {"smf": ["host"]}, {"smf": ["sessions"]}, "Front"
    )
