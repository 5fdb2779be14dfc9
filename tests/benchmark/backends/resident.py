# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product: container_migrate of organic.live_migration between resident containers, by a user's playbook."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import ON_REQUEST, STRATEGIES

from tests.harness.build import Workload
from tests.harness.docker import DockerImage, DockerNetwork
from tests.harness.hosts import Topology, run_local
from tests.harness.site import RESIDENT

from .base import NAME, POST_COPY, Backend, Load, Migration, Step

PLAYBOOK = Path(__file__).parents[1] / "migrate.yml"


class Resident(Backend):
    """container_migrate, method resident."""

    name = "resident"
    strategies = (*STRATEGIES, *ON_REQUEST)

    def __init__(self, topology: Topology, workload: Workload) -> None:
        super().__init__(topology, workload)
        self._image = DockerImage(topology, workload)

    def prepare(self) -> None:
        for host in self.topology.hosts:
            host.run(f"test -x {RESIDENT}/init || {{ echo 'run playbooks/prepare_hosts.yml first' >&2; exit 1; }}")
        self._image.load()
        for host in self.topology.hosts:
            DockerNetwork(host, self.topology).create()

    def start(self, load: Load) -> None:
        command = ["--name", NAME, "--", *load.command(self.topology.port)]
        self.topology.source.run(
            f"docker run --detach --name {NAME} --network {DockerNetwork(self.topology.source, self.topology).name} "
            f"--ip {self.topology.address} --mac-address {self.topology.mac} --restart unless-stopped "
            f"--volume {RESIDENT}:{RESIDENT}:ro --volume {RESIDENT}/criu.kdat:/run/criu.kdat:ro "
            f"--entrypoint {RESIDENT}/init {self._image.name} {shlex.join(command)}"
        )

    def migrate(self, strategy: str, options: Mapping[str, int]) -> Migration:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            result = Path(directory) / "migration.json"
            variables = {
                "benchmark_container": NAME,
                "benchmark_source": self.topology.source.name,
                "benchmark_target": self.topology.target.name,
                "benchmark_strategy": strategy,
                "benchmark_options": dict(options),
                "benchmark_result": str(result),
            }
            command = ["ansible-playbook", "--inventory", str(self.topology.inventory), str(PLAYBOOK)]
            command += ["--extra-vars", json.dumps(variables)]
            run_local(command)
            reported = json.loads(result.read_text())
        return Migration(
            time_ms=reported["migration_time_ms"],
            steps=list(_steps(reported).values()),
            drain_bytes_per_s=drain_bytes_per_s(reported),
            rounds_ms=rounds_ms(reported),
            reported=reported,
        )

    def stop(self) -> None:
        for host in self.topology.hosts:
            host.run(f"docker rm --force --volumes {NAME}")

    def clean(self) -> None:
        for host in self.topology.hosts:
            DockerNetwork(host, self.topology).remove()
        self._image.remove()


def rounds_ms(reported: dict[str, Any]) -> float | None:
    """From the first pre-copy round to the freeze; None without rounds."""
    steps = _steps(reported)
    if "precopy" not in steps or "freeze" not in steps:
        return None
    return steps["freeze"].start_ms - steps["precopy"].start_ms


def drain_bytes_per_s(reported: dict[str, Any]) -> float | None:
    """Post-copy: the bytes sent, nearly all after the commit, by the time since the process runs on the target."""
    steps = _steps(reported)
    if "postcopy" not in steps or reported["strategy"] != POST_COPY:
        return None
    drain, run = steps["postcopy"], steps["run"]
    drain_ms = drain.start_ms + drain.duration_ms - run.start_ms - run.duration_ms
    return float(reported["bytes_sent"]) / drain_ms * 1000


def _steps(reported: dict[str, Any]) -> dict[str, Step]:
    steps = (Step(step["name"], step["start_ms"], step["duration_ms"]) for step in reported.get("steps", []))
    return {step.name: step for step in steps}
