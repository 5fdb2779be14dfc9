#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_info
short_description: Read what a host knows about its Docker Swarm
version_added: 0.2.0
description:
  - Reads whether this host is in a swarm, and on a manager the nodes, services and tasks of the cluster.
  - Works on every node, and on a manager without a quorum too, which M(community.docker.docker_swarm_info) does not.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - Docker on the host
options:
  docker_socket:
    description:
      - Unix socket of the Docker engine.
    type: path
    default: /var/run/docker.sock
extends_documentation_fragment:
  - organic.core5g.read_only
seealso:
  - module: community.docker.docker_swarm_info
"""

EXAMPLES = r"""
- name: Read whether the host is in a swarm
  organic.core5g.swarm_info:
  register: found

- name: Refuse a host that is in none
  ansible.builtin.assert:
    that: found.swarm.state == 'active'
"""

RETURN = r"""
swarm:
  description: The host and its swarm.
  returned: success
  type: dict
  contains:
    node_id:
      description: Identity of the node, empty if the host is in no swarm.
      type: str
      sample: o4xg0yxuyn1o0p7rnl994atvy
    state:
      description: State of the membership, V(inactive), V(pending), V(active), V(error) or V(locked).
      type: str
      sample: active
    error:
      description: What the engine says against the membership; empty if nothing.
      type: str
      sample: ""
    is_manager:
      description: Whether the host is a manager.
      type: bool
      sample: true
    cluster_error:
      description: Why this manager cannot manage the cluster, for example because it has no quorum; empty if it can.
      type: str
      sample: ""
    nodes:
      description: The nodes, as a manager sees them.
      type: list
      elements: dict
      sample:
        - id: o4xg0yxuyn1o0p7rnl994atvy
          hostname: edge-a
          state: ready
          availability: active
          role: manager
          address: 192.0.2.11
    services:
      description: The services, as a manager sees them.
      type: list
      elements: dict
      sample: [{name: smf, nf: smf, constraints: [node.hostname == edge-a], replicas: 1}]
    tasks:
      description: The tasks of the services, the newest first, as a manager sees them.
      type: list
      elements: dict
      sample: [{service: smf, node: o4xg0yxuyn1o0p7rnl994atvy, state: running, desired_state: running, error: ""}]
    configurations:
      description: Subnet of each network configuration (C(config-only)) of NFs on this host, by its name.
      type: dict
      sample: {core5g-macvlan-node: 169.254.1.0/24}
    networks:
      description: The networks of NFs in the cluster, as a manager sees them.
      type: list
      elements: str
      sample: [core5g-macvlan]
    secrets:
      description:
        - The secrets of NFs in the cluster, as a manager sees them. Of each name the services that have it, or had it
          before their last update, to which Swarm may roll them back.
      version_added: 0.2.0
      type: dict
      sample: {core5g-sbi-key-0f5c0a1b2c3d: [smf]}
    configs:
      description:
        - The configs of NFs in the cluster, as a manager sees them. Of each name the services that have it, or had it
          before their last update, to which Swarm may roll them back.
      version_added: 0.2.0
      type: dict
      sample: {core5g-motd-2cf24dba5fb0: [smf]}
    has_ip_vs:
      description: Whether the kernel has IP_VS, which virtual addresses of services need.
      type: bool
      sample: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils import swarm
from ansible_collections.organic.live_migration.plugins.module_utils.engines.docker_api import DEFAULT_SOCKET, DockerApi
from ansible_collections.organic.live_migration.plugins.module_utils.errors import EngineError


def main() -> None:
    module = AnsibleModule(
        argument_spec={"docker_socket": {"type": "path", "default": DEFAULT_SOCKET}}, supports_check_mode=True
    )
    try:
        found = swarm.membership(DockerApi(module.params["docker_socket"]))
    except EngineError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, swarm=found.as_dict())


if __name__ == "__main__":
    main()
