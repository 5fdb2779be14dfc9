# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What prevents the move of a service. The Swarm is a fake: tests/migration/test_swarm.py has a real one."""

from __future__ import annotations

import copy
import json
from typing import Any, cast

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.engines import swarm
from ansible_collections.organic.live_migration.plugins.module_utils.engines.docker_api import DockerApi
from ansible_collections.organic.live_migration.plugins.module_utils.engines.swarm import LABEL, SwarmService
from ansible_collections.organic.live_migration.plugins.module_utils.errors import EngineError

SECOND = 1_000_000_000
SERVICE = {
    "ID": "s1",
    "Spec": {
        "Name": "smf",
        "Labels": {},
        "Mode": {"Replicated": {"Replicas": 1}},
        "TaskTemplate": {
            "Networks": [{"Target": "n1"}],
            "ContainerSpec": {
                "Healthcheck": {"Test": ["CMD", paths.INIT, "health"], "Interval": SECOND, "Retries": 3600},
                "StopGracePeriod": 360 * SECOND,
            },
        },
    },
}


def node(name: str) -> dict[str, Any]:
    return {
        "ID": name,
        "Description": {"Hostname": f"host-{name}"},
        "Status": {"State": "ready"},
        "Spec": {"Availability": "active"},
    }


class Api:
    """Answers as a manager does."""

    def __init__(self) -> None:
        self.service: dict[str, Any] | None = copy.deepcopy(SERVICE)
        self.nodes = [node("a"), node("b")]
        self.driver = "macvlan"

    @property
    def spec(self) -> dict[str, Any]:
        assert self.service is not None
        spec: dict[str, Any] = self.service["Spec"]
        return spec

    def get(self, path: str) -> Any:
        network = {"Name": "core", "Driver": self.driver, "ConfigFrom": {"Network": "core-node"}}
        return network if path.startswith("/networks/") else self.service

    def call(self, _method: str, path: str, **_query: Any) -> Any:
        assert path == "/nodes"
        return self.nodes


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(swarm, "_UPDATE_END_S", 0.0)
    return Api()


def codes(api: Api, source: str = "a", target: str = "b") -> list[str]:
    found = SwarmService(cast(DockerApi, api), "smf").check(source, target, 360.0).blockers
    assert all(blocker.message and blocker.remedy for blocker in found)
    return [blocker.code for blocker in found]


def notes(api: Api) -> list[str]:
    return SwarmService(cast(DockerApi, api), "smf").check("a", "b", 360.0).notes


def test_a_service_as_the_role_makes_it_can_move(api: Api) -> None:
    assert codes(api) == []
    assert notes(api) == []
    assert SwarmService(cast(DockerApi, api), "smf").check("a", "b", 360.0).configurations == {"core": "core-node"}


@pytest.mark.parametrize(("given_s", "said"), [(None, "10 s"), (359, "359 s"), (0, "0 s")])
def test_a_service_that_is_killed_soon_after_a_stop_can_move_with_a_warning(
    api: Api, given_s: int | None, said: str
) -> None:
    container = api.spec["TaskTemplate"]["ContainerSpec"]
    del container["StopGracePeriod"]
    if given_s is not None:
        container["StopGracePeriod"] = given_s * SECOND
    assert codes(api) == []
    [note] = notes(api)
    assert note.startswith(f"Service 'smf' has a stop_grace_period of {said}: if a manager")
    assert "Deploy the service with 360s or more" in note


def test_a_service_with_two_replicas_stays(api: Api) -> None:
    api.spec["Mode"]["Replicated"]["Replicas"] = 2
    assert codes(api) == ["service_replicas"]


def test_a_service_on_every_node_stays(api: Api) -> None:
    api.spec["Mode"] = {"Global": {}}
    assert codes(api) == ["service_mode"]


def test_a_service_that_does_not_exist_is_unknown(api: Api) -> None:
    api.service = None
    assert codes(api) == ["service_unknown"]


def test_one_that_is_not_checked_by_the_init_stays(api: Api) -> None:
    api.spec["TaskTemplate"]["ContainerSpec"]["Healthcheck"]["Test"] = ["CMD-SHELL", f"{paths.INIT} health"]
    assert codes(api) == ["service_health"]


def test_the_health_check_must_wait_as_long_as_the_migration_may_take(api: Api) -> None:
    check = api.spec["TaskTemplate"]["ContainerSpec"]["Healthcheck"]
    check["Retries"] = 359
    assert codes(api) == ["service_health_time"]
    check["StartPeriod"] = SECOND
    assert codes(api) == []


@pytest.mark.parametrize("state", ["updating", "paused", "rollback_started"])
def test_an_update_in_progress_is_in_the_way(api: Api, state: str) -> None:
    assert api.service is not None
    api.service["UpdateStatus"] = {"State": state}
    assert codes(api) == ["service_updating"]


def test_a_move_that_has_not_ended_is_in_the_way(api: Api) -> None:
    api.spec["Labels"][LABEL] = "{}"
    assert codes(api) == ["service_moving"]


def test_a_host_outside_the_swarm_is_named(api: Api) -> None:
    assert codes(api, target="c") == ["not_in_swarm"]


def test_a_node_that_takes_no_tasks_is_named(api: Api) -> None:
    api.nodes[1]["Spec"]["Availability"] = "drain"
    assert codes(api) == ["node_unavailable"]
    api.nodes[1]["Status"]["State"] = "down"
    assert codes(api) == ["node_down"]


def test_an_overlay_is_refused(api: Api) -> None:
    api.driver = "overlay"
    assert codes(api) == ["overlay"]


def test_a_swarm_without_quorum_is_said_to_be_unreachable(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_query: Any) -> Any:
        raise EngineError("The swarm does not have a leader.")

    monkeypatch.setattr(api, "call", refuse)
    assert codes(api) == ["swarm_unreachable"]


def test_a_move_is_reverted_once_only_the_old_task_is_left(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target node that was drained meanwhile: Swarm has placed a further task on the source node."""
    kept = {"source": "a", "target": "b", "constraints": ["node.hostname==host-a"], "force": 4, "update": None}
    api.spec["Labels"][LABEL] = json.dumps(kept)
    api.spec["TaskTemplate"]["Placement"] = {"Constraints": []}
    states = [["running", "starting"], ["running", "running"], ["running", "shutdown"]]
    polls: list[list[str]] = []
    posted: list[Any] = []

    def call(method: str, path: str, *content: Any, **_query: Any) -> Any:
        if path != "/tasks":
            posted.extend(content)
            return {**cast(dict[str, Any], api.service), "Version": {"Index": 1}} if method == "GET" else None
        found = states[min(len(polls) // 2, 2)]
        polls.append(found)
        return [{"NodeID": "a", "Status": {"State": state}} for state in found]

    monkeypatch.setattr(api, "call", call)
    monkeypatch.setattr(api, "get", lambda path: {"Status": {"State": "ready"}} if "nodes" in path else api.service)
    monkeypatch.setattr(swarm, "_POLL_S", 0.0)
    SwarmService(cast(DockerApi, api), "smf").revert()
    assert polls[-1] == ["running", "shutdown"]
    [spec] = posted
    assert (spec["Labels"], spec["TaskTemplate"]["ForceUpdate"]) == ({}, 4)
    assert spec["TaskTemplate"]["Placement"]["Constraints"] == ["node.hostname==host-a"]


class Manager:
    """A Swarm of the nodes a, b and c that starts a task on b as soon as the service is changed."""

    def __init__(self, **spec: Any) -> None:
        self.spec: dict[str, Any] = {**copy.deepcopy(cast(dict[str, Any], SERVICE["Spec"])), **spec}
        self.tasks = [{"ID": "t1", "NodeID": "a", "Status": {"State": "running"}}]

    def get(self, path: str) -> Any:
        return node("b") if path.startswith("/nodes/") else {"ID": "s1", "Version": {"Index": 7}, "Spec": self.spec}

    def call(self, method: str, path: str, content: Any = None, **query: Any) -> Any:
        if method == "POST":
            assert (path, query) == ("/services/s1/update", {"version": 7})
            self.spec = json.loads(json.dumps(content))
            self.tasks = [*self.tasks, {"ID": "t2", "NodeID": "b", "Status": {"State": "starting"}}]
            return None
        if path == "/tasks":
            return self.tasks
        return [node("a"), node("b"), node("c")] if path == "/nodes" else self.get(path)


@pytest.mark.parametrize("constraints", [None, [], ["node.hostname==host-a", "node.labels.zone==1"]])
def test_a_service_that_has_moved_is_as_before_but_for_its_node(constraints: list[str] | None) -> None:
    update = {"Parallelism": 3}
    manager = Manager(Labels={"mine": "1"}, UpdateConfig=update)
    before = copy.deepcopy(manager.spec)
    if constraints is not None:
        manager.spec["TaskTemplate"]["Placement"] = {"MaxReplicas": 1, "Constraints": constraints}
    service = SwarmService(cast(DockerApi, manager), "smf")
    own = [one for one in constraints or () if "labels" in one]
    service.place("a", "b", 5.0)
    assert manager.spec["TaskTemplate"]["Placement"]["Constraints"] == [*own, "node.id!=c"]
    assert manager.spec["TaskTemplate"]["ForceUpdate"] == 1
    assert (manager.spec["UpdateConfig"]["Order"], manager.spec["Labels"]["mine"]) == ("start-first", "1")
    assert json.loads(manager.spec["Labels"][LABEL]) == {
        "source": "a", "target": "b", "constraints": constraints, "force": 0, "update": update,
    }  # fmt: skip
    manager.tasks = []
    service.commit()
    placement = {"MaxReplicas": 1} if constraints is not None else {}
    before["TaskTemplate"] |= {
        "Placement": {**placement, "Constraints": [*own, "node.hostname==host-b"]},
        "ForceUpdate": 1,
    }
    assert manager.spec == before


def test_moves_that_nobody_has_ended() -> None:
    kept = {"source": "a", "target": "b", "constraints": [], "force": 0, "update": None}
    service = copy.deepcopy(SERVICE)
    spec = cast(dict[str, Any], service["Spec"])
    spec.update(Name="smf", Labels={LABEL: json.dumps(kept)})
    spec["TaskTemplate"]["ContainerSpec"].update(Command=[paths.INIT, "--name", "smf"], Args=["--", "smf"])

    class Manager:
        def get(self, path: str) -> Any:
            return {"/nodes/a": {**node("a"), "Status": {"State": "down"}}}.get(path)

        def call(self, _method: str, path: str, **_query: Any) -> Any:
            return [service] if path == "/services" else [{"NodeID": "b", "Status": {"State": "running"}}]

    command = (paths.INIT, "--name", "smf", "--", "smf")
    assert swarm.unfinished_moves(cast(DockerApi, Manager())) == [
        swarm.ServiceMove("smf", command, "a", "b", "host-a", "", source_is_ready=False, has_arrived=True)
    ]
