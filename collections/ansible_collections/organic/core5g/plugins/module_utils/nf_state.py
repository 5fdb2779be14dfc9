# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the states of the NFs of this host, once, for a while, or until they are ready."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils.errors import StateError
from ansible_collections.organic.core5g.plugins.module_utils.nf_source import Endpoint, Source, flatten
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Engine
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import RUNNING
from ansible_collections.organic.live_migration.plugins.module_utils.host import processes

AWAITING = "awaiting"
"""Status of a container without an NF, which a migration is to bring or was to bring."""
AWAITING_INIT = "resident-await"
"""What the resident init of such a container calls itself."""
DYNAMIC = "dynamic"
"""In place of the address of an NF: the one that a Docker Swarm has given its container on an overlay."""
_PLACEHOLDERS = ipaddress.ip_network("169.254.0.0/16")
"""On macvlan a Swarm's addresses are of this (RFC 3927), and replaced by the init."""
_INGRESS = "ingress"
"""Network of a Swarm for published ports; no NF listens there."""
POLL_INTERVAL_S = 0.05
WATCH_INTERVAL_S = 0.02


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
    wait_s: float = 0
    await_start: bool = False


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


def _counts(answers: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """The range of every whole number in all answers of an NF, by its dotted path."""
    numbers: dict[str, list[int]] = {}
    for answer in answers:
        for path, value in flatten(answer).items():
            if isinstance(value, int) and not isinstance(value, bool):
                numbers.setdefault(path, []).append(value)
    return {path: _range(found) for path, found in numbers.items()}


def running_pid(engine: Engine, name: str) -> int:
    """PID of the first process of an NF's container on this host.

    Raises:
        StateError: it does not run here.
    """
    container = engine.inspect(name)
    if container is None:
        raise StateError(f"There is no container {name} on this host")
    if container.status != RUNNING:
        raise StateError(
            f"The container {name} does not run, it is {container.status}: its log says why (docker logs {name})"
        )
    return container.pid


def dynamic_address(engine: Engine, name: str) -> str:
    """The address that a Docker Swarm has given to an NF on an overlay.

    Raises:
        StateError: it does not run here, or has none.
    """
    container = engine.inspect(name)
    for network in container.networks if container is not None else ():
        if network.ipv4 and network.name != _INGRESS and ipaddress.ip_address(network.ipv4) not in _PLACEHOLDERS:
            return network.ipv4
    raise StateError(f"The NF {name} has no container on this host that a Docker Swarm has given an address")


class NfReader:
    """State of the NFs whose containers are on this host. A container has the name of its NF.

    Args:
        engine: of the containers.
        default: where an NF reports its state.
        sources: where those NFs do that differ from it.
    """

    def __init__(
        self, engine: Engine, default: Source, sources: Mapping[str, Source] | None = None, timeout_s: float = 5
    ) -> None:
        self._engine = engine
        self._default = default
        self._sources = sources or {}
        self._timeout_s = timeout_s

    def status(self, name: str) -> dict[str, Any]:
        """What the engine knows about the NF's container; ``status`` is ``absent`` if there is none."""
        container = self._engine.inspect(name)
        if container is None:
            unknown = dict.fromkeys(("id", "pid", "restart_policy", "started_at", "service"))
            return {"status": "absent", **unknown}
        is_awaiting = container.pid > 0 and processes.name(container.pid) == AWAITING_INIT
        return {
            "status": AWAITING if is_awaiting else container.status,
            "id": container.id,
            "pid": None if is_awaiting else container.pid or None,
            "restart_policy": container.restart_policy.name,
            "started_at": container.started_at,
            "service": container.service or None,
        }

    def entries(self, addresses: dict[str, str], wanted: Wanted) -> list[dict[str, Any]]:
        """One entry an NF, as nf_state_info returns them. All NFs are awaited and watched during the same time."""
        answers: dict[str, list[dict[str, Any]]] = {name: [] for name in addresses}
        errors: dict[str, str] = {}
        if wanted.wait_s > 0:
            deadline = time.monotonic() + wanted.wait_s
            for name, address in addresses.items():
                with self._noting(name, errors, wanted.must_run):
                    self.wait_until_ready(name, address, wanted.wait_s, deadline, wanted.await_start)
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
                "address": self._known_address(name, address),
                "container": self.status(name),
                "state": None if name in errors else answers[name][-1],
                "sessions": None if name in errors else _sessions(answers[name]),
                "counts": None if name in errors else _counts(answers[name]),
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
        return self._read(name, address)

    def wait_until_ready(
        self, name: str, address: str, timeout_s: float, deadline: float | None = None, await_start: bool = False
    ) -> dict[str, Any]:
        """Await the NF's answer, registration and PFCP associations.

        Args:
            name: of the NF.
            address: of the NF.
            timeout_s: how long, in seconds.
            deadline: until when, by the monotonic clock; by default after ``timeout_s`` from now.
            await_start: its container may not run yet.
        """
        deadline = time.monotonic() + timeout_s if deadline is None else deadline
        while True:
            try:
                state = self._read(name, address)
                reason = unready(state, self._source(name).associations)
                if reason is None:
                    return state
            except StateError as error:
                if not await_start and self.status(name)["pid"] is None:
                    raise
                reason = str(error)
            if time.monotonic() >= deadline:
                raise StateError(f"The NF {name} was not ready within {timeout_s:g} s: {reason}")
            time.sleep(POLL_INTERVAL_S)

    def _source(self, name: str) -> Source:
        return self._sources.get(name, self._default)

    def _known_address(self, name: str, address: str) -> str:
        """The address of an NF; DYNAMIC where it is not known."""
        with contextlib.suppress(StateError):
            return self._address(name, address)
        return address

    def _address(self, name: str, address: str) -> str:
        return dynamic_address(self._engine, name) if address == DYNAMIC else address

    def _read(self, name: str, address: str) -> dict[str, Any]:
        pid = running_pid(self._engine, name)
        return Endpoint(self._address(name, address), self._source(name)).read(pid, self._timeout_s)
