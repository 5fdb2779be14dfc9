#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: subscribers
short_description: Provide the subscribers of minicore's UDR
version_added: 0.2.0
description:
  - Creates, changes and removes subscribers. Run it on the host whose container the UDR is.
  - Keys are sent to the UDR and never read back; they are no part of results, differences and logs. Keep them in a file
    that Ansible Vault encrypts.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - Docker on the host
options:
  state:
    description:
      - Whether the subscribers exist.
    type: str
    choices: [present, absent]
    default: present
  subscribers:
    description:
      - The subscribers, each by itself.
    type: list
    elements: dict
    default: []
    suboptions:
      supi:
        description: SUPI, V(imsi-) and 5 to 15 digits.
        type: str
        required: true
      k:
        description: Key K, 32 hexadecimal digits.
        type: str
      opc:
        description: OPc, 32 hexadecimal digits.
        type: str
      amf:
        description: Authentication management field, 4 hexadecimal digits. By default V(8000).
        type: str
      sqn:
        description: Sequence number that a new subscriber starts with.
        type: int
      data:
        description:
          - Documents of the subscriber, C(am), C(smf_selection), C(sm), C(am_policy) and C(sm_policy), as the UDR has
            them (TS 29.503, TS 29.519). Those that are left out keep what they are.
        type: dict
  range:
    description:
      - Subscribers with consecutive SUPIs that share all else. For tests, as they share their keys.
    type: dict
    suboptions:
      first:
        description: The first SUPI.
        type: str
        required: true
      count:
        description: How many.
        type: int
        required: true
      k:
        description: Key K, 32 hexadecimal digits.
        type: str
      opc:
        description: OPc, 32 hexadecimal digits.
        type: str
      amf:
        description: Authentication management field, 4 hexadecimal digits. By default V(8000).
        type: str
      sqn:
        description: Sequence number that a new subscriber starts with.
        type: int
      data:
        description:
          - Documents of the subscriber, C(am), C(smf_selection), C(sm), C(am_policy) and C(sm_policy), as the UDR has
            them (TS 29.503, TS 29.519). Those that are left out keep what they are.
        type: dict
  update_keys:
    description:
      - V(on_create) writes keys of new subscribers only.
      - V(always) writes them, too, where the fingerprint of those in the UDR differs. UEs then must know the new ones.
    type: str
    choices: [on_create, always]
    default: on_create
  purge:
    description:
      - Remove all other subscribers, with O(state=present).
    type: bool
    default: false
  address:
    description:
      - IP address of the UDR.
    type: str
    required: true
  port:
    description:
      - TCP port of the UDR.
    type: int
    default: 8000
  container:
    description:
      - Container of the UDR on this host. It is asked from inside its own network namespace, as a host cannot reach its
        own containers on macvlan.
    type: str
    default: udr
extends_documentation_fragment:
  - organic.core5g.nf_engine
attributes:
  check_mode:
    description: Says what would be changed.
    support: full
  diff_mode:
    description: Shows subscribers and documents, no keys.
    support: full
seealso:
  - module: organic.core5g.subscribers_info
"""

EXAMPLES = r"""
- name: Provide a subscriber, whose keys are in a vault
  organic.core5g.subscribers:
    address: 192.0.2.39
    subscribers:
      - supi: imsi-001010000000001
        k: "{{ subscriber_keys['imsi-001010000000001'].k }}"
        opc: "{{ subscriber_keys['imsi-001010000000001'].opc }}"

- name: Provide 200 test subscribers
  organic.core5g.subscribers:
    address: 192.0.2.39
    range:
      first: imsi-001010000000001
      count: 200
      k: "{{ test_k }}"
      opc: "{{ test_opc }}"

- name: Remove all subscribers
  organic.core5g.subscribers:
    address: 192.0.2.39
    purge: true
"""

RETURN = r"""
created:
  description: SUPIs of the new subscribers.
  returned: success
  type: list
  elements: str
  sample: [imsi-001010000000001]
updated:
  description: SUPIs of those whose documents or keys were changed.
  returned: success
  type: list
  elements: str
removed:
  description: SUPIs of those that were removed.
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils import nf_engine, nf_http, subscribers
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.nf_state import running_pid
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError

KEYS: dict[str, Any] = {
    "k": {"type": "str", "no_log": True},
    "opc": {"type": "str", "no_log": True},
    "amf": {"type": "str"},
    "sqn": {"type": "int"},
    "data": {"type": "dict"},
}
TIMEOUT_S = 30


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "subscribers": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"supi": {"type": "str", "required": True}, **KEYS},
            },
            "range": {
                "type": "dict",
                "options": {
                    "first": {"type": "str", "required": True},
                    "count": {"type": "int", "required": True},
                    **KEYS,
                },
            },
            "update_keys": {
                "type": "str",
                "choices": ["on_create", "always"],
                "default": "on_create",
                "no_log": False,
            },
            "purge": {"type": "bool", "default": False},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 8000},
            "container": {"type": "str", "default": "udr"},
            **nf_engine.OPTIONS,
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        wanted = subscribers.of_options(options["subscribers"], options["range"])
        engine = nf_engine.connect(options)
        pid = running_pid(engine, options["container"])
        api = subscribers.Provisioning(nf_http.connection(options["address"], options["port"], pid, TIMEOUT_S))
        if options["state"] == "present":
            plan = api.plan(wanted, options["update_keys"] == "always", options["purge"])
        else:
            plan = subscribers.Plan(remove=[supi for supi in api.supis() if supi in wanted])
        if not module.check_mode:
            api.apply(plan, wanted)
    except (CoreError, MigrationError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=plan.changes(),
        created=plan.create,
        updated=list(dict.fromkeys((*plan.rekey, *plan.update))),
        removed=plan.remove,
        diff=plan.diff(wanted),
    )


if __name__ == "__main__":
    main()
