# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the state endpoint of an NF from inside the NF's own network namespace."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils.errors import StateError
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Engine
from ansible_collections.organic.live_migration.plugins.module_utils.host.libc import network_namespace

POLL_INTERVAL_S = 0.05
WATCH_INTERVAL_S = 0.02


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """Where an NF reports its state: HTTP/1.1 ``GET path`` on ``address:port``."""

    address: str
    port: int
    path: str

    def __str__(self) -> str:
        return f"http://{self.address}:{self.port}{self.path}"


def get(endpoint: Endpoint, pid: int, timeout_s: float) -> dict[str, Any]:
    """Ask the endpoint out of the network namespace of process ``pid``.

    A macvlan container cannot be reached from its own host; its namespace always can be entered.
    """
    connection = http.client.HTTPConnection(endpoint.address, endpoint.port, timeout=timeout_s)
    try:
        with network_namespace(pid):
            connection.sock = socket.socket(socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET)
        connection.sock.settimeout(timeout_s)
        connection.sock.connect((endpoint.address, endpoint.port))
        connection.request("GET", endpoint.path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise StateError(f"{endpoint} does not answer: {error}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise StateError(f"{endpoint} answers with status {response.status}")
    try:
        state = json.loads(body)
    except ValueError as error:
        raise StateError(f"{endpoint} answers with something else than JSON: {error}") from error
    if not isinstance(state, dict):
        raise StateError(f"{endpoint} answers with something else than a JSON object")
    return state


def unready(state: dict[str, Any], associations: int) -> str | None:
    """Why an NF that answers is not ready yet; None if it is."""
    if not state.get("nrf_registered", True):
        return "it is not registered at the NRF"
    up = sum(1 for association in state.get("pfcp", []) if association["up"])
    if up < associations:
        return f"{up} of {associations} PFCP associations are up"
    return None


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What nf_state_info is asked for, see its options."""

    must_run: bool = True
    watch_s: float = 0
    associations: int = 0
    wait_s: float = 0


def _range(numbers: list[int]) -> dict[str, int]:
    return {"least": min(numbers), "most": max(numbers)}


def _sessions(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """The range of the numbers of sessions in all answers of an NF."""
    by_peer: dict[str, list[int]] = {}
    for answer in answers:
        for association in answer.get("pfcp", []):
            by_peer.setdefault(association["peer"], []).append(association["sessions"])
    return {
        **_range([answer.get("sessions", 0) for answer in answers]),
        "by_peer": {peer: _range(numbers) for peer, numbers in by_peer.items()},
    }


class NfReader:
    """State of the NFs whose containers are on this host. A container has the name of its NF."""

    def __init__(self, engine: Engine, port: int, path: str, timeout_s: float = 5) -> None:
        self._engine = engine
        self._port = port
        self._path = path
        self._timeout_s = timeout_s

    def status(self, name: str) -> dict[str, Any]:
        """What the engine knows about the NF's container; ``status`` is ``absent`` if there is none."""
        container = self._engine.inspect(name)
        if container is None:
            return {"status": "absent", "id": None, "pid": None, "restart_policy": None, "started_at": None}
        return {
            "status": container.status,
            "id": container.id,
            "pid": container.pid or None,
            "restart_policy": container.restart_policy.name,
            "started_at": container.started_at,
        }

    def entries(self, addresses: dict[str, str], wanted: Wanted) -> list[dict[str, Any]]:
        """One entry an NF, as nf_state_info returns them. All NFs are watched during the same time."""
        answers: dict[str, list[dict[str, Any]]] = {name: [] for name in addresses}
        errors: dict[str, str] = {}
        if wanted.wait_s > 0:
            for name, address in addresses.items():
                with self._noting(name, errors, wanted.must_run):
                    self.wait_until_ready(name, address, wanted.associations, wanted.wait_s)
        deadline = time.monotonic() + wanted.watch_s
        while True:
            for name in [name for name in addresses if name not in errors]:
                with self._noting(name, errors, wanted.must_run):
                    answers[name].append(self.read(name, addresses[name]))
            if time.monotonic() >= deadline or len(errors) == len(addresses):
                break
            time.sleep(WATCH_INTERVAL_S)
        return [
            {
                "name": name,
                "address": address,
                "container": self.status(name),
                "state": None if name in errors else answers[name][-1],
                "sessions": None if name in errors else _sessions(answers[name]),
                "error": errors.get(name),
            }
            for name, address in addresses.items()
        ]

    @staticmethod
    @contextlib.contextmanager
    def _noting(name: str, errors: dict[str, str], must_run: bool) -> Iterator[None]:
        """Keep the first error of an NF, unless it must run."""
        try:
            yield
        except StateError as error:
            if must_run:
                raise
            errors[name] = str(error)

    def read(self, name: str, address: str) -> dict[str, Any]:
        """The NF's own answer. Raises StateError if its container does not run or it does not answer."""
        container = self.status(name)
        return self._read(name, address, container)

    def wait_until_ready(self, name: str, address: str, associations: int, timeout_s: float) -> dict[str, Any]:
        """Await the NF's registration and at least ``associations`` PFCP associations."""
        deadline = time.monotonic() + timeout_s
        while True:
            container = self.status(name)
            try:
                state = self._read(name, address, container)
                reason = unready(state, associations)
                if reason is None:
                    return state
            except StateError as error:
                if container["pid"] is None:
                    raise
                reason = str(error)
            if time.monotonic() >= deadline:
                raise StateError(f"The NF {name} was not ready within {timeout_s:g} s: {reason}")
            time.sleep(POLL_INTERVAL_S)

    def _read(self, name: str, address: str, container: dict[str, Any]) -> dict[str, Any]:
        if container["status"] == "absent":
            raise StateError(f"There is no container {name} on this host")
        if container["status"] != "running":
            raise StateError(f"The container {name} does not run, it is {container['status']}")
        return get(Endpoint(address, self._port, self._path), container["pid"], self._timeout_s)
