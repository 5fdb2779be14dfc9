# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine whose containers are kept in a dictionary, for tests of what uses the interface."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Checkpoints, Engine, Side
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import (
    ContainerSpec,
    NetworkAttachment,
    NetworkSpec,
    RestartPolicy,
)
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker

NETWORK = NetworkAttachment("core", "192.0.2.34", "02:42:c0:00:02:22")


def spec(**differences: Any) -> ContainerSpec:
    """A running container that may be migrated by method ``engine``, but for the differences.

    As with Docker, one that does not run has no process: its ``pid`` is 0.
    """
    status = differences.get("status", "running")
    fields = {
        "name": "smf",
        "id": "c0ffee",
        "image": "nf",
        "image_id": "sha256:0",
        "entrypoint": "/bin/server",
        "await_key": None,
        "status": status,
        "pid": int(status in ("running", "paused")),
        "started_at": "2026-01-01T00:00:00.5Z",
        "networks": (NETWORK,),
        **differences,
    }
    return ContainerSpec(**fields)


class FakeCheckpoints(Checkpoints):
    """Checkpoints of an engine that can make them."""

    def blockers(self) -> list[Blocker]:
        return []

    def create_stopped(self, spec: ContainerSpec) -> str:
        raise NotImplementedError

    def dump(self, spec: ContainerSpec, checkpoint: str) -> None:
        raise NotImplementedError

    def restore(self, name: str, checkpoint: str) -> None:
        raise NotImplementedError

    def directory(self, container_id: str, checkpoint: str) -> str:
        raise NotImplementedError

    def upper_directory(self, spec: ContainerSpec) -> str:
        raise NotImplementedError


class FakeEngine(Engine):
    """An engine of a host, with the containers that it is given.

    Attributes:
        containers: by name.
        objections: its blockers, by side.
        asked: the calls that change something, in order.
    """

    name = "fake"

    def __init__(
        self, *containers: ContainerSpec, address: str | None = None, checkpoints: Checkpoints | None = None
    ) -> None:
        super().__init__(address)
        self.containers = {container.name: container for container in containers}
        self.objections: dict[Side, list[Blocker]] = {Side.SOURCE: [], Side.TARGET: []}
        self.asked: list[tuple[Any, ...]] = []
        self._checkpoints = checkpoints

    @property
    def checkpoints(self) -> Checkpoints | None:
        return self._checkpoints

    def identity(self) -> str:
        return "fake-engine"

    def inspect(self, name: str) -> ContainerSpec | None:
        return next((one for one in self.containers.values() if name in (one.name, one.id)), None)

    def running_containers(self) -> list[ContainerSpec]:
        return [one for one in self.containers.values() if one.running]

    def blockers(self, spec: ContainerSpec, side: Side) -> list[Blocker]:
        return list(self.objections[side])

    def create_awaiting(self, spec: ContainerSpec) -> str:
        self.asked.append(("create_awaiting", spec.name))
        made = replace(spec, id=f"{spec.name}-here", status="created", pid=0)
        self.containers[spec.name] = made
        return made.id

    def start(self, container_id: str) -> ContainerSpec:
        self.asked.append(("start", container_id))
        found = self.inspect(container_id)
        assert found is not None
        self.containers[found.name] = started = replace(found, status="running", pid=1)
        return started

    def restart_if_ended(self, container_id: str, policy: RestartPolicy) -> None:
        self.asked.append(("restart_if_ended", container_id, policy))

    def suspend_restarts(self, container_id: str) -> None:
        self.asked.append(("suspend_restarts", container_id))

    def restore_restarts(self, container_id: str, policy: RestartPolicy) -> None:
        self.asked.append(("restore_restarts", container_id, policy))

    def wait_until_stopped(self, container_id: str, timeout_s: float = 30) -> None:
        self.asked.append(("wait_until_stopped", container_id))

    def wait_until_exit_seen(self, container_id: str, pid: int, timeout_s: float) -> None:
        self.asked.append(("wait_until_exit_seen", container_id, pid))

    def remove(self, container_id: str, running: bool = True) -> None:
        self.asked.append(("remove", container_id, running))
        found = self.inspect(container_id)
        if found is not None:
            del self.containers[found.name]

    def image_id(self, reference: str) -> str | None:
        return "sha256:0"

    def network(self, name: str) -> NetworkSpec | None:
        return None

    def networks(self) -> list[NetworkSpec]:
        return []
