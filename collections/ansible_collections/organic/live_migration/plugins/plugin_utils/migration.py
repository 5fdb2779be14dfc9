# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One migration as the controller sees it: who is asked what, in which order."""

from __future__ import annotations

import secrets
import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.plugin_utils import certificates
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts

ARGUMENTS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "target_host": {"type": "str", "required": True},
    "target_address": {"type": "str"},
    "memory_reserve_mb": {"type": "int", "default": 256},
    "shared_volumes": {"type": "list", "elements": "str", "default": []},
    "timeout_s": {"type": "int", "default": 120},
    "strategy": {"type": "str", "choices": ["inter_copy"], "default": "inter_copy"},
    "method": {"type": "str", "choices": ["resident", "engine"], "default": "resident"},
}

_FIXED_DOWNTIME_MS = 45.0
_DOWNTIME_MS_PER_MIB = 2.0
"""Cost of inter-copy as measured between two hosts of the lab (tests/benchmark): CRIU and the switch, and the pages."""

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
        if arguments["timeout_s"] < 1:
            raise AnsibleActionFail("timeout_s must be at least 1 (second). Leave it out to get 120.")

    # What can be known before anything is touched

    def look(self, dry_run: bool) -> list[dict[str, str]]:
        """Look at the container on the source; returns the reasons against it that are found there.

        Interrupted migrations are settled first, unless in a dry run.
        """
        self._looked = self._hosts.on_source(
            phase="look",
            name=self._name,
            shared_volumes=self._arguments["shared_volumes"],
            method=self._arguments["method"],
            dry_run=dry_run,
        )
        self._fail_if_broken(self._looked)
        mine = [undecided for undecided in self._looked["undecided"] if undecided["name"] == self._name]
        for undecided in mine:
            if undecided["target_host"] != self._hosts.target:
                raise AnsibleActionFail(
                    f"Container '{undecided['name']}' stands frozen on {self._hosts.source}, and only "
                    f"{undecided['target_host']} knows whether it runs there: an earlier migration was interrupted "
                    f"just when it was handed over. Use target_host {undecided['target_host']}, to settle it."
                )
            self._settle(undecided["migration_id"], undecided["name"])
        if mine:
            return self.look(dry_run)
        reasons: list[dict[str, str]] = self._looked["reasons"]
        return reasons

    def reasons(self) -> list[dict[str, str]]:
        """Every reason against the migration, from both hosts. Nothing is changed."""
        found = list(self.look(dry_run=True))
        if self._looked.get("source"):
            found += self._prepare(self._orders()[1], dry_run=True)["reasons"]
        return found

    def facts(self) -> Result:
        """What was seen of the container, and what its move would cost."""
        memory_mib = self._looked.get("memory_bytes", 0) / (1 << 20)
        return {
            "source_host": self._hosts.source,
            "target_host": self._hosts.target,
            "memory_bytes": self._looked.get("memory_bytes", 0),
            "processes": self._looked.get("processes", 0),
            "predicted_downtime_ms": round(_FIXED_DOWNTIME_MS + _DOWNTIME_MS_PER_MIB * memory_mib, 1),
        }

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
        reasons = self.look(dry_run=False)
        if reasons:
            return refusal(reasons)
        source_orders, target_orders = self._orders()
        prepared = self._prepare(target_orders, dry_run=False)
        if prepared["reasons"]:
            return refusal(prepared["reasons"])
        prepared_after = time.monotonic()
        outcome = self._hosts.on_source(
            phase="migrate",
            name=self._name,
            **source_orders,
            addresses=self._hosts.target_addresses(self._arguments["target_address"]),
            port=prepared["port"],
            method=self._arguments["method"],
        )
        if outcome.get("undecided"):
            outcome["message"] += self._ask_target(source_orders["plan"]["migration_id"])
        elif not outcome["ok"]:
            outcome["message"] += self._withdraw(source_orders["plan"]["migration_id"])
        migration_time = time.monotonic() - self._started
        return self._tell(outcome, migration_time * 1000, (prepared_after - self._started) * 1000)

    def _orders(self) -> tuple[Result, Result]:
        """Orders for the source and for the target."""
        source_credentials, target_credentials = certificates.credentials()
        common = {
            "migration_id": secrets.token_hex(8),
            "name": self._name,
            "timeout_s": self._arguments["timeout_s"],
            "memory_bytes": self._looked.get("memory_bytes", 0),
        }
        return (
            {"plan": {**common, "peer": self._hosts.target}, "credentials": source_credentials},
            {"plan": {**common, "peer": self._hosts.source}, "credentials": target_credentials},
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

    def _settle(self, migration_id: str, name: str) -> bool:
        """Decide a migration whose source must not guess; returns whether the process runs on the target."""
        asked = self._hosts.on_target(phase="outcome", name=name, migration_id=migration_id)
        self._fail_if_broken(asked)
        answer = self._hosts.on_source(phase="settle", name=name, migration_id=migration_id, outcome=asked["outcome"])
        self._fail_if_broken(answer)
        return bool(asked["outcome"] == "ran")

    def _ask_target(self, migration_id: str) -> str:
        """Decide a migration that broke just at its commit; returns what to tell the user."""
        try:
            ran = self._settle(migration_id, self._name)
        except AnsibleActionFail as error:
            return (
                f" {error} Only {self._hosts.target} knows whether the process runs there; on {self._hosts.source} it "
                "stands frozen until it was asked. Run this again as soon as both hosts can be reached."
            )
        return f" The target was asked: the process {'runs there' if ran else 'runs on here'}."

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
            "strategy": self._arguments["strategy"],
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
            "criu": outcome.get("criu", {}),
            "commands": outcome.get("commands", {}),
        }
        if outcome["ok"]:
            return {"changed": True, "migration": migration, "diff": self.diff()}
        return {
            "failed": True,
            "msg": f"{outcome['message']} The container runs on {self._hosts.source} as before."
            if not outcome.get("undecided")
            else outcome["message"],
            "details": outcome["details"],
            "migration": migration,
        }

    @staticmethod
    def _fail_if_broken(answer: Result) -> None:
        if not answer["ok"]:
            raise AnsibleActionFail(answer["message"])


def refusal(reasons: list[dict[str, str]]) -> Result:
    """The result of a migration that the preflight refused; nothing was touched."""
    listed = " ".join(f"{reason['message']}. {reason['remedy']}." for reason in reasons)
    return {"failed": True, "msg": f"Not migrated, nothing was touched: {listed}", "reasons": reasons}
