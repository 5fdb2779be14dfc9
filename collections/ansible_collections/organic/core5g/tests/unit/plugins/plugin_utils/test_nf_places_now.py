# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.plugin_utils.nf_places_now import failures, places


def container(nf: str, name: str) -> dict[str, Any]:
    return {"Names": [f"/{name}"], "Labels": {"organic.core5g.nf": nf}}


CONTAINERS = [container("smf", "smf"), container("nrf", "core5g_nrf.1.abc")]


@pytest.mark.parametrize(
    ("role", "state", "expected"),
    [
        ("target", "setup", ["nrf"]),
        ("target", "active", ["nrf"]),
        ("target", "restored", ["nrf"]),
        ("target", "completed", ["nrf", "smf"]),
        ("source", "active", ["nrf", "smf"]),
        ("source", "committed", ["nrf"]),
    ],
)
def test_an_nf_is_where_its_process_is(role: str, state: str, expected: list[str]) -> None:
    assert places(CONTAINERS, [{"name": "smf", "role": role, "state": state}]) == expected


def test_the_task_of_a_service_awaits_too() -> None:
    assert places(CONTAINERS, [{"name": "core5g_nrf", "role": "target", "state": "setup"}]) == ["smf"]


def test_a_silent_host_has_a_reason() -> None:
    answers = {"a": {"containers": []}, "b": {"unreachable": True, "msg": "no route"}, "c": {"failed": True}}
    assert failures(answers) == {"b": "no route", "c": "no reason given"}
