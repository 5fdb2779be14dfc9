# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.organic.core5g.plugins.plugin_utils import drain, drain_arguments, drain_report
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import for_profiles


class ActionModule(ActionBase):
    """Works on surveys; asks no host."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, wanted = self.validate_argument_spec(drain_arguments.PLAN)
        try:
            home = drain_report.Record(Path(wanted["record"]), wanted["host"]).home()
            containers = drain_arguments.containers_of(wanted["containers"])
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from None
        request = drain.Request(
            wanted["host"],
            wanted["direction"],
            list(wanted["surveys"]),
            containers,
            wanted["stateless"],
            wanted["strategy"],
            wanted["method"],
            home,
            wanted["namespace"],
        )
        implemented = for_profiles()
        plan = drain.Planner(request, drain.Core(**wanted["core"]), wanted["surveys"], implemented).plan()
        if plan.error:
            raise AnsibleActionFail(plan.error)
        result.update(changed=False, plan=dataclasses.asdict(plan), targets=plan.targets, home=home)
        return result
