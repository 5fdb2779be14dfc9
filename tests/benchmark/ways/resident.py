# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ours: organic.live_migration.container_migrate between two resident containers, by a playbook as a user has it."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from build import Workload
from hosts import Site, run_local

from .base import HYBRID, INTER_COPY, NAME, POST_COPY, PRE_COPY, Load, Migration, Step, Way
from .docker import DockerImage, DockerNetwork

PLAYBOOK = Path(__file__).parents[1] / "migrate.yml"
RESIDENT = "/opt/organic/resident"


class Resident(Way):
    """container_migrate, method resident."""

    name = "resident"
    strategies = (INTER_COPY, PRE_COPY, POST_COPY, HYBRID)

    def __init__(self, site: Site, workload: Workload) -> None:
        super().__init__(site, workload)
        self._image = DockerImage(site, workload)

    def prepare(self) -> None:
        for host in self.site.hosts:
            host.run(f"test -x {RESIDENT}/init || {{ echo 'run playbooks/prepare_hosts.yml first' >&2; exit 1; }}")
        self._image.load()
        for host in self.site.hosts:
            DockerNetwork(host, self.site).create()

    def start(self, load: Load) -> None:
        command = ["--name", NAME, "--", *load.command(self.site.port)]
        self.site.source.run(
            f"docker run --detach --name {NAME} --network {DockerNetwork(self.site.source, self.site).name} "
            f"--ip {self.site.address} --mac-address {self.site.mac} --restart unless-stopped "
            f"--volume {RESIDENT}:{RESIDENT}:ro --volume {RESIDENT}/criu.kdat:/run/criu.kdat:ro "
            f"--entrypoint {RESIDENT}/init {self._image.name} {shlex.join(command)}"
        )

    def migrate(self, strategy: str, options: Mapping[str, int]) -> Migration:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            result = Path(directory) / "migration.json"
            variables = {
                "benchmark_container": NAME,
                "benchmark_source": self.site.source.name,
                "benchmark_target": self.site.target.name,
                "benchmark_strategy": strategy,
                "benchmark_options": dict(options),
                "benchmark_result": str(result),
            }
            command = ["ansible-playbook", "--inventory", str(self.site.inventory), str(PLAYBOOK)]
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
        for host in self.site.hosts:
            host.run(f"docker rm --force --volumes {NAME}")

    def clean(self) -> None:
        for host in self.site.hosts:
            DockerNetwork(host, self.site).remove()
        self._image.remove()


def rounds_ms(reported: dict[str, Any]) -> float | None:
    """From the first round to the freeze."""
    steps = _steps(reported)
    if "rounds" not in steps or "freeze" not in steps:
        return None
    return steps["freeze"].start_ms - steps["rounds"].start_ms


def drain_bytes_per_s(reported: dict[str, Any]) -> float | None:
    """Post-copy: what was sent, nearly all of it afterwards, by the time since the process ran on the target."""
    steps = _steps(reported)
    if "postcopy" not in steps or reported["strategy"] != POST_COPY:
        return None
    drain, resume = steps["postcopy"], steps["resume"]
    drain_ms = drain.start_ms + drain.duration_ms - resume.start_ms - resume.duration_ms
    return float(reported["bytes_sent"]) / drain_ms * 1000


def _steps(reported: dict[str, Any]) -> dict[str, Step]:
    steps = (Step(step["name"], step["start_ms"], step["duration_ms"]) for step in reported.get("steps", []))
    return {step.name: step for step in steps}
