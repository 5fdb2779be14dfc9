# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.organic.core5g.plugins.plugin_utils import network_table

ARGUMENTS: dict[str, Any] = {
    "rows": {"type": "list", "elements": "dict", "required": True},
    "directory": {"type": "path", "required": True},
}


class ActionModule(ActionBase):
    """Writes files on the controller; no host is asked."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, wanted = self.validate_argument_spec(ARGUMENTS)
        rows = [network_table.Row(**row) for row in wanted["rows"]]
        directory = Path(wanted["directory"])
        if self._task.check_mode:
            result.update(changed=bool(rows), msg="Would measure: " + "; ".join(row.plan() for row in rows))
            return result
        files = {
            directory / "table.md": network_table.markdown(rows),
            directory / "table.csv": network_table.comma_separated(rows),
            directory / "table.svg": network_table.plot(rows),
        }
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for path, text in files.items():
                path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise AnsibleActionFail(f"The table cannot be written: {error}") from error
        result.update(changed=True, msg=network_table.markdown(rows), files=[str(path) for path in files])
        return result
