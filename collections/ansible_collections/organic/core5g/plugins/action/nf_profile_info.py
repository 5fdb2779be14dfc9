# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.organic.core5g.plugins.plugin_utils import descriptions, explanation
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import registry

ARGUMENTS: dict[str, Any] = {
    "names": {"type": "list", "elements": "str", "default": []},
    "method": {"type": "str", "choices": list(registry.methods()), "default": "resident"},
    "engine": {"type": "str", "default": "docker"},
    "network_driver": {"type": "str"},
}


class ActionModule(ActionBase):
    """Reads files of this collection on the controller; no host is asked."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, wanted = self.validate_argument_spec(ARGUMENTS)
        implemented = registry.for_profiles()
        entries = []
        for name in wanted["names"] or descriptions.known("profile"):
            profile = descriptions.load(self._loader, "profile", name)
            driver = descriptions.network_driver(self._loader, profile, wanted["engine"], wanted["network_driver"])
            entries.append(explanation.explain(profile, driver["name"], implemented, wanted["method"]))
        result.update(changed=False, nfs=entries)
        return result
