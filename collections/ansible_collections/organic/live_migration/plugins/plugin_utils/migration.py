# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controller side of one migration: preflight, choose a strategy, start, poll, and report the result."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    BandwidthClientAnswer,
    BandwidthServerAnswer,
    Done,
    Parameters,
    PlanParameters,
    PollAnswer,
    PreflightAnswer,
    PrepareAnswer,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Credentials
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import AUTO
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Outcome, Pending, Verdict
from ansible_collections.organic.live_migration.plugins.module_utils.session.supervisor import PATIENCE_S
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import registry
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.base import Strategy
from ansible_collections.organic.live_migration.plugins.plugin_utils import (
    ansible_compat,
    certificates,
    recovery,
    report,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.arguments import Arguments
from ansible_collections.organic.live_migration.plugins.plugin_utils.forecast import Forecast, Measured
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.registry import orchestrator_of
from ansible_collections.organic.live_migration.plugins.plugin_utils.placement import Placement
from ansible_collections.organic.live_migration.plugins.plugin_utils.report import Aftermath, Where

_EVENT_POLL_S = 1.0
_TURN_POLL_S = 10.0
"""How long a poll waits for the migration's turn. Each poll runs a module: many that queue must not load the hosts."""
_PATIENCE_FACTOR = 6
"""So many times the longest task so far may the next one take before the source takes the controller for lost."""
Result = dict[str, object]
"""Fields of an action's result."""


class Migration:
    """One migration of one container.

    Args:
        hosts: the two hosts.
        arguments: of the action, checked against their specification.

    Raises:
        AnsibleActionFail: arguments are out of range, or do not fit each other.
    """

    def __init__(self, hosts: Hosts, arguments: Mapping[str, object]) -> None:
        try:
            self._arguments = Arguments.of(arguments)
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from None
        self._hosts = hosts
        self._name = self._arguments.name
        self._where = Where(self._name, hosts.source, hosts.target)
        self._started = time.monotonic()
        self._longest_task_s, self._on_target = 0.0, ""
        self._found = PreflightAnswer()
        self._forecast: Forecast | None = None
        self._id = secrets.token_hex(8)
        self._orchestrator = orchestrator_of(None, hosts, self._arguments.timeout_s)
        self._options = self._arguments.options
        self._usable = registry.can_be_asked_for(self._arguments.method)
        if self._options.strategy not in (AUTO, *self._usable):
            raise AnsibleActionFail(
                f"Method '{self._arguments.method}' knows no strategy but {', '.join(self._usable)}, not "
                f"{self._options.strategy}. Use method 'resident', or leave strategy out."
            )

    # What can be known before anything is touched

    def preflight(self, dry_run: bool) -> list[Blocker]:
        """Check the container on the source; returns the blockers that are found there.

        Interrupted migrations are recovered first, unless in a dry run.
        """
        self._found = self._hosts.on_source(
            Parameters(
                phases.PREFLIGHT,
                self._name,
                plan=self._plan(self._hosts.target),
                shared_volumes=self._arguments.shared_volumes,
                copy_missing_mounts=self._arguments.copy_missing_mounts,
                end_cluster_connections=self._arguments.end_cluster_connections,
                method=self._arguments.method,
                page_tracking=self._options.page_tracking,
                tracks_pages=self._strategy is not None and self._strategy.tracks_writes,
                clones=self._strategy is not None and self._strategy.runs_before_commit,
                measure=self._measures,
                trial_dump=self._arguments.trial_dump,
                dry_run=dry_run,
            ),
            PreflightAnswer,
        )
        mine = [entry for entry in self._found.in_doubt if entry.name == self._name]
        for entry in mine:
            if entry.target_host != self._hosts.target:
                raise AnsibleActionFail(report.frozen_elsewhere(self._where, entry.target_host))
            recovery.resolve(self._hosts, entry.migration_id, entry.name)
        if mine:
            return self.preflight(dry_run)
        if self._found.source is None or self._found.blockers:
            return self._found.blockers
        return self._cluster_blockers(self._found.source, dry_run)

    def _cluster_blockers(self, spec: ContainerSpec, dry_run: bool) -> list[Blocker]:
        """What prevents a cluster from placing the container, once what an earlier migration left is ended."""
        self._orchestrator = orchestrator_of(spec, self._hosts, self._arguments.timeout_s)
        if dry_run:
            return self._orchestrator.blockers(spec)
        with self._aborting_queued():
            self._orchestrator.recover(spec)
            if found := self._orchestrator.blockers(spec):
                self._abort_queued()
        return found

    def blockers(self) -> list[Blocker]:
        """Everything that prevents the migration, on both hosts. Nothing is changed."""
        found = list(self.preflight(dry_run=True))
        self._decide(measures_link=not found)
        if self._found.source:
            found += self._prepare(dry_run=True, credentials=certificates.credentials()[1]).blockers
        return found

    def facts(self) -> Result:
        """What was found about the container, and what its migration would cost."""
        forecast = self._decide(measures_link=False)
        facts: Result = {
            "source_host": self._hosts.source,
            "target_host": self._hosts.target,
            "memory_bytes": self._found.memory_bytes,
            "processes": self._found.processes,
            "predicted_downtime_ms": forecast.predicted.downtime_ms,
            "forecast": forecast.as_dict(),
            "doubts": [*self._found.doubts, *self._orchestrator.notes],
        }
        if self._found.trial_downtime_ms is not None:
            facts["trial_downtime_ms"] = self._found.trial_downtime_ms
        return facts

    @property
    def _measures(self) -> bool:
        """Whether the strategy is still to be chosen, and there is a choice."""
        return self._options.strategy == AUTO and len(self._usable) > 1

    @property
    def _strategy(self) -> type[Strategy] | None:
        """None before one is chosen."""
        return None if self._options.strategy == AUTO else registry.strategy_class(self._options.strategy)

    def _decide(self, measures_link: bool) -> Forecast:
        """Predict what the migration costs; choose the strategy by that if it is not chosen yet."""
        if self._forecast is None:
            found, link = self._found, self._measure_link() if measures_link and self._measures else None
            self._forecast = Forecast(
                Measured.of(found, link), self._options, self._arguments.downtime_budget_ms, self._arguments.method
            )
            self._options = replace(self._options, strategy=self._forecast.strategy)
        return self._forecast

    def _measure_link(self) -> float:
        source_credentials, target_credentials = certificates.credentials()
        server = self._hosts.on_target(
            Parameters(phases.BANDWIDTH_SERVER, credentials=target_credentials), BandwidthServerAnswer
        )
        client = Parameters(
            phases.BANDWIDTH_CLIENT, credentials=source_credentials, addresses=self._addresses, port=server.port
        )
        return self._hosts.on_source(client, BandwidthClientAnswer).link_bytes_per_s

    @property
    def _addresses(self) -> list[str]:
        return self._hosts.target_addresses(self._arguments.target_address)

    def diff(self) -> dict[str, str]:
        """What is where, before and after; in the form that --diff prints."""
        if self._found.source is None:
            return {}
        return Placement(self._found.source, self._hosts.source, self._hosts.target, self._on_target).diff()

    def migrate(self) -> Result:
        """Check, migrate, and report; also a migration that failed, after which the process is where it was.

        Returns:
            Result fields of the action.
        """
        blockers = self.preflight(dry_run=False)
        if blockers:
            return report.refused(blockers)
        with self._aborting_queued():
            outcome = self._queue()
            if outcome is not None:
                return self._result(outcome, self._elapsed_ms(), self._elapsed_ms(), Aftermath())
            self._decide(measures_link=True)
            source_credentials, target_credentials = certificates.credentials()
            if self._found.source is None:
                raise AnsibleActionFail(f"Host '{self._hosts.source}' did not describe container '{self._name}'.")
            prepared = self._place_and_prepare(self._found.source, target_credentials)
        if prepared.blockers:
            self._abort_queued()
            self._orchestrator.revert()
            return report.refused(prepared.blockers)
        prepared_ms = self._elapsed_ms()
        found = self._hosts.on_source(
            Parameters(
                phases.START,
                plan=self._plan(self._hosts.target),
                credentials=source_credentials,
                addresses=self._addresses,
                port=prepared.port,
                method=self._arguments.method,
            ),
            PollAnswer,
        )
        while (outcome := found.outcome) is None:
            progress = self._progress_of(found)
            self._hosts.announce(progress.progress)
            found = self._poll(events_seen=len(progress.progress.events) if self._hosts.follows_events else -1)
        return self._result(outcome, self._elapsed_ms(), prepared_ms, self._clean_up(outcome))

    def _clean_up(self, outcome: Outcome) -> Aftermath:
        """After a failure have the target asked, or what was prepared removed; then tell the orchestrator."""
        aftermath, runs_on_source = Aftermath(), False
        if outcome.verdict is Verdict.IN_DOUBT:
            try:
                aftermath = Aftermath(resolved=recovery.resolve(self._hosts, self._id, self._name))
            except AnsibleActionFail as error:
                return Aftermath(unresolved=str(error))
            runs_on_source = aftermath.resolved == phases.NEVER_RAN
        elif outcome.verdict in (Verdict.ROLLED_BACK, Verdict.CANCELLED, Verdict.PROCESS_EXITED):
            runs_on_source = True
            try:
                self._hosts.on_target(Parameters(phases.DISCARD_TARGET, self._name, migration_id=self._id), Done)
            except AnsibleActionFail as error:
                aftermath = Aftermath(not_discarded=str(error), ends_after_s=self._arguments.timeout_s)
        try:
            (self._orchestrator.revert if runs_on_source else self._orchestrator.commit)()
        except AnsibleError as error:  # the process is where it is; the next migration ends the move
            aftermath = replace(aftermath, not_ended=str(error))
        return aftermath

    def _elapsed_ms(self) -> float:
        return (time.monotonic() - self._started) * 1000

    def _queue(self) -> Outcome | None:
        """Wait until it is this migration's turn to leave the source; returns what ended it before that."""
        if not self._found.queued:
            return None
        while True:
            found = self._poll(wait_s=_TURN_POLL_S)
            if found.outcome is not None:
                return found.outcome
            progress = self._progress_of(found).progress
            self._hosts.announce(progress)
            if not progress.queued:
                return None

    def _poll(self, events_seen: int = -1, wait_s: float = _EVENT_POLL_S) -> PollAnswer:
        """Wait on the source for the outcome, for the migration's turn or, when their number is given, for events."""
        poll = Parameters(
            phases.POLL,
            migration_id=self._id,
            events_seen=events_seen,
            wait_s=wait_s,
            patience_s=max(PATIENCE_S, _PATIENCE_FACTOR * self._longest_task_s),
        )
        since = time.monotonic()
        found = self._hosts.on_source(poll, PollAnswer)
        self._longest_task_s = max(self._longest_task_s, time.monotonic() - since)
        return found

    def _progress_of(self, found: PollAnswer) -> Pending:
        if found.pending is None:
            raise AnsibleActionFail(f"Host '{self._hosts.source}' gave neither an outcome nor a progress.")
        return found.pending

    def _place_and_prepare(self, spec: ContainerSpec, credentials: Credentials) -> PrepareAnswer:
        """In a cluster, the target is checked before anything is placed there."""
        if spec.service:
            checked = self._prepare(dry_run=True, credentials=credentials)
            if checked.blockers:
                return checked
        self._orchestrator.place(spec, self._hosts.target, self._id)
        return self._prepare_in_turn(credentials)

    def _prepare_in_turn(self, credentials: Credentials) -> PrepareAnswer:
        """Prepare the target as soon as it is this migration's turn to arrive there."""
        prepared = self._prepare(dry_run=False, credentials=credentials)
        wait_s = _EVENT_POLL_S
        while prepared.queued:
            found = self._poll(wait_s=wait_s)
            wait_s = min(2 * wait_s, _TURN_POLL_S)
            if found.outcome is not None:
                raise AnsibleActionFail(report.failure(found.outcome, self._where, Aftermath()))
            self._hosts.announce(replace(self._progress_of(found).progress, queued=True))
            prepared = self._prepare(dry_run=False, credentials=credentials)
        return prepared

    @contextlib.contextmanager
    def _aborting_queued(self) -> Iterator[None]:
        """When the block fails, nothing goes on on the source either."""
        try:
            yield
        except AnsibleError:
            for undo in (self._abort_queued, self._orchestrator.revert):
                with contextlib.suppress(AnsibleError):  # the first failure is what counts
                    undo()
            raise

    def _abort_queued(self) -> None:
        """End the supervisor on the source, which was not started; else it would end by itself, later."""
        self._hosts.on_source(Parameters(phases.ABORT_QUEUED, migration_id=self._id), Done)

    def _plan(self, peer: str) -> PlanParameters:
        return PlanParameters(
            self._id, self._name, peer, self._arguments.timeout_s, self._found.memory_bytes, self._options
        )

    def _prepare(self, dry_run: bool, credentials: Credentials) -> PrepareAnswer:
        answer = self._hosts.on_target(
            Parameters(
                phases.PREPARE,
                self._name,
                plan=self._plan(self._hosts.source),
                credentials=credentials,
                source=self._found.source,
                engine_id=self._found.engine_id,
                source_cpu=self._found.cpu,
                system_files=self._found.system_files,
                mount_copies=self._found.mount_copies,
                memory_reserve_mb=self._arguments.memory_reserve_mb,
                method=self._arguments.method,
                dry_run=dry_run,
            ),
            PrepareAnswer,
        )
        self._on_target = answer.present
        return answer

    def _result(self, outcome: Outcome, migration_time_ms: float, prepared_ms: float, aftermath: Aftermath) -> Result:
        steps: list[object] = [{"name": "prepare", "start_ms": 0.0, "duration_ms": round(prepared_ms, 2)}]
        for step in outcome.steps:
            steps.append({**step, "start_ms": round(float(str(step["start_ms"])) + prepared_ms, 2)})
        migration: Result = {
            "name": self._name,
            "strategy": self._options.strategy,
            "method": self._arguments.method,
            "status": outcome.state,
            "outcome": outcome.verdict.value,
            "source_host": self._hosts.source,
            "target_host": self._hosts.target,
            "migration_time_ms": round(migration_time_ms, 2),
            "process_downtime_ms": outcome.process_downtime_ms,
            "bytes_sent": outcome.bytes_sent,
            "memory_bytes": self._found.memory_bytes,
            "steps": steps,
            "target_steps": outcome.target_steps,
            "held_packets": outcome.held_packets,
            "lost_packets": outcome.lost_packets,
            "statistics": {} if outcome.statistics is None else asdict(outcome.statistics),
            "criu": outcome.criu,
            "commands": outcome.commands,
        }
        migration.update(asdict(outcome.statistics.clone) if outcome.statistics and outcome.statistics.clone else {})
        if self._forecast is not None and self._forecast.reason:
            migration["prediction"] = self._forecast.as_dict()
        if outcome.verdict is Verdict.COMPLETED:
            warnings = [*report.warnings(outcome, self._where, aftermath), *self._orchestrator.notes]
            return {"changed": True, "migration": migration, "diff": self.diff(), "warnings": warnings}
        result: Result = {
            "failed": True,
            "msg": report.failure(outcome, self._where, aftermath),
            "details": outcome.details,
            "migration": migration,
        }
        if outcome.traceback:
            ansible_compat.show_traceback(self._hosts.source, outcome.traceback)
            result["exception"] = outcome.traceback
        return result
