#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nf_drain
short_description: Drain an instance of a network function
version_added: 0.2.0
description:
  - Asks an instance of a network function (NF) whose container is on this host to give up its sessions. Its peers move
    them to another instance, and the module waits until nothing is left. A UPF asks its SMFs for the release of the
    PFCP association (TS 29.244, clause 6.2.7.3).
  - If that fails, the drain is taken back and the instance serves what is left to it. Sessions that had left stay where
    they are.
  - An action plugin of the same name shows the progress.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - Docker on the host
options:
  name:
    description:
      - Name of the instance and of its container.
    type: str
    required: true
  address:
    description:
      - Its address, where it is managed.
    type: str
    required: true
  port:
    description:
      - Its TCP port there.
    type: int
    default: 8000
  path:
    description:
      - Path of the resource that drains it, by PUT and DELETE.
    type: str
    default: /minicore/v1/drain
  state_path:
    description:
      - Path of its state, which has C(sessions), C(draining), C(drained) and C(pfcp).
    type: str
    default: /minicore/v1/state
  state:
    description:
      - V(drained) has its sessions leave, and awaits that. V(serving) takes that back.
    type: str
    choices: [drained, serving]
    default: drained
  successor:
    description:
      - Address of the instance that the sessions go to. Nothing is asked unless it has an association, and the drain is
        taken back if it is gone.
      - By default it is not looked at.
    type: str
  timeout_s:
    description:
      - How many seconds may pass without a session leaving.
    type: float
    default: 60
  wait_s:
    description:
      - Seconds that one call of the module waits. The action plugin sets it and calls the module again.
    type: float
    default: 0
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
attributes:
  check_mode:
    description: Says whether the instance would be asked.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
seealso:
  - module: organic.core5g.nf_state_info
"""

EXAMPLES = r"""
- name: Have the sessions of the UPF go to its standby instance
  organic.core5g.nf_drain:
    name: upf
    address: 192.0.2.35
    successor: 192.0.2.45

- name: Have the UPF take sessions again
  organic.core5g.nf_drain:
    name: upf
    address: 192.0.2.35
    state: serving
"""

RETURN = r"""
sessions:
  description: Sessions that the instance had when it was asked.
  returned: success
  type: int
  sample: 200
left:
  description: Sessions that it still has.
  returned: always
  type: int
  sample: 0
duration_s:
  description: How long it took.
  returned: always
  type: float
  sample: 1.42
taken_back:
  description: Whether the instance serves again.
  returned: on failure
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils import nf_drain
from ansible_collections.organic.core5g.plugins.module_utils.drain_options import ARGUMENTS


def main() -> None:
    """Run by the action plugin on hosts where it cannot call the code itself."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    progress = nf_drain.run({**module.params, "dry_run": module.check_mode})
    module.exit_json(changed=False, progress=progress)


if __name__ == "__main__":
    main()
