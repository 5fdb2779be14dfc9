# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from functools import partial

from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.plugin_utils import attempts, report, summary
from ansible_collections.organic.live_migration.plugins.plugin_utils.ansible_compat import ActionResult, TaskVars
from ansible_collections.organic.live_migration.plugins.plugin_utils.arguments import MIGRATE_ARGUMENTS
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.migration import Migration


class ActionModule(ActionBase):
    """Runs the agents on both hosts; the downtime is spent between these two alone."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: TaskVars | None = None) -> ActionResult:
        result: ActionResult = super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(MIGRATE_ARGUMENTS)
        hosts = Hosts(self, task_vars or {}, arguments["target_host"])
        if self._task.check_mode:
            migration = Migration(hosts, arguments)
            blockers = migration.blockers()
            result.update(report.refused(blockers) if blockers else {"changed": True, "diff": migration.diff()})
            result.update(prediction=migration.facts(), blockers=[blocker.as_dict() for blocker in blockers])
        else:
            result.update(attempts.migrate(partial(Migration, hosts), arguments))
        summary.report(self._task, arguments, result)
        return result
