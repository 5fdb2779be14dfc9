# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry points of the agent module, one function a phase."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import replace

from .. import typed
from ..engines import registry
from ..engines.base import Engine
from ..engines.spec import RUNNING
from ..errors import Blocker, Failure, MigrationError, Refused
from ..host import cpu, system_files
from ..host.await_ticket import AwaitTicket
from ..host.cpu_wait import CpuWait
from ..session import progress, supervisor, watchdog
from ..session.outcome import Outcome, Verdict
from ..session.slots import ARRIVING, Slot
from . import bandwidth, phases, preflight, read_only_mounts, recovery, trial_dump
from .methods import METHODS
from .phases import (
    AwaitFilesAnswer,
    BandwidthClientAnswer,
    BandwidthServerAnswer,
    Done,
    HostMigrations,
    MovesAnswer,
    NodeAnswer,
    OutcomeAnswer,
    Parameters,
    PlanParameters,
    PollAnswer,
    PreflightAnswer,
    PrepareAnswer,
    SwarmAnswer,
)

_MEBIBYTE = 1 << 20
_SHORT_S = 2.0
"""A migration that ends by then costs the controller no further task."""


def run(arguments: Mapping[str, object]) -> dict[str, object]:
    """Do one phase.

    The engine is connected here, once, for the phases that need it; whatever outlives the module is given it.

    Args:
        arguments: options of the module; those that are None were not given.

    Returns:
        ``answer``, the fields of the phase's answer; or ``failure``, those of a :class:`errors.Failure`.
    """
    try:
        given = {name: value for name, value in arguments.items() if value is not None}
        parameters = typed.from_dict(Parameters, given)
        return {"answer": typed.to_dict(_answer(parameters))}
    except Exception as error:  # whatever it is has to reach the user
        return {"failure": typed.to_dict(Failure.of(error))}


def _answer(parameters: Parameters) -> object:
    if parameters.phase == phases.RECOVER and parameters.dry_run:
        return recovery.scan_host(parameters.name)
    if parameters.phase in _PHASES_WITHOUT_ENGINE:
        return _PHASES_WITHOUT_ENGINE[parameters.phase](parameters)
    phase = _PHASES[parameters.phase]
    try:
        engine = registry.connect(parameters.engine)
    except Refused as refused:
        if parameters.phase == phases.PREFLIGHT:
            return PreflightAnswer(refused.blockers)
        if parameters.phase == phases.PREPARE:
            return PrepareAnswer(refused.blockers)
        if parameters.phase == phases.SWARM_NODE:
            return NodeAnswer("", False, refused.blockers)
        raise
    return phase(parameters, engine)


def _preflight(parameters: Parameters, engine: Engine) -> PreflightAnswer:
    """Source: recover what earlier migrations left here, check the container, and begin its migration."""
    wait = CpuWait()
    recovered = HostMigrations() if parameters.dry_run else recovery.recover_host(engine, parameters.name)
    in_doubt = recovered.in_doubt
    name, tracking = parameters.name, parameters.page_tracking
    view = preflight.look_at_source(
        engine,
        name,
        parameters.shared_volumes,
        METHODS[parameters.method].by_engine,
        tracking if parameters.tracks_pages else None,
        parameters.clones,
    )
    if parameters.end_cluster_connections:
        preflight.let_cluster_connections_end(view)
    view.blockers += [
        Blocker(
            "not_recovered",
            f"Migration {entry.migration_id} of '{name}' was interrupted, and its recovery failed: "
            f"{entry.reason.rstrip('.')}",
            "Fix the cause, then run container_migration_recover on this host",
        )
        for entry in recovered.not_recovered
        if entry.name == name
    ]
    host_cpu = replace(cpu.here(), bound=view.bound_cpus)
    answer = PreflightAnswer(
        view.blockers,
        in_doubt,
        view.spec,
        view.engine_id,
        view.memory_bytes,
        view.files_bytes,
        view.compared_bytes,
        view.processes,
        host_cpu,
        doubts=view.doubts,
        system_files=view.system_files,
    )
    answer.holdings = view.holdings
    answer.cpu_slowdown = wait.slowdown()
    if parameters.copy_missing_mounts and view.spec and not view.spec.service:
        answer.mount_copies = read_only_mounts.copies(view.spec)
    if parameters.measure and view.spec and not view.blockers:
        answer.dirty_pages_per_s = bandwidth.dirty_pages_per_s(view.spec, tracking)
    is_in_doubt = any(entry.name == name for entry in in_doubt)
    if parameters.trial_dump and not (is_in_doubt or answer.blockers):
        _try_dump(parameters, answer, engine)
    if parameters.plan is not None and not (parameters.dry_run or is_in_doubt or answer.blockers):
        answer.queued = _begin(parameters.plan, view.memory_bytes, engine)
    return answer


def _try_dump(parameters: Parameters, answer: PreflightAnswer, engine: Engine) -> None:
    """Add to the answer what CRIU refuses, and how long it took to know."""
    if parameters.plan is None:
        raise ValueError("A trial dump needs a plan")
    if METHODS[parameters.method].by_engine:
        answer.blockers.append(
            Blocker(
                "no_trial_dump",
                f"Method '{parameters.method}' has no trial dump",
                "Leave trial_dump out, or use method 'resident'",
            )
        )
        return
    found = trial_dump.try_dump(parameters.plan, engine)
    answer.blockers += found.blockers
    answer.trial_downtime_ms = found.downtime_ms


def _begin(plan: PlanParameters, memory_bytes: int, engine: Engine) -> bool:
    """Start the supervisor of a migration; returns whether the migration must queue."""
    facts = {
        "migration_id": plan.migration_id,
        "name": plan.name,
        "peer": plan.peer,
        "strategy": plan.options.strategy,
        "total_bytes": memory_bytes,
        "downtime_limit_ms": plan.options.downtime_limit_ms,
    }
    work = functools.partial(_work, engine=engine)
    return supervisor.Supervisor(plan.migration_id, facts, plan.options.max_parallel, plan.timeout_s, work).begin()


def _work(request: supervisor.Request, engine: Engine) -> Outcome:
    """What the supervisor does with its request."""
    parameters = typed.from_dict(Parameters, request)
    end = METHODS[parameters.method].source
    return end(parameters.decided_plan, parameters.addresses, parameters.port, engine).run()


def _prepare(parameters: Parameters, engine: Engine) -> PrepareAnswer:
    """Target: check, and unless in a dry run create the awaiting container and its agent."""
    if not parameters.dry_run:
        recovery.recover_host(engine, parameters.name)
    plan, source = parameters.decided_plan, parameters.source
    if source is None:
        raise ValueError("The phase 'prepare' needs the container on the source host")
    blockers = preflight.look_at_target(
        engine,
        source,
        plan.memory_bytes,
        parameters.memory_reserve_mb * _MEBIBYTE,
        METHODS[parameters.method].by_engine,
        parameters.source_cpu,
        parameters.mount_copies,
    )
    blockers += system_files.blockers(parameters.system_files)
    if engine.identity() == parameters.engine_id:
        blockers.insert(
            0, Blocker("same_host", "Source and target are the same host under two names", "Name another target_host")
        )
    present = engine.inspect(source.name)
    answer = PrepareAnswer(blockers, present=present.status if present else "")
    if not blockers and not parameters.dry_run:
        slot = Slot.take(ARRIVING, plan.options.max_parallel)
        if slot is None:
            answer.queued = True
            return answer
        watchdog.on_exit(slot.release)
        try:
            answer.port = METHODS[parameters.method].target(plan, source, engine).prepare(parameters.mount_copies)
        except BaseException:
            slot.release()
            raise
    return answer


def _start(parameters: Parameters) -> PollAnswer:
    """Source: migrate to the target that was prepared; a short migration is answered with its outcome."""
    plan = parameters.decided_plan
    try:
        supervisor.submit(plan.migration_id, typed.to_dict(parameters))
        supervisor.cancel_others(plan.migration_id, plan.name)
    except MigrationError as error:  # one that was cancelled has an outcome; else the target is asked, to be sure
        found = supervisor.wait(plan.migration_id, -1, _SHORT_S)
        if isinstance(found, Outcome) and found.verdict is Verdict.IN_DOUBT:
            found.message = str(error)
        return PollAnswer.of(found)
    return PollAnswer.of(supervisor.wait(plan.migration_id, -1, _SHORT_S))


def _poll(parameters: Parameters) -> PollAnswer:
    """Source: fetch the outcome of a migration, or its progress."""
    return PollAnswer.of(
        supervisor.wait(parameters.migration_id, parameters.events_seen, parameters.wait_s, parameters.patience_s)
    )


def _abort_queued(parameters: Parameters) -> Done:
    """Source: end the supervisor of a migration that was not started, and will not be."""
    with contextlib.suppress(FileNotFoundError):
        progress.request_cancel(supervisor.directory_of(parameters.migration_id))
    supervisor.wait(parameters.migration_id, -1, _SHORT_S)
    return Done()


def _query_outcome(parameters: Parameters, engine: Engine) -> OutcomeAnswer:
    """Target: what became of the process of an interrupted migration."""
    return OutcomeAnswer(recovery.target_outcome(parameters.migration_id, parameters.name, engine))


def _resolve(parameters: Parameters, engine: Engine) -> OutcomeAnswer:
    """Source: resolve a migration in doubt by what became of the process on the target."""
    return OutcomeAnswer(recovery.resolve_source(parameters.migration_id, parameters.outcome, engine))


def _discard_target(parameters: Parameters, engine: Engine) -> Done:
    """Target: remove what was prepared for a migration that the source has given up."""
    recovery.discard_target(parameters.migration_id, engine)
    return Done()


def _recover(parameters: Parameters, engine: Engine) -> HostMigrations:
    """Recover the interrupted migrations of this host, as far as it can do that alone."""
    found = recovery.recover_host(engine, parameters.name)
    member = engine.swarm_node()
    found.node, found.is_manager = member.node, member.is_manager
    return found


def _swarm_node(_parameters: Parameters, engine: Engine) -> NodeAnswer:
    """Any host: its place in its Swarm."""
    found = engine.swarm_node()
    return NodeAnswer(found.node, found.is_manager, configurations=found.configurations)


def _swarm_moves(_parameters: Parameters, engine: Engine) -> MovesAnswer:
    """A manager: the moves of services that nobody has ended yet."""
    return MovesAnswer(engine.swarm_moves())


def _swarm_service(parameters: Parameters, engine: Engine) -> SwarmAnswer:
    """A manager: check or change the service whose task is moved."""
    service = engine.swarm_service(parameters.name)
    source, target, timeout_s = parameters.source_node, parameters.target_node, parameters.wait_s
    if parameters.action == phases.CHECK:
        found = service.check(source, target, timeout_s)
        return SwarmAnswer(found.blockers, found.notes, found.configurations)
    if parameters.action == phases.PLACE:
        service.place(source, target, timeout_s)
    elif parameters.action == phases.COMMIT:
        service.commit()
    elif parameters.action == phases.REVERT:
        service.revert()
    elif parameters.action == phases.RECOVER:
        return SwarmAnswer(done=service.recover())
    return SwarmAnswer()


def _await_file(parameters: Parameters) -> Done:
    """Either host: what an init of this name does when a cluster starts it."""
    ticket, migration_id = AwaitTicket(parameters.name), parameters.migration_id
    if parameters.action == phases.AWAIT:
        ticket.permit_without_limit(migration_id)
    elif parameters.action == phases.HOLD:
        ticket.hold(migration_id)
    elif parameters.action == phases.REVOKE and migration_id:
        ticket.revoke_of(migration_id)
    elif parameters.action == phases.REVOKE:
        ticket.revoke()
    return Done()


def _await_files(_parameters: Parameters, engine: Engine) -> AwaitFilesAnswer:
    """Any host: its await files, and what tells whether their migrations have ended."""
    files = AwaitTicket.of_migrations()  # first: a supervisor that begins later is of none of them
    containers = engine.running_containers()
    return AwaitFilesAnswer(
        files,
        supervisor.known_migrations(),
        sorted({one.name for one in containers if one.status == RUNNING}),
        sorted({one.name for one in containers if one.status != RUNNING}),
    )


def _bandwidth_server(parameters: Parameters) -> BandwidthServerAnswer:
    """Target: take, for a moment, what the source sends to measure the link."""
    if parameters.credentials is None:
        raise ValueError("The bandwidth server needs credentials")
    return BandwidthServerAnswer(bandwidth.start_server(parameters.credentials))


def _bandwidth_client(parameters: Parameters) -> BandwidthClientAnswer:
    """Source: measure the link."""
    if parameters.credentials is None:
        raise ValueError("The bandwidth client needs credentials")
    rate = bandwidth.link_bytes_per_s(parameters.addresses, parameters.port, parameters.credentials)
    return BandwidthClientAnswer(float(round(rate)))


_PHASES: dict[str, Callable[[Parameters, Engine], object]] = {
    phases.PREFLIGHT: _preflight,
    phases.PREPARE: _prepare,
    phases.QUERY_OUTCOME: _query_outcome,
    phases.RESOLVE: _resolve,
    phases.DISCARD_TARGET: _discard_target,
    phases.RECOVER: _recover,
    phases.SWARM_NODE: _swarm_node,
    phases.SWARM_SERVICE: _swarm_service,
    phases.SWARM_MOVES: _swarm_moves,
    phases.AWAIT_FILES: _await_files,
}
_PHASES_WITHOUT_ENGINE: dict[str, Callable[[Parameters], object]] = {
    phases.START: _start,
    phases.POLL: _poll,
    phases.ABORT_QUEUED: _abort_queued,
    phases.BANDWIDTH_SERVER: _bandwidth_server,
    phases.BANDWIDTH_CLIENT: _bandwidth_client,
    phases.AWAIT_FILE: _await_file,
}
