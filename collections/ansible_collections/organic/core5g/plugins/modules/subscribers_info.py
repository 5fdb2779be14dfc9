#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: subscribers_info
short_description: List the subscribers of minicore's UDR
version_added: 0.2.0
description:
  - Lists the subscribers, and the documents of some. Keys are never part of it.
  - Run it on the host whose container the UDR is.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - Docker on the host
options:
  supis:
    description:
      - The subscribers whose documents are read.
    type: list
    elements: str
    default: []
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
  - organic.core5g.read_only
seealso:
  - module: organic.core5g.subscribers
"""

EXAMPLES = r"""
- name: List the subscribers
  organic.core5g.subscribers_info:
    address: 192.0.2.39
  register: found
"""

RETURN = r"""
supis:
  description: All subscribers.
  returned: success
  type: list
  elements: str
  sample: [imsi-001010000000001]
documents:
  description: Documents of the subscribers that were asked for, by SUPI.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils import nf_engine, nf_http, subscribers
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.nf_state import running_pid
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError

TIMEOUT_S = 30


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "supis": {"type": "list", "elements": "str", "default": []},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 8000},
            "container": {"type": "str", "default": "udr"},
            **nf_engine.OPTIONS,
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        engine = nf_engine.connect(options)
        pid = running_pid(engine, options["container"])
        api = subscribers.Provisioning(nf_http.connection(options["address"], options["port"], pid, TIMEOUT_S))
        supis = api.supis()
        documents = {supi: api.documents(supi) for supi in options["supis"]}
    except (CoreError, MigrationError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, supis=supis, documents=documents)


if __name__ == "__main__":
    main()
