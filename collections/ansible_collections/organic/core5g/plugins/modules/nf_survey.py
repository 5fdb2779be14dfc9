#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nf_survey
short_description: Survey a host before or after the migration of a network function
version_added: 0.2.0
description:
  - Recovers interrupted migrations of this host, reads the state of every network function (NF) and checks the
    container network, in one call. Run it on all hosts of the play at once.
  - An action plugin of the same name does all of this; the host keeps its code in C(/run/organic-code).
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - Docker on the host
options:
  engine:
    description:
      - Container engine of the host.
    type: str
    default: docker
  namespace:
    description:
      - Namespace of the NFs on Kubernetes. By default any, if only one on this host has an NF of the name.
    type: str
    default: ""
    version_added: 0.2.0
  nfs:
    description:
      - The address of each NF, by the NF's name.
    type: dict
    required: true
  port:
    description:
      - TCP port of the state endpoint.
    type: int
    required: true
  path:
    description:
      - Path of the state endpoint.
    type: str
    required: true
  sources:
    description:
      - Where an NF reports its state, by its name, if it is another place than O(port) and O(path), as
        RV(organic.core5g.nf_description#module:sources) of M(organic.core5g.nf_description) says.
    type: dict
    default: {}
    version_added: 0.2.0
  watch_s:
    description:
      - Read the states repeatedly for so many seconds, as O(organic.core5g.nf_state_info#module:watch_s).
    type: float
    default: 0
  recover:
    description:
      - Recover interrupted migrations of this host, as M(organic.live_migration.container_migration_recover) does, and
        fail if that of the NF of this name cannot be recovered.
      - By default nothing is recovered.
    type: str
  recover_all:
    description:
      - Recover interrupted migrations of this host. What cannot be recovered stays as it is.
    type: bool
    default: false
    version_added: 0.2.0
  resources:
    description:
      - Return RV(resources), too, for which the CPU time of the containers is measured for 0.2 seconds at least.
    type: bool
    default: false
    version_added: 0.2.0
  networks:
    description:
      - The container networks that the host shall have, as the filter P(organic.core5g.nf_networks_here#filter) lists
        them. By default no network is checked.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the network.
        type: str
        required: true
      key:
        description: Its key in C(nf_networks).
        type: str
      driver:
        description: Description of its driver.
        type: dict
        required: true
      engines:
        description: Driver and options of the network by engine.
        type: dict
        required: true
      parent:
        description: Interface that it goes out by.
        type: str
      uplink_bridge:
        description: Linux bridge that this interface is a port of.
        type: str
      subnet:
        description: Subnet of the network.
        type: str
      gateway:
        description: Gateway of the network. By default any.
        type: str
      subnet6:
        description: IPv6 subnet of the network.
        type: str
      gateway6:
        description: IPv6 gateway of the network.
        type: str
      cni:
        description: How the network is in a pod, which does not matter here.
        type: dict
attributes:
  check_mode:
    description: Recovers nothing in check mode.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
seealso:
  - module: organic.core5g.nf_state_info
  - module: organic.live_migration.container_migration_recover
"""

EXAMPLES = r"""
- name: Recover what was interrupted and read the state of the core
  organic.core5g.nf_survey:
    nfs: "{{ nf_addresses }}"
    port: 8000
    path: /minicore/v1/state
    recover: smf
    watch_s: 0.1
  register: nf_before
"""

RETURN = r"""
nfs:
  description: The NFs, as RV(organic.core5g.nf_state_info#module:nfs).
  returned: success
  type: list
  elements: dict
resources:
  description:
    - C(memory_bytes), C(available_bytes), C(cpus) and C(load) of the host, and C(containers), those that run here, each
      with C(name), C(is_resident), C(memory_bytes) and C(cpus).
  returned: with O(resources=true)
  type: dict
  version_added: 0.2.0
networks_ready:
  description: Whether the host has the networks as their drivers describe them, and nothing is left to do for them.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils import survey
from ansible_collections.organic.core5g.plugins.module_utils.survey_arguments import ARGUMENTS


def main() -> None:
    """Run by the action plugin on hosts where it cannot call the code itself."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.exit_json(changed=False, survey=survey.run({**module.params, "dry_run": module.check_mode}))


if __name__ == "__main__":
    main()
