#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_evict
short_description: Evict from a node of Kubernetes the pods that are no network functions
version_added: 0.2.0
description:
  - Asks for the eviction of each pod on a node that is no network function (NF), belongs to no DaemonSet and is not
    static. What a PodDisruptionBudget does not allow now is asked for again until it is allowed, or time is up.
  - A pod that belongs to nothing which would start it elsewhere, and one with an C(emptyDir), stay and are named.
  - Cordon the node first.
  - An action plugin of the same name does it on the controller; no host is asked.
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
  node:
    description:
      - Name of the node.
    type: str
    required: true
  timeout_s:
    description:
      - How many seconds it may take until all are gone.
    type: float
    default: 120
attributes:
  check_mode:
    description: Says which pods would go.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
seealso:
  - module: kubernetes.core.k8s_drain
"""

EXAMPLES = r"""
- name: Have all but NFs leave the node
  organic.core5g.kubernetes_evict:
    node: edge-a
"""

RETURN = r"""
evicted:
  description: The pods that went.
  returned: always
  type: list
  elements: str
  sample: [web/shop-5d9c7]
left:
  description: The pods that are still there, each with the reason. The task fails if there are any.
  returned: always
  type: list
  elements: str
"""
