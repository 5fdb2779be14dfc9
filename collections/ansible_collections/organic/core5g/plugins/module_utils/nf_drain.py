# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drains an instance of an NF, so that its peers move its sessions to another instance, or takes that back."""

from __future__ import annotations

import dataclasses
import http.client
import time
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils import nf_engine, nf_http
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError, StateError
from ansible_collections.organic.core5g.plugins.module_utils.nf_source import Endpoint, Source
from ansible_collections.organic.core5g.plugins.module_utils.nf_state import running_pid
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError

DRAINED, SERVING = "drained", "serving"
POLL_INTERVAL_S = 0.05
TIMEOUT_S = 2.0
"""Of one request. An NF that answers later than that is as good as gone."""
_METHODS = {DRAINED: "PUT", SERVING: "DELETE"}


@dataclasses.dataclass(frozen=True)
class Instance:
    """An instance of an NF on this host.

    Attributes:
        path: of the resource that drains it.
        state_path: where it reports its state.
    """

    name: str
    address: str
    port: int
    path: str
    state_path: str

    def endpoint(self, address: str) -> Endpoint:
        """Where an instance of the same NF reports its state."""
        return Endpoint(address, Source(self.port, self.state_path))


@dataclasses.dataclass
class Progress:
    """Of a drain.

    Attributes:
        sessions: that are still there.
        draining: whether it was asked to leave.
        drained: whether nothing is left.
        was_draining: before it was asked now.
        successor_error: why the other instance cannot take sessions; empty if it can, or there is none.
    """

    sessions: int
    draining: bool
    drained: bool
    was_draining: bool
    successor_error: str = ""


class Drain:
    """Asks an instance out of its own network namespace; it reaches its successor from there as its peers do."""

    def __init__(self, instance: Instance, pid: int, successor: str | None = None) -> None:
        self._instance = instance
        self._pid = pid
        self._successor = successor

    def progress(self, was_draining: bool | None = None) -> Progress:
        state = self._instance.endpoint(self._instance.address).read(self._pid, TIMEOUT_S)
        if "drained" not in state:
            raise StateError(f"{self._instance.name} does not say whether it is drained")
        return Progress(
            int(state["sessions"]),
            bool(state["draining"]),
            bool(state["drained"]),
            bool(state["draining"]) if was_draining is None else was_draining,
            self._successor_error(),
        )

    def ask(self, wanted: str) -> None:
        """Have it drained, or serve again."""
        instance = self._instance
        connection = nf_http.connection(instance.address, instance.port, self._pid, TIMEOUT_S)
        where = f"{_METHODS[wanted]} http://{instance.address}:{instance.port}{instance.path}"
        try:
            connection.request(_METHODS[wanted], instance.path)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            raise StateError(f"{where} is not answered: {error}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise StateError(f"{where} is answered with status {response.status}")

    def follow(self, wanted: str, wait_s: float) -> Progress:
        """Ask for it unless it is so already, then look until nothing is left or the time is over."""
        progress = self.progress()
        before = progress.draining
        if before != (wanted == DRAINED):
            if wanted == DRAINED and progress.successor_error:
                return progress
            self.ask(wanted)
            progress = self.progress(before)
        deadline = time.monotonic() + wait_s
        while wanted == DRAINED and not progress.drained and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL_S)
            progress = self.progress(before)
        return progress

    def _successor_error(self) -> str:
        if self._successor is None:
            return ""
        try:
            state = self._instance.endpoint(self._successor).read(self._pid, TIMEOUT_S)
        except StateError as error:
            return str(error)
        if state.get("draining"):
            return f"http://{self._successor} is drained itself"
        return "" if any(peer["up"] for peer in state.get("pfcp", [])) else f"{self._successor} has no association"


def run(parameters: dict[str, Any]) -> dict[str, Any]:
    """One call of the module: ``instance``, ``successor``, ``state``, ``wait_s``, ``dry_run``, ``engine`` and
    ``namespace``.

    Returns:
        The fields of Progress, or ``error``.
    """
    try:
        instance = Instance(**{field.name: parameters[field.name] for field in dataclasses.fields(Instance)})
        pid = running_pid(nf_engine.of_host(parameters["engine"], parameters["namespace"]), instance.name)
        drain = Drain(instance, pid, parameters["successor"])
        progress = (
            drain.progress() if parameters["dry_run"] else drain.follow(parameters["state"], parameters["wait_s"])
        )
    except (CoreError, MigrationError) as error:
        return {"error": str(error)}
    return dataclasses.asdict(progress)
