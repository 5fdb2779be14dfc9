# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of a container on the wire, and what is accepted of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths, typed
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import (
    ContainerSpec,
    NetworkAttachment,
    RestartPolicy,
    VolumeMount,
    await_key,
)
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import spec

FULL = spec(
    entrypoint=paths.INIT,
    await_key="smf",
    networks=(NetworkAttachment("core", "192.0.2.34", "02:42:c0:00:02:22", "2001:db8::34", ("smf", "smf.core")),),
    mounts=(VolumeMount("bind", "/data", True),),
    restart_policy=RestartPolicy("on-failure", 3),
    tty=True,
    host_network=True,
    native={"Config": {"Env": ["A=b"], "Nested": [1, None]}},
)


def read(sent: object) -> ContainerSpec:
    return typed.from_dict(ContainerSpec, sent, complete=True)


def test_a_spec_survives_the_wire() -> None:
    assert read(json.loads(json.dumps(typed.to_dict(FULL)))) == FULL


@pytest.mark.parametrize(
    "differences",
    [
        {"name": ""},
        {"name": "../smf"},
        {"name": 7},
        {"id": ""},
        {"id": "a/b"},
        {"image": None},
        {"await_key": "../../etc/passwd"},
        {"await_key": ""},
        {"await_key": "a" * 129},
        {"await_key": 1},
        {"pid": -1},
        {"pid": True},
        {"pid": "7"},
        {"started_at": "yesterday"},
        {"tty": 1},
        {"host_network": "no"},
        {"native": []},
        {"networks": {}},
        {"networks": ["core"]},
        {"networks": [{"name": "core"}]},
        {"networks": [{"name": "core", "ipv4": "192.0.2", "mac": "", "ipv6": "", "aliases": []}]},
        {"networks": [{"name": "core", "ipv4": "", "mac": "02:42", "ipv6": "", "aliases": []}]},
        {"networks": [{"name": "core", "ipv4": "", "mac": "", "ipv6": "::g", "aliases": []}]},
        {"networks": [{"name": "core", "ipv4": "", "mac": "", "ipv6": "", "aliases": [1]}]},
        {"mounts": [{"kind": "bind", "destination": "/data", "writable": "yes"}]},
        {"mounts": [{"kind": "bind", "destination": "/data", "writable": True, "more": 1}]},
        {"restart_policy": {"name": "sometimes", "max_retries": 0}},
        {"restart_policy": {"name": "no", "max_retries": -1}},
        {"restart_policy": {"Name": "no"}},
        {"unknown": 1},
    ],
    ids=str,
)
def test_what_a_peer_sends_is_checked(differences: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read({**typed.to_dict(FULL), **differences})


@pytest.mark.parametrize("key", sorted(typed.to_dict(FULL)))
def test_a_peer_leaves_nothing_out(key: str) -> None:
    sent = typed.to_dict(FULL)
    del sent[key]
    with pytest.raises(ValueError, match=f"ContainerSpec: missing field {key}"):
        read(sent)


@pytest.mark.parametrize("sent", [None, [], "smf", 7])
def test_a_peer_sends_a_dictionary(sent: object) -> None:
    with pytest.raises(ValueError, match="has no fields"):
        read(sent)


def test_the_time_of_the_last_start() -> None:
    assert spec(started_at="1970-01-02T00:00:00.123456789Z").started_at_s == 86400
    assert spec(started_at="0001-01-01T00:00:00Z").started_at_s < 0


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ([paths.INIT, "--name", "smf", "--", "/bin/server"], "smf"),
        ([paths.INIT, "--", "/bin/server", "--name", "smf"], None),
        ([paths.INIT, "--name"], None),
        ([paths.INIT, "--name", "../smf", "--"], None),
        (["/bin/server", "--name", "smf"], None),
        ([], None),
    ],
)
def test_only_the_resident_init_has_an_await_key(command: list[str], key: str | None) -> None:
    assert await_key(command) == key


@pytest.mark.parametrize(
    ("policy", "exit_code", "restarts"),
    [
        ("always", 0, True),
        ("unless-stopped", 0, True),
        ("on-failure", 1, True),
        ("on-failure", 0, False),
        ("no", 1, False),
    ],
)
def test_when_a_policy_restarts_a_container(policy: str, exit_code: int, restarts: bool) -> None:
    assert RestartPolicy(policy).restarts(exit_code) is restarts


def test_running_is_a_status() -> None:
    assert FULL.running
    assert not replace(FULL, status="exited").running
