# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.plugin_utils.ansible_compat import ActionResult, TaskVars
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.recovery import recover


class ActionModule(ActionBase):
    """Recovers on the task's host what it can recover alone, and resolves the rest with the target hosts."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: TaskVars | None = None) -> ActionResult:
        result: ActionResult = super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec({"abandoned": {"type": "bool", "default": True}})

        def towards(target: str | None) -> Hosts:
            return Hosts(self, task_vars or {}, target)

        result.update(recover(towards(None), towards, dry_run=self._task.check_mode, abandoned=arguments["abandoned"]))
        return result
