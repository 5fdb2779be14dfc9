# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.organic.core5g.plugins.module_utils.survey_arguments import ARGUMENTS
from ansible_collections.organic.core5g.plugins.plugin_utils import descriptions, networks
from ansible_collections.organic.live_migration.plugins.plugin_utils import failures, host_code

PACKAGES = (
    "ansible_collections.organic.core5g.plugins.module_utils",
    "ansible_collections.organic.live_migration.plugins.module_utils",
)
RUN = f"{PACKAGES[0]}.survey:run"
MODULE = "organic.core5g.nf_survey"


class ActionModule(ActionBase):
    """One call a host in place of three tasks."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    @failures.as_results
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, wanted = self.validate_argument_spec(ARGUMENTS)
        self._vars = task_vars or {}
        self._wanted = wanted
        recovered: dict[str, Any] = {}
        found = self._survey()
        by_host = (found["recovered"] or {}).get("answer")
        if (wanted["recover"] or wanted["recover_all"]) and (by_host is None or by_host["in_doubt"]):
            recovered = self._recover(wanted["recover"])
            found = self._survey()
        result.update(
            changed=bool(recovered.get("changed") or (by_host and by_host["recovered"])),
            nfs=found["nfs"],
            resources=found["resources"],
            networks_ready=self._are_ready(found["networks"]),
        )
        return result

    def _survey(self) -> dict[str, Any]:
        parameters = {**self._wanted, "dry_run": bool(self._task.check_mode)}
        found: dict[str, Any] | None = host_code.call(self, self._vars, PACKAGES, RUN, parameters)
        if found is None:
            ran = self._execute_module(module_name=MODULE, module_args=self._task.args, task_vars=self._vars)
            if "survey" not in ran:
                raise AnsibleActionFail(str(ran.get("msg") or ran))
            found = ran["survey"]
        if "error" in found:
            raise AnsibleActionFail(found["error"])
        return found

    def _recover(self, nf: str | None) -> dict[str, Any]:
        """Have the targets of interrupted migrations asked; what another NF waits for does not matter to this one."""
        # Imported here, as a survey hardly ever needs them, and each one is a process of its own.
        from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
        from ansible_collections.organic.live_migration.plugins.plugin_utils.recovery import recover

        def towards(target: str | None) -> Hosts:
            return Hosts(self, self._vars, target, self._wanted["engine"])

        recovered = recover(towards(None), towards, dry_run=bool(self._task.check_mode))
        if any(entry["name"] in (nf, f"{self._wanted['namespace']}.{nf}") for entry in recovered.get("in_doubt", [])):
            raise AnsibleActionFail(str(recovered["msg"]))
        return recovered

    def _are_ready(self, found: dict[str, dict[str, Any] | None]) -> bool:
        """Whether the container networks are there as their drivers describe them, so that nothing is left to do."""
        # A cluster has the networks of its pods on all nodes.
        return self._wanted["engine"] == descriptions.KUBERNETES or all(
            networks.is_complete(
                found[wanted["name"]], wanted["engines"][self._wanted["engine"]], wanted["subnet"], wanted["gateway"]
            )
            and not wanted["uplink_bridge"]
            for wanted in self._wanted["networks"]
            if wanted["driver"]["creates_network"]
        )
