# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.module_utils.migration.arguments import ARGUMENTS, REQUIRED_IF
from ansible_collections.organic.live_migration.plugins.plugin_utils import host_code
from ansible_collections.organic.live_migration.plugins.plugin_utils.ansible_compat import ActionResult, TaskVars

PACKAGES = ("ansible_collections.organic.live_migration.plugins.module_utils",)
RUN = f"{PACKAGES[0]}.migration.agent:run"


class ActionModule(ActionBase):
    """Calls the agent in code that the host has already; runs the module where that is not possible."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: TaskVars | None = None) -> ActionResult:
        result: ActionResult = super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(ARGUMENTS, required_if=REQUIRED_IF)
        arguments["dry_run"] = arguments["dry_run"] or bool(self._task.check_mode)
        answer = host_code.call(self, task_vars or {}, PACKAGES, RUN, arguments)
        if answer is None:
            result.update(self._execute_module(module_args=self._task.args, task_vars=task_vars))
        else:
            result.update(changed=False, agent=answer)
        return result
