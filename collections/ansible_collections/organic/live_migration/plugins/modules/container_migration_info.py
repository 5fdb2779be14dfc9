#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_migration_info
short_description: List the migrations of a host and their progress
version_added: 0.2.0
description:
  - Lists the migrations that leave this host or arrive on it, and interrupted ones that were not recovered yet.
  - Their progress is known on the source host only.
options:
  name:
    description: Only migrations of this container.
    type: str
attributes:
  check_mode:
    support: full
    description: Never changes anything.
  diff_mode:
    support: none
    description: There is nothing to compare.
seealso:
  - module: organic.live_migration.container_migrate
  - module: organic.live_migration.container_migration_cancel
  - module: organic.live_migration.container_migration_recover
author:
  - Organic 5GC contributors (@organic-5gc)
"""

EXAMPLES = r"""
- name: List the migrations of this host
  organic.live_migration.container_migration_info:
  register: found

- name: Show what is still to be sent
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.state }}, {{ item.progress.remaining_bytes | human_readable }}"
  loop: "{{ found.migrations | selectattr('role', 'eq', 'source') }}"
"""

RETURN = r"""
migrations:
  description: The migrations of this host, oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    migration_id:
      description: Identifies the migration on both hosts.
      type: str
      sample: 00112233445566ff
    name:
      description: Name of the container.
      type: str
    role:
      description: Of this host, V(source) or V(target).
      type: str
    peer:
      description: Inventory name of the other host.
      type: str
    state:
      description:
        - State of the migration. On the source host as C(statistics.state) of
          RV(organic.live_migration.container_migrate#module:migration); V(committed) is possible there, too, once the
          progress is gone. On the target host V(setup), V(active), V(restored), V(cloned) or V(completed).
      type: str
    in_progress:
      description:
        - Whether its agent runs. If not, the migration was interrupted; run
          M(organic.live_migration.container_migration_recover).
      type: bool
    progress:
      description:
        - On the source host, the fields of C(statistics) in
          RV(organic.live_migration.container_migrate#module:migration) as they are now, and C(queued), whether it waits
          until others have ended. Else empty.
      type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.migration import control


def main() -> None:
    module = AnsibleModule(argument_spec={"name": {"type": "str"}}, supports_check_mode=True)
    try:
        found = control.migrations()
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    name = module.params["name"]
    migrations = []
    for migration in found:
        if name in (None, migration.name):
            fields = typed.to_dict(migration)
            migrations.append({**fields, "progress": fields["progress"] or {}})
    module.exit_json(changed=False, migrations=migrations)


if __name__ == "__main__":
    main()
