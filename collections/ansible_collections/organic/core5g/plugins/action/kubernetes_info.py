# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_cluster import Api, ApiError, Cluster

ARGUMENTS: dict[str, Any] = {
    "kubeconfig": {"type": "path"},
    "context": {"type": "str"},
    "namespace": {"type": "str", "required": True},
    "objects": {"type": "list", "elements": "dict", "default": []},
    "await_deployments": {"type": "list", "elements": "str", "default": []},
    "timeout_s": {"type": "float", "default": 60},
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
        cluster = Cluster(api, wanted["namespace"])
        try:
            unready = cluster.await_rollout(wanted["await_deployments"], wanted["timeout_s"])
            tried = cluster.try_objects(wanted["objects"])
            found = cluster.survey()
        except ApiError as error:
            raise AnsibleActionFail(f"The API server refused: {error}") from error
        result.update(changed=False, cluster=found, differing=tried.differing, refusals=tried.refusals, unready=unready)
        return result
