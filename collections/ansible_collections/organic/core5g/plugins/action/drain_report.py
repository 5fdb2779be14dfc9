# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.organic.core5g.plugins.plugin_utils import drain_arguments, drain_report
from ansible_collections.organic.live_migration.plugins.plugin_utils import terminal


class ActionModule(ActionBase):
    """Works on results of other tasks; asks no host."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, wanted = self.validate_argument_spec(drain_arguments.REPORT)
        done = drain_report.done_of({**wanted, "dry_run": bool(self._task.check_mode)})
        report = drain_report.DrainReport(done)
        result.update(changed=False, drain=report.as_dict())
        if wanted["is_final"]:
            if wanted["record"] and not self._task.check_mode:
                drain_report.Record(Path(wanted["record"]), wanted["host"]).write(report.as_dict())
            result["summary"] = report.lines()
            terminal.show(self._task, report.lines())
            if reason := report.failure():
                result.update(failed=True, msg=reason)
        return result
