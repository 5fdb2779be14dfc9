#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_host_info
short_description: Check whether a container is on a host
version_added: 0.2.0
description:
  - Returns whether a container of this name is on the host, its status, and whether it is being migrated.
  - Run it on all hosts of a group and give the results to P(organic.live_migration.container_placement#filter), which
    finds the one host that the container runs on.
options:
  name:
    description: Name of the container.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Never changes anything.
  diff_mode:
    support: none
    description: There is nothing to compare.
requirements:
  - Docker on the host, or a Kubernetes node
seealso:
  - plugin: organic.live_migration.container_placement
    plugin_type: filter
  - module: organic.live_migration.container_migrate
author:
  - Organic 5GC contributors (@organic-5gc)
"""

EXAMPLES = r"""
- name: Find the counter
  organic.live_migration.container_host_info:
    name: counter
  register: found
"""

RETURN = r"""
status:
  description: Status of the container as the engine names it, for example V(running) or V(exited); empty without one.
  returned: success
  type: str
  sample: running
migration_role:
  description:
    - Whether a migration that has not ended uses the container, with this host as its V(source) or its V(target).
      Else empty.
    - As the target of a migration the container runs, but only waits for the process.
  returned: success
  type: str
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.migration.host_info import ContainerOnHost


def main() -> None:
    module = AnsibleModule(argument_spec={"name": {"type": "str", "required": True}}, supports_check_mode=True)
    try:
        found = ContainerOnHost.find(module.params["name"])
    except (MigrationError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **asdict(found))


if __name__ == "__main__":
    main()
