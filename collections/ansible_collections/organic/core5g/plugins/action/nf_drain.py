# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.organic.core5g.plugins.module_utils.drain_options import ARGUMENTS
from ansible_collections.organic.core5g.plugins.module_utils.nf_drain import DRAINED, SERVING, Progress
from ansible_collections.organic.core5g.plugins.plugin_utils.drain_watch import DrainWatch
from ansible_collections.organic.live_migration.plugins.plugin_utils import failures, host_code, terminal

PACKAGES = (
    "ansible_collections.organic.core5g.plugins.module_utils",
    "ansible_collections.organic.live_migration.plugins.module_utils",
)
RUN = f"{PACKAGES[0]}.nf_drain:run"
MODULE = "organic.core5g.nf_drain"
LOOK_S = 1.0
"""Between two lines of the progress."""


class ActionModule(ActionBase):
    """Calls the module again and again, shows the progress in between, and takes the drain back if it fails."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    @failures.as_results
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, wanted = self.validate_argument_spec(ARGUMENTS)
        self._vars = task_vars or {}
        self._wanted = wanted
        begin = time.monotonic()
        first = self._ask(wanted["state"], 0)
        result.update(
            changed=first.was_draining != (wanted["state"] == DRAINED), sessions=first.sessions, left=first.sessions
        )
        if wanted["state"] == DRAINED and not self._task.check_mode:
            if first.successor_error and not first.draining:
                reason = (
                    f"{wanted['name']} was not drained, as its sessions have nowhere to go: {first.successor_error}"
                )
                return {**result, "changed": False, "failed": True, "msg": reason, "taken_back": False}
            result.update(self._follow(first))
        return {**result, "duration_s": round(time.monotonic() - begin, 3)}

    def _follow(self, first: Progress) -> dict[str, Any]:
        watch = DrainWatch(self._wanted["name"], self._wanted["timeout_s"], time.monotonic(), first.sessions)
        progress = first
        # One that dies as soon as it has the sessions must not be taken for their new place.
        while not progress.drained or progress.successor_error:
            try:
                progress = self._ask(DRAINED, LOOK_S)
            except AnsibleActionFail as error:
                return self._failed(str(error), progress)
            if reason := watch.fault(progress, time.monotonic()):
                return self._failed(reason, progress)
            terminal.show(self._task, watch.lines(progress))
        return {"left": 0}

    def _failed(self, reason: str, progress: Progress) -> dict[str, Any]:
        """The instance serves again what is left to it; what had moved is for the caller to bring back."""
        try:
            self._ask(SERVING, 0)
            taken_back = True
        except AnsibleActionFail as error:
            reason = f"{reason}. It could not be asked to serve again: {error}"
            taken_back = False
        return {"failed": True, "msg": reason, "left": progress.sessions, "taken_back": taken_back}

    def _ask(self, state: str, wait_s: float) -> Progress:
        parameters = {**self._wanted, "state": state, "wait_s": wait_s, "dry_run": bool(self._task.check_mode)}
        found: dict[str, Any] | None = host_code.call(self, self._vars, PACKAGES, RUN, parameters)
        if found is None:
            arguments = {**self._wanted, "state": state, "wait_s": wait_s}
            ran = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=self._vars)
            if "progress" not in ran:
                raise AnsibleActionFail(str(ran.get("msg") or ran))
            found = ran["progress"]
        if "error" in found:
            raise AnsibleActionFail(str(found["error"]))
        return Progress(**found)
