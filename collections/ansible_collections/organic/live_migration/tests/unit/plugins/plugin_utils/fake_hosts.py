# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two fake hosts, and a migration between them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    BandwidthClientAnswer,
    BandwidthServerAnswer,
    Done,
    InDoubt,
    OutcomeAnswer,
    Parameters,
    PollAnswer,
    PreflightAnswer,
    PrepareAnswer,
)
from ansible_collections.organic.live_migration.plugins.module_utils.paths import INIT
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import (
    Outcome,
    Pending,
    Verdict,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Snapshot
from ansible_collections.organic.live_migration.plugins.modules import container_migration_agent
from ansible_collections.organic.live_migration.plugins.plugin_utils.migration import Migration

ARGUMENTS = {
    "name": "smf",
    "target_host": "edge-b",
    "target_address": None,
    "memory_reserve_mb": 256,
    "shared_volumes": [],
    "timeout_s": 120,
    "method": "resident",
    "downtime_budget_ms": 0,
    **asdict(Options()),
}
SPEC = ContainerSpec("smf", "c0ffee", "nf", "sha256:0", INIT, "smf", "running", 7, "2026-01-01T00:00:00Z")
FOUND = PreflightAnswer(source=SPEC, engine_id="a", memory_bytes=1, processes=1)
AGENT_OPTIONS = set(yaml.safe_load(container_migration_agent.DOCUMENTATION)["options"])
ROLLED_BACK = Outcome(Verdict.ROLLED_BACK, "The connection to the other host broke.")
IN_DOUBT = replace(ROLLED_BACK, verdict=Verdict.IN_DOUBT)
COMPLETED = Outcome(Verdict.COMPLETED)
ENTRY = InDoubt("0" * 16, "smf", "edge-b")
BLOCKER = Blocker("terminal", "It has a terminal", "Start it without -t")
UNREACHABLE = AnsibleActionFail("Host 'edge-b' cannot be reached: timed out")
PREPARED = PrepareAnswer(port=7)


class Hosts:
    """Answers by phase: an answer, an exception, or a list of these for one call after the other."""

    source, target, engine, unreachable = "edge-a", "edge-b", "docker", ""

    def __init__(self, **answers: Any) -> None:
        self.follows_events = True
        self._answers = {"preflight": FOUND, "prepare": PREPARED, "discard_target": Done(), "abort_queued": Done(),
                         "bandwidth_server": BandwidthServerAnswer(8), "bandwidth_client": BandwidthClientAnswer(1e9),
                         **answers}  # fmt: skip
        self.asked: list[tuple[str, str]] = []
        self.parameters: list[Parameters] = []
        self.announced: list[Snapshot] = []

    def announce(self, progress: Snapshot) -> None:
        self.announced.append(progress)

    def on_source(self, parameters: Parameters, answer: type) -> Any:
        return self._answer("source", parameters, answer)

    def on_target(self, parameters: Parameters, answer: type) -> Any:
        return self._answer("target", parameters, answer)

    def _answer(self, side: str, parameters: Parameters, kind: type) -> Any:
        given = {name for name, value in parameters.as_module_arguments().items() if value}
        assert set(phases.PHASES[parameters.phase]) <= given
        assert given <= AGENT_OPTIONS
        self.asked.append((side, parameters.phase))
        self.parameters.append(parameters)
        answer = self._answers.get(parameters.phase, parameters.outcome)
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, (Outcome, Pending)):
            answer = PollAnswer.of(answer)
        if isinstance(answer, str):
            answer = OutcomeAnswer(answer)
        assert isinstance(answer, kind)
        return answer

    @staticmethod
    def target_addresses(_wanted: str | None) -> list[str]:
        return ["192.0.2.12"]


def migrate(hosts: Hosts, **arguments: Any) -> dict[str, Any]:
    return Migration(hosts, {**ARGUMENTS, **arguments}).migrate()
