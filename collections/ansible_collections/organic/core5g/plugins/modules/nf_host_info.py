#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nf_host_info
short_description: Check whether a host can run network functions
version_added: 0.1.0
description:
  - Looks for everything that would keep network functions (NFs) from running on this host.
  - Nothing is changed. Whether the kernel has a kind of link is tried in a network namespace that is gone afterwards.
  - The link and the address are only looked at of an NF that does not run here. The address is asked for by ARP probes
    with the sender address zero (RFC 5227), from which no neighbour learns anything.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - iproute2 and util-linux on the host
options:
  nfs:
    description:
      - The NFs that the host shall run.
    type: list
    elements: dict
    required: true
    version_added: 0.2.0
    suboptions:
      name:
        description: Name of the NF and of its container.
        type: str
        required: true
      image:
        description: Image of the NF.
        type: str
        required: true
      address:
        description: IP address of the NF.
        type: str
        required: true
      driver:
        description:
          - Description of the network driver, as M(organic.core5g.nf_description) returns it.
        type: dict
        required: true
      network:
        description:
          - Name of the container network. Another network of the engine must not have addresses of its subnet.
          - An NF on several networks has an entry for each of them.
        type: str
      parent:
        description: Network interface that this network goes out by. By default O(parent).
        type: str
        version_added: 0.2.0
      subnet:
        description: Subnet of this network. By default O(subnet).
        type: str
        version_added: 0.2.0
      devices:
        description: Device files that the NF needs.
        type: list
        elements: path
        default: []
  parent:
    description:
      - Network interface of the host that the container networks go out by.
    type: str
  subnet:
    description:
      - Subnet of the container networks.
    type: str
extends_documentation_fragment:
  - organic.core5g.nf_engine
  - organic.core5g.read_only
seealso:
  - module: organic.core5g.nf_state_info
"""

EXAMPLES = r"""
- name: Look whether this host can run the SMF
  organic.core5g.nf_host_info:
    nfs:
      - name: smf
        image: organic/minicore:latest
        address: 192.0.2.34
        driver: "{{ nf_described.network_drivers.smf }}"
        network: core5g-macvlan
    parent: eth0
    subnet: 192.0.2.0/24
  register: host

- name: Refuse a host that cannot
  ansible.builtin.assert:
    that: host.problems | length == 0
    fail_msg: "{{ host.problems }}"
"""

RETURN = r"""
existing:
  description: The NFs that have a container on this host, running or not.
  returned: success
  type: list
  elements: str
  sample: [smf]
  version_added: 0.2.0
problems:
  description: Every reason why the host cannot run the NFs; empty if it can.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: Stable name for programs.
      type: str
      sample: image_missing
    message:
      description: What was found.
      type: str
      sample: The image organic/minicore:latest is not on this host
    remedy:
      description: What to do about it.
      type: str
      sample: Run playbooks/build_minicore.yml
"""

import functools
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils import nf_engine
from ansible_collections.organic.core5g.plugins.module_utils.network_driver import NetworkDriver
from ansible_collections.organic.core5g.plugins.module_utils.nf_host import HostCheck, Link, Wanted


def _wanted(nf: dict[str, Any], options: dict[str, Any]) -> Wanted:
    """One entry of the option ``nfs``."""
    link = Link(*(nf[name] if nf[name] is not None else options[name] for name in ("parent", "subnet")))
    driver = NetworkDriver.of(nf["driver"])
    return Wanted(nf["name"], nf["image"], nf["address"], driver, nf["network"], nf["devices"], link)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nfs": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "image": {"type": "str", "required": True},
                    "address": {"type": "str", "required": True},
                    "driver": {"type": "dict", "required": True},
                    "network": {"type": "str"},
                    "parent": {"type": "str"},
                    "subnet": {"type": "str"},
                    "devices": {"type": "list", "elements": "path", "default": []},
                },
            },
            "parent": {"type": "str"},
            "subnet": {"type": "str"},
            **nf_engine.OPTIONS,
        },
        supports_check_mode=True,
    )
    options = module.params
    connect = functools.partial(nf_engine.connect, options)
    wanted = [_wanted(nf, options) for nf in options["nfs"]]
    check = HostCheck(connect, wanted, Link(options["parent"], options["subnet"]))
    problems = check.problems()
    module.exit_json(changed=False, existing=check.existing, problems=[problem.as_dict() for problem in problems])


if __name__ == "__main__":
    main()
