#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_credentials
short_description: Certificates and kubeconfigs of a Kubernetes cluster
version_added: 0.2.0
author:
  - Organic 5GC contributors (@organic-5gc)
description:
  - Writes the certificate authorities, certificates, keys and kubeconfigs that a control plane and its nodes need.
  - All are written again where the cluster is another one. Nodes and control plane have to be restarted then.
requirements:
  - cryptography
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns details on what has changed or would change in C(diff_mode).
    support: none
options:
  directory:
    description: Where they are written. Only its owner can read it.
    type: path
    required: true
  state:
    description: Whether they are there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the cluster in the kubeconfigs. Needed where O(state=present).
    type: str
  server:
    description: Address of the API server. Needed where O(state=present).
    type: str
  service:
    description: Address of the Service C(kubernetes), the first of the range of Services.
    type: str
    default: 10.96.0.1
  nodes:
    description: Address of each node, by name.
    type: dict
    default: {}
  users:
    description: Further users that get a kubeconfig. They have the rights that RBAC gives them, and no others.
    type: list
    elements: str
    default: []
seealso:
  - module: organic.lab.namespace_lab
"""

EXAMPLES = r"""
- name: Credentials of a cluster with two workers
  organic.lab.cluster_credentials:
    directory: /var/lib/organic-lab/lab/kubernetes
    name: lab
    server: 10.55.0.10
    nodes: {edge-a: 10.55.0.11, edge-b: 10.55.0.12}
    users: [multus]

- name: Remove them
  organic.lab.cluster_credentials:
    directory: /var/lib/organic-lab/lab/kubernetes
    state: absent
"""

RETURN = r"""
kubeconfig:
  description: Kubeconfig of a user with all rights.
  returned: O(state=present)
  type: str
  sample: /var/lib/organic-lab/lab/kubernetes/admin.kubeconfig
"""

import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.lab.plugins.module_utils.base import LabError
from ansible_collections.organic.lab.plugins.module_utils.cluster_credentials import Cluster, Credentials


def execute(params: dict[str, Any], check: bool) -> dict[str, Any]:
    """Do what the options ask for."""
    directory = Path(params["directory"])
    if params["state"] == "absent":
        there = directory.exists()
        if there and not check:
            shutil.rmtree(directory)
        return {"changed": there}
    nodes = {str(name): str(address) for name, address in params["nodes"].items()}
    cluster = Cluster(params["name"], params["server"], params["service"], nodes, tuple(params["users"]))
    credentials = Credentials(directory, cluster)
    missing = not credentials.present()
    if missing and not check:
        credentials.create()
    return {"changed": missing, "kubeconfig": str(directory / "admin.kubeconfig")}


def main() -> None:
    """Entry of the module."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str"},
            "server": {"type": "str"},
            "service": {"type": "str", "default": "10.96.0.1"},
            "nodes": {"type": "dict", "default": {}},
            "users": {"type": "list", "elements": "str", "default": []},
        },
        required_if=[("state", "present", ["name", "server"])],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**execute(module.params, module.check_mode))
    except (LabError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
