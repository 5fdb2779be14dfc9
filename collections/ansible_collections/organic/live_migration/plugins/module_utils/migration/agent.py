# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host is asked to do in the course of a migration, phase by phase."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import asdict
from typing import Any

from ..engines import registry
from ..engines.base import ContainerSpec, Engine
from ..errors import Blocker, MigrationError, Refused
from ..session import progress, supervisor, watchdog
from ..session.channel import Credentials
from ..session.options import Options, Plan
from ..session.slots import ARRIVING, Slot
from . import bandwidth, preflight, recovery
from .methods import METHODS

_MEBIBYTE = 1 << 20
_SHORT_S = 2.0
"""A migration that ends by then costs the controller no further task."""
EVENT_POLL_S = 1.0


def run(parameters: dict[str, Any]) -> watchdog.Result:
    """Do one phase; failures come back as a result that tells them, never as an exception.

    The engine is connected here, once, for the phases that need it; whatever outlives the module is given it.
    """
    phase = parameters["phase"]
    try:
        if phase == "recover" and parameters["dry_run"]:
            return _migrations(recovery.scan_host())
        if phase in _PHASES_WITHOUT_ENGINE:
            return _PHASES_WITHOUT_ENGINE[phase](parameters)
        try:
            engine = registry.connect(parameters["engine"])
        except Refused as refused:
            if phase not in ("look", "prepare"):
                raise
            return {"ok": True, "blockers": [blocker.as_dict() for blocker in refused.blockers], "in_doubt": []}
        return _PHASES[phase](parameters, engine)
    except Exception as error:  # the one place where faults become a result
        return watchdog.failure(error)


def _look(parameters: dict[str, Any], engine: Engine) -> watchdog.Result:
    """Source: look at the container, after settling what earlier migrations left here, and begin its migration."""
    in_doubt = [] if parameters["dry_run"] else recovery.recover_host(engine).in_doubt
    name, tracking = parameters["name"], parameters["page_tracking"]
    view = preflight.look_at_source(
        engine,
        name,
        parameters["shared_volumes"],
        METHODS[parameters["method"]].by_engine,
        tracking if parameters["tracks_pages"] else None,
    )
    measures = parameters["measure"] and view.spec and not view.blockers
    dirty_pages_per_s = bandwidth.dirty_pages_per_s(view.spec, tracking) if measures and view.spec else None
    unsettled = any(entry.name == name for entry in in_doubt)
    begins = parameters["plan"] and not (parameters["dry_run"] or unsettled or view.blockers)
    return {
        "ok": True,
        "in_doubt": [asdict(entry) for entry in in_doubt],
        "blockers": [blocker.as_dict() for blocker in view.blockers],
        "source": view.spec.to_dict() if view.spec else None,
        "engine_id": view.engine_id,
        "memory_bytes": view.memory_bytes,
        "processes": view.processes,
        "dirty_pages_per_s": dirty_pages_per_s,
        "queued": _begin(parameters["plan"], view.memory_bytes, engine) if begins else False,
    }


def _begin(plan: dict[str, Any], memory_bytes: int, engine: Engine) -> bool:
    """Start what attends the migration from here on; returns whether it must queue."""
    options = Options(**plan["options"])
    facts = {
        "name": plan["name"],
        "peer": plan["peer"],
        "strategy": options.strategy,
        "total_bytes": memory_bytes,
        "downtime_limit_ms": options.downtime_limit_ms,
    }
    work = functools.partial(_work, engine=engine)
    return supervisor.Supervisor(plan["migration_id"], facts, options.max_parallel, plan["timeout_s"], work).begin()


def _prepare(parameters: dict[str, Any], engine: Engine) -> watchdog.Result:
    """Target: check, and unless in a dry run create the awaiting container and its agent."""
    if not parameters["dry_run"]:
        recovery.recover_host(engine)
    plan = Plan.of(parameters)
    source = ContainerSpec.from_dict(parameters["source"])
    blockers = preflight.look_at_target(
        engine,
        source,
        plan.memory_bytes,
        parameters["memory_reserve_mb"] * _MEBIBYTE,
        METHODS[parameters["method"]].by_engine,
    )
    if engine.identity() == parameters["engine_id"]:
        blockers.insert(
            0, Blocker("same_host", "Source and target are the same host under two names", "Name another target_host")
        )
    answer: watchdog.Result = {"ok": True, "blockers": [blocker.as_dict() for blocker in blockers]}
    if not blockers and not parameters["dry_run"]:
        slot = Slot.take(ARRIVING, plan.options.max_parallel)
        if slot is None:
            return {**answer, "queued": True}
        watchdog.on_exit(slot.release)
        end = METHODS[parameters["method"]].target
        try:
            answer["port"] = end(plan, source, engine).prepare()
        except BaseException:
            slot.release()
            raise
    return answer


def _migrate(parameters: dict[str, Any]) -> watchdog.Result:
    """Source: migrate to the target that was prepared; answers with the result of a short migration, else with news."""
    plan = Plan.of(parameters)
    orders = ("plan", "credentials", "addresses", "port", "method")
    try:
        supervisor.submit(plan.migration_id, {key: parameters[key] for key in orders})
    except MigrationError as error:  # one that was cancelled has a result; else the target is asked, to be sure
        result = supervisor.wait(plan.migration_id, -1, _SHORT_S)
        return {**result, "message": str(error)} if result.get("in_doubt") else result
    return supervisor.wait(plan.migration_id, -1, _SHORT_S)


def _work(orders: dict[str, Any], engine: Engine) -> watchdog.Result:
    """What the attendant does with its orders."""
    end = METHODS[orders["method"]].source
    return end(Plan.of(orders), orders["addresses"], orders["port"], engine).run()


def _wait(parameters: dict[str, Any]) -> watchdog.Result:
    """Source: fetch the result of a migration, or tell what is new in it."""
    return supervisor.wait(parameters["migration_id"], parameters["seen"], EVENT_POLL_S)


def _dismiss(parameters: dict[str, Any]) -> watchdog.Result:
    """Source: end what attends a migration that has no orders yet, and will get none."""
    with contextlib.suppress(FileNotFoundError):
        progress.order_cancel(supervisor.directory_of(parameters["migration_id"]))
    supervisor.wait(parameters["migration_id"], -1, _SHORT_S)
    return {"ok": True}


def _outcome(parameters: dict[str, Any], engine: Engine) -> watchdog.Result:
    """Target: tell what became of the process of an interrupted migration."""
    return {
        "ok": True,
        "outcome": recovery.target_outcome(parameters["migration_id"], parameters["name"], engine),
    }


def _settle(parameters: dict[str, Any], engine: Engine) -> watchdog.Result:
    """Source: decide an interrupted migration."""
    lost = recovery.resolve_source(parameters["migration_id"], parameters["outcome"], engine)
    return {"ok": True, "lost": lost}


def _withdraw(parameters: dict[str, Any], engine: Engine) -> watchdog.Result:
    """Target: take away what was prepared for a migration that the source has given up."""
    recovery.discard_target(parameters["migration_id"], parameters["name"], engine)
    return {"ok": True}


def _recover(parameters: dict[str, Any], engine: Engine) -> watchdog.Result:
    """Recover what interrupted migrations left on this host; reports also what only the target can decide."""
    return _migrations(recovery.recover_host(engine))


def _migrations(found: recovery.HostMigrations) -> watchdog.Result:
    return {
        "ok": True,
        "settled": [asdict(entry) for entry in found.settled],
        "in_doubt": [asdict(entry) for entry in found.in_doubt],
        "in_progress": [asdict(entry) for entry in found.in_progress],
    }


def _sink(parameters: dict[str, Any]) -> watchdog.Result:
    """Target: swallow, for a moment, what the source sends to measure the link."""
    return {"ok": True, "port": bandwidth.open_sink(Credentials(**parameters["credentials"]))}


def _probe(parameters: dict[str, Any]) -> watchdog.Result:
    """Source: measure the link."""
    credentials = Credentials(**parameters["credentials"])
    rate = bandwidth.link_bytes_per_s(parameters["addresses"], parameters["port"], credentials)
    return {"ok": True, "link_bytes_per_s": round(rate)}


_PHASES = {
    "look": _look,
    "prepare": _prepare,
    "outcome": _outcome,
    "settle": _settle,
    "withdraw": _withdraw,
    "recover": _recover,
}
_PHASES_WITHOUT_ENGINE = {
    "migrate": _migrate,
    "wait": _wait,
    "dismiss": _dismiss,
    "sink": _sink,
    "probe": _probe,
}
