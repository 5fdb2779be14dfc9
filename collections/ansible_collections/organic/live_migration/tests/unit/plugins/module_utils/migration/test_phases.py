# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller sends is what the agent reads, and every phase has a function."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import (
    ContainerSpec,
    NetworkAttachment,
)
from ansible_collections.organic.live_migration.plugins.module_utils.migration import agent, phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import Parameters, PlanParameters
from ansible_collections.organic.live_migration.plugins.module_utils.paths import INIT
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Credentials
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options

PLAN = PlanParameters("0" * 16, "smf", "edge-b", 120, 1 << 20, Options(strategy="pre_copy", connections=4))
CREDENTIALS = Credentials("a", "b", "c")


def test_the_parameters_of_a_phase_arrive_whole() -> None:
    spec = ContainerSpec(
        "smf", "c0ffee", "nf", "sha256:0", INIT, "smf", "running", 7, "2026-01-01T00:00:00Z",
        networks=(NetworkAttachment("core", "192.0.2.34"),), native={"Config": {"Env": None}},
    )  # fmt: skip
    sent = Parameters(phases.PREPARE, plan=PLAN, credentials=CREDENTIALS, source=spec, addresses=["192.0.2.12"], port=7)
    read = typed.from_dict(Parameters, json.loads(json.dumps(sent.as_module_arguments())))
    assert read == sent
    assert read.decided_plan.options == PLAN.options
    assert read.decided_plan.credentials == CREDENTIALS


def test_a_plan_needs_credentials_and_a_strategy() -> None:
    with pytest.raises(ValueError, match="The phase 'start' needs a plan and credentials"):
        _plan = Parameters(phases.START, plan=PLAN).decided_plan
    open_plan = replace(PLAN, options=Options(strategy="auto"))
    with pytest.raises(ValueError, match="must be decided"):
        _plan = Parameters(phases.START, plan=open_plan, credentials=CREDENTIALS).decided_plan


def test_every_phase_has_a_function() -> None:
    assert {*agent._PHASES, *agent._PHASES_WITHOUT_ENGINE} == set(phases.PHASES)


@pytest.mark.parametrize("arguments", [{"phase": "magic"}, {"phase": "poll", "events_seen": "many"}, {}])
def test_what_no_controller_sends_is_an_internal_error_with_its_traceback(arguments: dict[str, object]) -> None:
    failure = agent.run({**arguments, "name": None})["failure"]
    assert isinstance(failure, dict)
    assert failure["message"].startswith("Internal error: ")
    assert "agent.py" in failure["traceback"]
