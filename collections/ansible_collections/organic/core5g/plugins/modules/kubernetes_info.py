#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_info
short_description: Read what a Kubernetes cluster says about a core, and try objects there
version_added: 0.2.0
description:
  - Reads the nodes, the namespace of a core and its Deployments, and what the user lacks to deploy it.
  - Has the API server try objects by a dry run, with its admission plugins and the other field managers, and awaits
    Deployments.
  - An action plugin of the same name does it on the controller; no host is asked, and nothing is changed.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - The Python package C(kubernetes) on the controller
options:
  kubeconfig:
    description:
      - The kubeconfig on the controller. By default that of E(KUBECONFIG), else C(~/.kube/config).
    type: path
  context:
    description:
      - Context of the kubeconfig. By default its current one.
    type: str
  namespace:
    description:
      - Namespace of the core.
    type: str
    required: true
  objects:
    description:
      - Objects that the API server tries, with RV(differing) and RV(refusals) as the result.
    type: list
    elements: dict
    default: []
  await_deployments:
    description:
      - Deployments whose pods are awaited, with RV(unready) as the result.
    type: list
    elements: str
    default: []
  timeout_s:
    description:
      - How many seconds they are awaited.
    type: float
    default: 60
extends_documentation_fragment:
  - organic.core5g.read_only
seealso:
  - module: kubernetes.core.k8s_info
"""

EXAMPLES = r"""
- name: Read the cluster
  organic.core5g.kubernetes_info:
    namespace: core5g
  register: found

- name: Refuse a user with too few rights
  ansible.builtin.assert:
    that: found.cluster.missing_rights | length == 0
"""

RETURN = r"""
cluster:
  description: The cluster as the API server describes it.
  returned: success
  type: dict
  contains:
    version:
      description: Of the API server.
      type: str
      sample: v1.37.2
    missing_rights:
      description: What the user may not do and a deployment needs.
      type: list
      elements: str
      sample: [patch nodes]
    nodes:
      description: Of each node C(ready), C(cordoned), C(taints) and C(labels), by its name.
      type: dict
    namespace:
      description: Whether it C(exists), is C(ours) and is C(ending), and the C(level) of pod security that it enforces.
      type: dict
    has_multus:
      description: Whether the cluster knows NetworkAttachmentDefinitions.
      type: bool
    deployments:
      description: Of each Deployment C(ours), C(core), C(moving), C(replicas) and C(ready), by its name.
      type: dict
    bridges:
      description: Linux bridges of our networks in the namespace.
      type: list
      elements: str
    objects:
      description: Kind and name of all that was made by us in the namespace.
      type: list
      elements: list
differing:
  description: Which of O(objects) are not in the cluster as they are given.
  returned: success
  type: list
  elements: dict
refusals:
  description: What the API server would refuse of O(objects), with the reason; empty if nothing.
  returned: success
  type: list
  elements: str
unready:
  description: Which of O(await_deployments) were not ready in time, and why; empty if all were.
  returned: success
  type: list
  elements: str
"""
