# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.plugin_utils.nf_places_now import failures, places, pod_places


def container(nf: str, name: str) -> dict[str, Any]:
    return {"Names": [f"/{name}"], "Labels": {"organic.core5g.nf": nf}}


CONTAINERS = [container("smf", "smf"), container("nrf", "core5g_nrf.1.abc")]


@pytest.mark.parametrize(
    ("role", "state", "expected"),
    [
        ("target", "setup", ["nrf"]),
        ("target", "active", ["nrf"]),
        ("target", "restored", ["nrf"]),
        ("target", "cloned", ["nrf"]),
        ("target", "completed", ["nrf", "smf"]),
        ("source", "active", ["nrf", "smf"]),
        ("source", "committed", ["nrf"]),
    ],
)
def test_an_nf_is_where_its_process_is(role: str, state: str, expected: list[str]) -> None:
    assert places(CONTAINERS, [{"name": "smf", "role": role, "state": state}]) == expected


def test_the_task_of_a_service_awaits_too() -> None:
    assert places(CONTAINERS, [{"name": "core5g_nrf", "role": "target", "state": "setup"}]) == ["smf"]


def pod(node: str | None, ready: bool, state: str = "running") -> dict[str, Any]:
    status = {"containerStatuses": [{"name": "nf", "ready": ready, "state": {state: {}}}]}
    metadata = {"namespace": "core", "labels": {"organic.core5g/nf": "smf"}}
    return {"metadata": metadata, "spec": {"nodeName": node} if node else {}, "status": status if node else {}}


def move(role: str, state: str, name: str = "core.smf") -> list[dict[str, Any]]:
    return [{"name": name, "role": role, "state": state}]


@pytest.mark.parametrize(
    ("pods", "migrations", "expected"),
    [
        pytest.param([pod("a", True)], [], ["smf"], id="ready"),
        pytest.param([pod("b", True)], [], [], id="on another node"),
        pytest.param([pod("a", False)], [], [], id="awaits, before its host knows of the migration"),
        pytest.param([pod("a", False, "waiting")], [], [], id="has no container yet"),
        pytest.param([pod(None, False)], [], [], id="has no node yet"),
        pytest.param([pod("a", False)], move("target", "restored"), [], id="awaits"),
        pytest.param([pod("a", False)], move("target", "completed"), ["smf"], id="arrived, not probed yet"),
        pytest.param([pod("a", False, "terminated")], move("target", "completed"), [], id="arrived and ended"),
        pytest.param([pod("a", True)], move("source", "active"), ["smf"], id="is still there"),
        pytest.param([pod("a", True)], move("source", "committed"), [], id="left, not probed yet"),
        pytest.param([pod("a", True)], move("source", "committed", "other.smf"), ["smf"], id="of another namespace"),
        pytest.param([pod("a", True), pod("a", False)], [], ["smf"], id="two pods"),
    ],
)
def test_an_nf_is_where_the_pod_with_its_process_is(
    pods: list[dict[str, Any]], migrations: list[dict[str, Any]], expected: list[str]
) -> None:
    assert pod_places(pods, "a", migrations) == expected


def test_a_silent_host_has_a_reason() -> None:
    answers = {"a": {"containers": []}, "b": {"unreachable": True, "msg": "no route"}, "c": {"failed": True}}
    assert failures(answers) == {"b": "no route", "c": "no reason given"}
