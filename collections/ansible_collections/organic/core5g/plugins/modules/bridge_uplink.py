#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bridge_uplink
short_description: Make a network interface a port of a bridge
version_added: 0.1.0
description:
  - Makes a network interface a port of an existing Linux bridge and sets it up, so that the bridge network of a
    container engine spans the hosts.
  - It lasts until the bridge or the host goes down. Run the play again then, or let the host's own network
    configuration do the same.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - iproute2 on the host
options:
  interface:
    description:
      - The interface. One that carries an IP address is refused, as the address would no longer be reached.
    type: str
    required: true
  bridge:
    description:
      - The bridge.
    type: str
    required: true
  state:
    description:
      - Whether the interface is a port of the bridge.
    type: str
    choices:
      - present
      - absent
    default: present
attributes:
  check_mode:
    description: Tells what would change.
    support: full
  diff_mode:
    description: Shows the bridge of the interface before and after.
    support: full
"""

EXAMPLES = r"""
- name: Let the bridge span the hosts
  organic.core5g.bridge_uplink:
    interface: eth1
    bridge: br-core5g
"""

RETURN = r"""
bridge:
  description: The bridge that the interface is a port of, none if it is of no bridge.
  returned: success
  type: str
  sample: br-core5g
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils.bridge import Uplink
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "interface": {"type": "str", "required": True},
            "bridge": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    uplink = Uplink(module.params["interface"], module.params["bridge"])
    try:
        before, after = uplink.plan(module.params["state"] == "present")
        if before != after and not module.check_mode:
            uplink.apply(after)
    except CoreError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=before != after,
        bridge=after.bridge,
        diff={"before": f"{before}\n", "after": f"{after}\n"},
    )


if __name__ == "__main__":
    main()
