# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One migration as the controller sees it: who is asked what, in which order."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import (
    AUTO,
    CHOICES,
    RANGES,
    Options,
)
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import registry
from ansible_collections.organic.live_migration.plugins.plugin_utils import certificates, recovery
from ansible_collections.organic.live_migration.plugins.plugin_utils.forecast import Forecast, Measured
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts, container_of
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.registry import orchestrator_of

ARGUMENTS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "target_host": {"type": "str", "required": True},
    "target_address": {"type": "str"},
    "memory_reserve_mb": {"type": "int", "default": 256},
    "shared_volumes": {"type": "list", "elements": "str", "default": []},
    "timeout_s": {"type": "int", "default": 120},
    "method": {"type": "str", "choices": list(registry.methods()), "default": "resident"},
}
MIGRATE_ARGUMENTS: dict[str, Any] = {
    **ARGUMENTS,
    "strategy": {"type": "str", "choices": list(registry.choices()), "default": Options().strategy},
    **{name: {"type": "str", "choices": list(CHOICES[name]), "default": getattr(Options(), name)} for name in CHOICES},
    **{name: {"type": "int", "default": getattr(Options(), name)} for name in RANGES},
    "pause_before_switchover": {"type": "bool", "default": False},
    "downtime_budget_ms": {"type": "int", "default": 0},
}
_MAX_TIMEOUT_S = 86400

Result = dict[str, Any]


class Migration:
    """One migration of one container.

    Args:
        hosts: the two hosts.
        arguments: of the action, validated.
    """

    def __init__(self, hosts: Hosts, arguments: dict[str, Any]) -> None:
        self._hosts = hosts
        self._arguments = arguments
        self._name: str = arguments["name"]
        self._started = time.monotonic()
        self._looked: Result = {}
        self._forecast: Forecast | None = None
        self._id = secrets.token_hex(8)
        self._orchestrator = orchestrator_of(hosts.engine)
        if not 1 <= arguments["timeout_s"] <= _MAX_TIMEOUT_S:
            raise AnsibleActionFail(
                f"timeout_s must be at least 1 (second) and at most {_MAX_TIMEOUT_S}. Leave it out to get 120."
            )
        chosen = {field.name: arguments[field.name] for field in fields(Options) if field.name in arguments}
        try:
            self._options = Options(**chosen)
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from None
        self._usable = [strategy.name for strategy in registry.usable(arguments["method"])]
        if self._options.strategy not in (AUTO, *self._usable):
            raise AnsibleActionFail(
                f"Method '{arguments['method']}' knows no strategy but {', '.join(self._usable)}, not "
                f"{self._options.strategy}. Use method 'resident', or leave strategy out."
            )

    # What can be known before anything is touched

    def look(self, dry_run: bool) -> list[dict[str, str]]:
        """Look at the container on the source; returns the blockers against it that are found there.

        Interrupted migrations are settled first, unless in a dry run.
        """
        self._looked = self._hosts.on_source(
            phase="look",
            name=self._name,
            shared_volumes=self._arguments["shared_volumes"],
            method=self._arguments["method"],
            plan=None if dry_run else self._plan(self._hosts.target),
            page_tracking=self._options.page_tracking,
            tracks_pages=self._tracks_writes,
            measure=self._measures,
            dry_run=dry_run,
        )
        self._fail_if_broken(self._looked)
        mine = [in_doubt for in_doubt in self._looked["in_doubt"] if in_doubt["name"] == self._name]
        for in_doubt in mine:
            if in_doubt["target_host"] != self._hosts.target:
                raise AnsibleActionFail(
                    f"Container '{in_doubt['name']}' stands frozen on {self._hosts.source}, and only "
                    f"{in_doubt['target_host']} knows whether it runs there: an earlier migration was interrupted "
                    f"just when it was handed over. Use target_host {in_doubt['target_host']}, to settle it."
                )
            recovery.settle(self._hosts, in_doubt["migration_id"], in_doubt["name"])
        if mine:
            return self.look(dry_run)
        blockers: list[dict[str, str]] = self._looked["blockers"]
        return blockers

    def blockers(self) -> list[dict[str, str]]:
        """Every reason against the migration, from both hosts. Nothing is changed."""
        found = list(self.look(dry_run=True))
        self._decide(measures_link=not found)
        if self._looked.get("source"):
            found += self._prepare(self._orders()[1], dry_run=True)["blockers"]
        return found

    def facts(self) -> Result:
        """What was seen of the container, and what its move would cost."""
        forecast = self._decide(measures_link=False)
        return {
            "source_host": self._hosts.source,
            "target_host": self._hosts.target,
            "memory_bytes": self._looked.get("memory_bytes", 0),
            "processes": self._looked.get("processes", 0),
            "predicted_downtime_ms": forecast.predicted.downtime_ms,
            "forecast": forecast.as_dict(),
        }

    @property
    def _measures(self) -> bool:
        """Whether the strategy is still to be chosen, and there is a choice."""
        return self._options.strategy == AUTO and len(self._usable) > 1

    @property
    def _tracks_writes(self) -> bool:
        """Whether the source's kernel must be able to find written pages; not known before a strategy is chosen."""
        return self._options.strategy != AUTO and registry.strategy_class(self._options.strategy).tracks_writes

    def _decide(self, measures_link: bool) -> Forecast:
        """Predict what the migration costs; where it is still open, choose the strategy by that."""
        if self._forecast is None:
            measured = Measured(
                self._looked.get("memory_bytes", 0),
                self._looked.get("dirty_pages_per_s"),
                self._measure_link() if measures_link and self._measures else None,
            )
            budget_ms = self._arguments.get("downtime_budget_ms", 0)
            self._forecast = Forecast(measured, self._options, budget_ms, self._arguments["method"])
            self._options = replace(self._options, strategy=self._forecast.strategy)
        return self._forecast

    def _measure_link(self) -> float:
        source_credentials, target_credentials = certificates.credentials()
        sink = self._hosts.on_target(phase="sink", credentials=target_credentials)
        self._fail_if_broken(sink)
        told = self._hosts.on_source(
            phase="probe",
            credentials=source_credentials,
            addresses=self._hosts.target_addresses(self._arguments["target_address"]),
            port=sink["port"],
        )
        self._fail_if_broken(told)
        return float(told["link_bytes_per_s"])

    def diff(self) -> Result:
        """What runs where, before and after; in the form that --diff prints."""
        source, target = self._hosts.source, self._hosts.target
        return {
            "before": f"{source}: {self._name} runs\n{target}: -\n",
            "after": f"{source}: {self._name} stopped, exit status 0, restart policy no\n{target}: {self._name} runs\n",
            "before_header": self._name,
            "after_header": self._name,
        }

    # Doing it

    def migrate(self) -> Result:
        """Check, migrate, and tell; a failed migration is told as well, with what it left: the process where it was.

        Returns:
            Result fields of the action.
        """
        blockers = self.look(dry_run=False)
        if blockers:
            return refusal(blockers)
        with self._dismissing():
            outcome = self._queue()
            if outcome is not None:
                return self._tell(outcome, self._elapsed_ms(), self._elapsed_ms())
            self._decide(measures_link=True)
            source_orders, target_orders = self._orders()
            self._orchestrator.place(container_of(self._hosts.source, self._looked), self._hosts.target)
            prepared = self._prepare_in_turn(target_orders)
        if prepared["blockers"]:
            self._dismiss()
            self._orchestrator.revert()
            return refusal(prepared["blockers"])
        prepared_ms = self._elapsed_ms()
        outcome = self._hosts.on_source(
            phase="migrate",
            **source_orders,
            addresses=self._hosts.target_addresses(self._arguments["target_address"]),
            port=prepared["port"],
            method=self._arguments["method"],
        )
        while outcome.get("running"):
            self._hosts.announce(outcome["progress"])
            outcome = self._wait(seen=len(outcome["progress"].get("events", [])))
        if not outcome["ok"] and not outcome["message"].endswith("."):
            outcome["message"] += "."  # sentences follow
        if outcome.get("in_doubt"):
            outcome["message"] += self._ask_target()
        elif outcome["ok"] or outcome.get("stopped"):
            self._orchestrator.commit()
        else:
            outcome["message"] += self._withdraw(self._id)
            self._orchestrator.revert()
        return self._tell(outcome, self._elapsed_ms(), prepared_ms)

    def _elapsed_ms(self) -> float:
        return (time.monotonic() - self._started) * 1000

    def _queue(self) -> Result | None:
        """Wait until it is this migration's turn to leave the source; returns what ended it before that."""
        if not self._looked.get("queued"):
            return None
        while True:
            answer = self._wait()
            if not answer.get("running"):
                return answer
            self._hosts.announce(answer["progress"])
            if not answer["progress"].get("queued"):
                return None

    def _wait(self, seen: int = -1) -> Result:
        """Wait on the source for the end, for its turn or, when it is told how many are known, for events.

        It takes a second at most.
        """
        return self._hosts.on_source(phase="wait", migration_id=self._id, seen=seen)

    def _prepare_in_turn(self, orders: Result) -> Result:
        """Prepare the target as soon as it is this migration's turn to arrive there."""
        prepared = self._prepare(orders, dry_run=False)
        while prepared.get("queued"):
            news = self._wait()
            if not news.get("running"):
                raise AnsibleActionFail(f"{news['message']} The container runs on {self._hosts.source} as before.")
            self._hosts.announce({**news["progress"], "queued": True})
            prepared = self._prepare(orders, dry_run=False)
        return prepared

    @contextlib.contextmanager
    def _dismissing(self) -> Iterator[None]:
        """When this fails, nothing goes on on the source either."""
        try:
            yield
        except AnsibleError:
            for undo in (self._dismiss, self._orchestrator.revert):
                with contextlib.suppress(AnsibleError):  # the first failure is what counts
                    undo()
            raise

    def _dismiss(self) -> None:
        """End what attends the migration on the source, which has no orders yet; else it ended by itself, later."""
        self._fail_if_broken(self._hosts.on_source(phase="dismiss", migration_id=self._id))

    def _plan(self, peer: str) -> Result:
        return {
            "migration_id": self._id,
            "name": self._name,
            "timeout_s": self._arguments["timeout_s"],
            "memory_bytes": self._looked.get("memory_bytes", 0),
            "peer": peer,
            "options": asdict(self._options),
        }

    def _orders(self) -> tuple[Result, Result]:
        """Orders for the source and for the target."""
        source_credentials, target_credentials = certificates.credentials()
        return (
            {"plan": self._plan(self._hosts.target), "credentials": source_credentials},
            {"plan": self._plan(self._hosts.source), "credentials": target_credentials},
        )

    def _prepare(self, orders: Result, dry_run: bool) -> Result:
        answer = self._hosts.on_target(
            dry_run=dry_run,
            phase="prepare",
            name=self._name,
            **orders,
            source=self._looked["source"],
            engine_id=self._looked["engine_id"],
            memory_reserve_mb=self._arguments["memory_reserve_mb"],
            method=self._arguments["method"],
        )
        self._fail_if_broken(answer)
        return answer

    def _ask_target(self) -> str:
        """Decide a migration that broke just at its commit, or later; returns what to tell the user."""
        target = self._hosts.target
        try:
            outcome = recovery.settle(self._hosts, self._id, self._name)
        except AnsibleActionFail as error:
            return (
                f" {error} Only {target} knows whether the process runs there; on {self._hosts.source} it "
                "stands frozen until it was asked. Run this again as soon as both hosts can be reached."
            )
        if outcome == "destroyed":
            self._orchestrator.revert()
        else:
            self._orchestrator.commit()
        return (
            " The target was asked: the process "
            + {
                "ran": "runs there.",
                "ended": f"ran there and has ended by itself since; '{self._name}' is stopped there.",
                "destroyed": "runs on here.",
                "lost": "ran there, maybe without all its memory, and ended. Its state is lost; "
                f"start '{self._name}' anew.",
            }[outcome]
        )

    def _withdraw(self, migration_id: str) -> str:
        """Have the target take away what still waits there; returns what to tell the user if it does not."""
        try:
            answer = self._hosts.on_target(phase="withdraw", name=self._name, migration_id=migration_id)
            self._fail_if_broken(answer)
        except AnsibleActionFail as error:
            return f" {error} What was prepared there ends by itself after {self._arguments['timeout_s']} s."
        return ""

    def _tell(self, outcome: Result, migration_time_ms: float, prepared_ms: float) -> Result:
        steps = [{"name": "prepare", "start_ms": 0.0, "duration_ms": round(prepared_ms, 2)}]
        for step in outcome.get("steps", []):
            steps.append({**step, "start_ms": round(step["start_ms"] + prepared_ms, 2)})
        migration = {
            "strategy": self._options.strategy,
            "method": self._arguments["method"],
            "status": outcome.get("status", "failed"),
            "source_host": self._hosts.source,
            "target_host": self._hosts.target,
            "migration_time_ms": round(migration_time_ms, 2),
            "process_downtime_ms": outcome.get("process_downtime_ms", 0.0),
            "bytes_sent": outcome.get("bytes_sent", 0),
            "memory_bytes": self._looked["memory_bytes"],
            "steps": steps,
            "target_steps": outcome.get("target_steps", []),
            "held_packets": outcome.get("held_packets", 0),
            "statistics": outcome.get("statistics") or {},
            "criu": outcome.get("criu", {}),
            "commands": outcome.get("commands", {}),
        }
        if self._forecast is not None and self._forecast.reason:
            migration["prediction"] = self._forecast.as_dict()
        if outcome["ok"]:
            return {"changed": True, "migration": migration, "diff": self.diff(), "warnings": self._warnings(outcome)}
        return {
            "failed": True,
            "msg": outcome["message"]
            if outcome.get("in_doubt") or outcome.get("stopped") or outcome.get("process_ended")
            else f"{outcome['message']} The container runs on {self._hosts.source} as before.",
            "details": outcome["details"],
            "migration": migration,
        }

    def _warnings(self, outcome: Result) -> list[str]:
        warnings = []
        if outcome.get("ended_on_target"):
            warnings.append(
                f"'{self._name}' ended on {self._hosts.target} soon after it had begun to run there; with a restart "
                f"policy it was started anew. See its log: docker logs {self._name}"
            )
        if outcome.get("madvise_changed"):
            warnings.append(
                f"'{self._name}' changed flags of its memory, for example by other advice (madvise), in the last "
                f"moment before its freeze. On {self._hosts.target} those of a moment earlier hold."
            )
        return warnings

    @staticmethod
    def _fail_if_broken(answer: Result) -> None:
        if not answer["ok"]:
            raise AnsibleActionFail(answer["message"])


def refusal(blockers: list[dict[str, str]]) -> Result:
    """The result of a migration that the preflight refused; nothing was touched."""
    listed = " ".join(f"{blocker['message']}. {blocker['remedy']}." for blocker in blockers)
    return {"failed": True, "msg": f"Not migrated, nothing was touched: {listed}", "blockers": blockers}
