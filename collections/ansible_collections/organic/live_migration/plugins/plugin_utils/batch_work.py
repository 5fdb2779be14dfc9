# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One migration of a batch: its arguments, and its result as the batch keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.errors import as_sentence
from ansible_collections.organic.live_migration.plugins.plugin_utils import attempts, batch, report
from ansible_collections.organic.live_migration.plugins.plugin_utils.ansible_compat import TaskVars
from ansible_collections.organic.live_migration.plugins.plugin_utils.arguments import MIGRATE_ARGUMENTS
from ansible_collections.organic.live_migration.plugins.plugin_utils.batch import Ended, Move
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.migration import Migration, Result


class BatchWork:
    """The migrations of a batch. All arguments are checked here, before anything is touched.

    Args:
        action: the running action.
        task_vars: of its task.
        arguments: of containers_migrate, checked against their specification.

    Raises:
        AnsibleActionFail: arguments of a migration are wrong, or the moves do not fit each other.
    """

    def __init__(self, action: ActionBase, task_vars: TaskVars, arguments: Mapping[str, Any]) -> None:
        self.moves = [Move(one["name"], one["target_host"], tuple(one["after"])) for one in arguments["moves"]]
        wrong = batch.faults(self.moves)
        if not 1 <= arguments["parallel"] <= MOST_PARALLEL:
            wrong.append(f"parallel is {arguments['parallel']}; it must be a number from 1 to {MOST_PARALLEL}.")
        given = {"max_parallel": arguments["parallel"], **arguments["options"]}
        self._action = action
        self._vars = task_vars
        self._options: dict[str, dict[str, object]] = {}
        for one in arguments["moves"]:
            wanted = {**given, "name": one["name"], **one["options"], "target_host": one["target_host"]}
            try:
                self._options[one["name"]] = checked(wanted)
                self._begin(one["name"])
            except AnsibleActionFail as error:
                wrong.append(f"{one['name']}: {as_sentence(str(error))}")
        if wrong:
            raise AnsibleActionFail(f"Nothing was touched. {' '.join(wrong)}")

    def migrate(self, move: Move) -> Ended:
        """Migrate one container; whatever happens is in what is returned."""
        hosts, _checked = self._begin(move.name)
        return of_result(move, hosts, lambda: attempts.migrate(partial(Migration, hosts), self._options[move.name]))

    def predict(self, move: Move) -> Ended:
        """What :meth:`migrate` would do; nothing is changed."""
        hosts, migration = self._begin(move.name)

        def predicted() -> Result:
            blockers = migration.blockers()
            return {**(report.refused(blockers) if blockers else {}), "prediction": migration.facts()}

        return of_result(move, hosts, predicted)

    def _begin(self, name: str) -> tuple[Hosts, Migration]:
        """From now on its time counts."""
        options = self._options[name]
        hosts = Hosts(self._action, self._vars, str(options["target_host"]))
        hosts.follows_events = False
        return hosts, Migration(hosts, options)


MOST_PARALLEL = 16


def checked(options: Mapping[str, object]) -> dict[str, object]:
    """Arguments of container_migrate, with its defaults.

    Raises:
        AnsibleActionFail: they are wrong.
    """
    result = ArgumentSpecValidator(MIGRATE_ARGUMENTS).validate(dict(options))
    if result.error_messages:
        raise AnsibleActionFail(". ".join(result.error_messages))
    validated: dict[str, object] = result.validated_parameters
    return validated


def of_result(move: Move, hosts: Hosts, work: Callable[[], Result]) -> Ended:
    """How a migration ended, by the result of container_migrate."""
    try:
        result = work()
    except AnsibleConnectionFailure as error:
        result = {"failed": True, "msg": f"Host '{hosts.source}' cannot be reached: {error}"}
    except AnsibleError as error:
        result = {"failed": True, "msg": str(error)}
    ended: dict[str, object] = {
        "name": move.name,
        "target_host": move.target_host,
        "status": _status(result),
        "reason": str(result.get("msg", "")),
        "unreachable": hosts.unreachable,
    }
    ended |= {name: result[name] for name in ("blockers", "migration", "prediction", "warnings") if name in result}
    return typed.from_dict(Ended, ended)


def _status(result: Mapping[str, object]) -> str:
    if result.get("blockers"):
        return batch.REFUSED
    if result.get("failed"):
        return batch.FAILED
    return batch.MOVED if "migration" in result else batch.WOULD_MOVE


def counts(source: str, total: int, running: list[str], ended: list[Ended], last: Ended | None) -> dict[str, object]:
    """Progress of a batch, as the callback plugins get it."""
    moved = sum(one.is_well for one in ended)
    progress: dict[str, object] = {
        "source_host": source,
        "total": total,
        "moved": moved,
        "not_moved": len(ended) - moved,
        "running": running,
    }
    if last is not None:
        progress["ended"] = {
            "name": last.name,
            "target_host": last.target_host,
            "status": last.status,
            "reason": last.reason,
            "process_downtime_ms": last.migration.get("process_downtime_ms", 0.0),
            "migration_time_ms": last.migration.get("migration_time_ms", 0.0),
        }
    return progress
