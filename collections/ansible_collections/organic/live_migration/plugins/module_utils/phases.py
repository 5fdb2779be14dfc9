# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host is asked to do in the course of a migration, phase by phase."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from . import agent, preflight, settle
from .docker_engine import DockerEngine
from .engine_checkpoint import EngineSource, EngineTarget
from .errors import Reason, Refused
from .plan import Plan
from .source import Source
from .target import Target

_MEBIBYTE = 1 << 20


def run(parameters: dict[str, Any]) -> agent.Result:
    """Do one phase; failures come back as a result that tells them, never as an exception."""
    try:
        phase = {"look": _look, "prepare": _prepare, "migrate": _migrate, "outcome": _outcome, "settle": _settle,
                 "withdraw": _withdraw}  # fmt: skip
        return phase[parameters["phase"]](parameters)
    except Exception as error:  # the one place where faults become a result
        return agent.failure(error)


def _look(parameters: dict[str, Any]) -> agent.Result:
    """Source: look at the container, after settling what earlier migrations left here."""
    try:
        engine = DockerEngine()
    except Refused as refused:
        return {"ok": True, "reasons": [reason.as_dict() for reason in refused.reasons], "undecided": []}
    undecided = [] if parameters["dry_run"] else settle.settle_host(engine)
    view = preflight.look_at_source(engine, parameters["name"], parameters["shared_volumes"], parameters["method"])
    return {
        "ok": True,
        "undecided": [asdict(entry) for entry in undecided],
        "reasons": [reason.as_dict() for reason in view.reasons],
        "source": view.description,
        "engine_id": view.engine_id,
        "memory_bytes": view.memory_bytes,
        "processes": view.processes,
    }


def _prepare(parameters: dict[str, Any]) -> agent.Result:
    """Target: check, and unless in a dry run create the awaiting container and its agent."""
    try:
        engine = DockerEngine()
    except Refused as refused:
        return {"ok": True, "reasons": [reason.as_dict() for reason in refused.reasons]}
    if not parameters["dry_run"]:
        settle.settle_host(engine)
    plan = Plan.of(parameters)
    reasons = preflight.look_at_target(
        engine,
        parameters["source"],
        plan.memory_bytes,
        parameters["memory_reserve_mb"] * _MEBIBYTE,
        parameters["method"],
    )
    if engine.identity() == parameters["engine_id"]:
        reasons.insert(0, Reason("same_host", "Source and target are the same Docker engine under two names",
                                 "Name another target_host"))  # fmt: skip
    answer: agent.Result = {"ok": True, "reasons": [reason.as_dict() for reason in reasons]}
    if not reasons and not parameters["dry_run"]:
        end = EngineTarget if parameters["method"] == "engine" else Target
        answer["port"] = end(plan, parameters["source"], engine).prepare()
    return answer


def _migrate(parameters: dict[str, Any]) -> agent.Result:
    """Source: migrate to the target that was prepared."""
    plan = Plan.of(parameters)
    end = EngineSource if parameters["method"] == "engine" else Source
    return end(plan, parameters["addresses"], parameters["port"], DockerEngine()).run()


def _outcome(parameters: dict[str, Any]) -> agent.Result:
    """Target: tell what became of the process of an interrupted migration."""
    return {
        "ok": True,
        "outcome": settle.outcome_on_target(parameters["migration_id"], parameters["name"], DockerEngine()),
    }


def _settle(parameters: dict[str, Any]) -> agent.Result:
    """Source: decide an interrupted migration."""
    settle.settle_source(parameters["migration_id"], parameters["outcome"], DockerEngine())
    return {"ok": True}


def _withdraw(parameters: dict[str, Any]) -> agent.Result:
    """Target: take away what was prepared for a migration that the source has given up."""
    settle.withdraw_target(parameters["migration_id"], parameters["name"], DockerEngine())
    return {"ok": True}
