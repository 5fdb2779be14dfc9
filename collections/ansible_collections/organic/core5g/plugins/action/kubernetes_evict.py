# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.organic.core5g.plugins.plugin_utils import evictions
from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_cluster import Api, ApiError

ARGUMENTS: dict[str, Any] = {
    "kubeconfig": {"type": "path"},
    "context": {"type": "str"},
    "node": {"type": "str", "required": True},
    "timeout_s": {"type": "float", "default": 120},
}


class ActionModule(ActionBase):
    """Asks the API server from the controller; no host is asked."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, wanted = self.validate_argument_spec(ARGUMENTS)
        api = Api(wanted["kubeconfig"] or "", wanted["context"] or "")
        try:
            if self._task.check_mode:
                found = evictions.pods_to_go(api, wanted["node"])
                would_go = sorted(str(pod) for pod in found if not pod.stays)
                done = evictions.Evicted(would_go, [f"{pod}: {pod.stays}" for pod in found if pod.stays])
            else:
                done = evictions.evict(api, wanted["node"], wanted["timeout_s"])
        except ApiError as error:
            raise AnsibleActionFail(f"The API server refused: {error}") from error
        result.update(changed=bool(done.evicted), evicted=done.evicted, left=done.left)
        if done.left:
            result.update(
                failed=True, msg=f"{len(done.left)} pods are left on {wanted['node']}. {'. '.join(done.left)}"
            )
        return result
