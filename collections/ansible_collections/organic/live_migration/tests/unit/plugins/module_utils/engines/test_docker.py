# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine is asked to do; it is played here."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.engines import docker
from ansible_collections.organic.live_migration.plugins.module_utils.engines.docker import DockerEngine


class APIError(Exception):
    """As python3-docker has it."""


class NotFound(APIError):
    """As python3-docker has it."""


class Client:
    """Docker's, with one container or none."""

    def __init__(self, **state: Any) -> None:
        self._state = state
        self.started = 0

    def inspect_container(self, _name: str) -> dict[str, Any]:
        if not self._state:
            raise NotFound("No such container")
        return {"State": self._state}

    def start(self, _container_id: str) -> None:
        self.started += 1
        raise APIError("port is already allocated")


def engine_with(monkeypatch: pytest.MonkeyPatch, **state: Any) -> tuple[DockerEngine, Client]:
    errors = SimpleNamespace(APIError=APIError, NotFound=NotFound)
    monkeypatch.setattr(docker, "docker", SimpleNamespace(errors=errors), raising=False)
    engine = DockerEngine.__new__(DockerEngine)
    engine._client = client = Client(**state)
    return engine, client


@pytest.mark.parametrize(
    ("policy", "state", "started"),
    [
        ("always", {"Status": "exited", "ExitCode": 0}, True),
        ("unless-stopped", {"Status": "exited", "ExitCode": 0}, True),
        ("on-failure", {"Status": "exited", "ExitCode": 1}, True),
        ("on-failure", {"Status": "exited", "ExitCode": 0}, False),
        ("no", {"Status": "exited", "ExitCode": 1}, False),
        ("", {"Status": "exited", "ExitCode": 1}, False),
        ("always", {"Status": "running", "ExitCode": 0}, False),
        ("always", {}, False),
    ],
)
def test_what_ended_is_started_as_its_policy_says_and_a_refusal_is_no_failure(
    policy: str, state: dict[str, Any], started: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, client = engine_with(monkeypatch, **state)
    engine.restart("c0ffee", {"Name": policy})
    assert client.started == started


@pytest.mark.parametrize("state", [{"Pid": 0}, {"Pid": 8}, {}], ids=["ended", "started anew", "gone"])
def test_the_end_of_a_container_is_noticed(state: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    engine, client = engine_with(monkeypatch, Pid=7)
    began = time.monotonic()
    engine.wait_until_exit_seen("c0ffee", 7, 0.1)
    assert time.monotonic() - began >= 0.1
    threading.Timer(0.1, lambda: setattr(client, "_state", state)).start()
    began = time.monotonic()
    engine.wait_until_exit_seen("c0ffee", 7, 60)
    assert time.monotonic() - began < 60
