# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's own checkpoint API: an experimental feature of its daemon.

`docker checkpoint create` on the source, the checkpoint's directory by rsync, `docker start --checkpoint` of a
container that was created with the same settings on the target. Docker cannot start a checkpoint from another directory
(`--checkpoint-dir` is refused), so it goes to where the target's daemon looks for it. Docker does not tell CRIU that
connections are established: CRIU's configuration file for runc does."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from tests.harness.build import Workload
from tests.harness.docker import DockerImage, DockerNetwork
from tests.harness.hosts import Topology

from .base import NAME, Load, Migration
from .stock import StockTool

CRIU_CONFIG = "/etc/criu/runc.conf"
IS_OURS = f"grep -qx '# {NAME}' {CRIU_CONFIG}"
CHECKPOINT = "migration"
CHECKPOINTS = (
    "$(docker info --format '{{.DockerRootDir}}')/containers/"
    f"$(docker inspect --format '{{{{.Id}}}}' {NAME})/checkpoints"
)


class DockerCheckpoint(StockTool):
    """docker checkpoint create, rsync, docker start --checkpoint."""

    name = "docker"

    def __init__(self, topology: Topology, workload: Workload) -> None:
        super().__init__(topology, workload)
        self._image = DockerImage(topology, workload)

    def prepare(self) -> None:
        super().prepare()
        self._image.load()
        for host in self.topology.hosts:
            if host.run("docker info --format '{{.ExperimentalBuild}}'").strip() != "true":
                raise ValueError(
                    f"{host.name}: docker checkpoint needs 'experimental: true' in /etc/docker/daemon.json"
                )
            DockerNetwork(host, self.topology).create()
            # Somebody's own file is put back afterwards.
            host.run(f"[ ! -e {CRIU_CONFIG} ] || {IS_OURS} || mv {CRIU_CONFIG} {CRIU_CONFIG}.{NAME}")
            host.put(f"# {NAME}\ntcp-established\n".encode(), CRIU_CONFIG)

    def start(self, load: Load) -> None:
        self._create = (
            f"docker create --name {NAME} --network {DockerNetwork(self.topology.source, self.topology).name} "
            f"--ip {self.topology.address} --mac-address {self.topology.mac} {self._image.name} "
            f"{shlex.join(load.options(self.topology.port))}"
        )
        self.topology.source.run(f"{self._create}\ndocker start {NAME}")

    def migrate(self, strategy: str, options: Mapping[str, int]) -> Migration:
        prepare = f"{self._create} >/dev/null; {self.guard.hold}\necho {CHECKPOINTS}"
        start = f"docker start --checkpoint {CHECKPOINT} {NAME}; {self.guard.release}"
        return self.run_steps(
            [
                ("prepare", f"here={CHECKPOINTS}; there=$({self.link.on_target(prepare)})"),
                ("checkpoint", f"docker checkpoint create {NAME} {CHECKPOINT}"),
                ("copy", self.link.copy_directory(f"$here/{CHECKPOINT}", f"$there/{CHECKPOINT}")),
                ("restore", self.link.on_target(start)),
                ("release", f"docker rm {NAME}"),
            ]
        )

    def stop(self) -> None:
        for host in self.topology.hosts:
            host.run(f"docker rm --force --volumes {NAME}")
        super().stop()

    def clean(self) -> None:
        for host in self.topology.hosts:
            DockerNetwork(host, self.topology).remove()
            host.run(
                f"! {IS_OURS} 2>/dev/null || rm {CRIU_CONFIG}\n"
                f"[ ! -e {CRIU_CONFIG}.{NAME} ] || mv {CRIU_CONFIG}.{NAME} {CRIU_CONFIG}\n"
                "rmdir /etc/criu 2>/dev/null || true"
            )
        self._image.remove()
        super().clean()


class TunedDockerCheckpoint(DockerCheckpoint):
    """The same over an open ssh connection; where a checkpoint lies is the daemon's choice."""

    name = "docker-tuned"
    tuned = True
