# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's experimental checkpoint and restore of a whole container (docker-checkpoint(1))."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from .. import decoded, paths
from ..errors import Blocker, EngineError
from ..host import commands
from .base import Checkpoints
from .docker_api import DockerApi
from .spec import ContainerSpec

_TIMEOUT_S = 300


@contextlib.contextmanager
def _connections_allowed() -> Iterator[None]:
    """Let runc's CRIU dump and restore established connections in this block; the file is restored afterwards."""
    before = paths.CRIU_CONFIG.read_bytes() if paths.CRIU_CONFIG.exists() else None
    if before is not None and b"tcp-established" in before:
        yield
        return
    paths.CRIU_CONFIG.parent.mkdir(exist_ok=True)
    paths.CRIU_CONFIG.write_bytes((before or b"") + b"tcp-established\n")
    try:
        yield
    finally:
        if before is None:
            paths.CRIU_CONFIG.unlink(missing_ok=True)
        else:
            paths.CRIU_CONFIG.write_bytes(before)


class DockerCheckpoints(Checkpoints):
    """Checkpoints of the Docker engine of this host.

    Args:
        api: of the engine.
        create: creates a container with the MAC addresses of the one that it is like; returns its id.
    """

    def __init__(self, api: DockerApi, create: Callable[[ContainerSpec], str]) -> None:
        self._api = api
        self._create = create

    def blockers(self) -> list[Blocker]:
        if self._api.call("GET", "/info")["ExperimentalBuild"]:
            return []
        return [
            Blocker(
                "engine_not_experimental",
                "The Docker engine of this host offers no checkpoints: its experimental features are off",
                "Set 'experimental: true' in its daemon.json and restart it, or use method 'resident'",
            )
        ]

    def create_stopped(self, spec: ContainerSpec) -> str:
        return self._create(spec)

    def dump(self, spec: ContainerSpec, checkpoint: str) -> None:
        with _connections_allowed():
            commands.run(["docker", "checkpoint", "create", spec.name, checkpoint], timeout_s=_TIMEOUT_S)

    def restore(self, name: str, checkpoint: str) -> None:
        with _connections_allowed():
            commands.run(["docker", "start", "--checkpoint", checkpoint, name], timeout_s=_TIMEOUT_S)

    def directory(self, container_id: str, checkpoint: str) -> str:
        root = self._api.call("GET", "/info")["DockerRootDir"]
        return f"{root}/containers/{container_id}/checkpoints/{checkpoint}"

    def upper_directory(self, spec: ContainerSpec) -> str:
        directory = decoded.text(spec.native, "GraphDriver", "UpperDir", default="")
        if not directory:
            raise EngineError("Method 'engine' needs Docker's storage driver overlay2; this host has another.")
        return directory
