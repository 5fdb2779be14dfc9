#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_migration_continue
short_description: Continue a container migration that pauses before its switchover
version_added: 0.2.0
description:
  - Continues a migration that M(organic.live_migration.container_migrate) runs in another play with
    O(organic.live_migration.container_migrate#module:pause_before_switchover=true).
  - Runs on the source host. Waits until the migration pauses, and then until it has continued.
attributes:
  check_mode:
    support: full
    description: Waits until the migration pauses, and does not continue it.
  idempotent:
    support: full
    description: A migration that has continued already is left alone.
extends_documentation_fragment:
  - organic.live_migration.control
"""

EXAMPLES = r"""
- name: Freeze the SMF now, and run it on the other host
  organic.live_migration.container_migration_continue:
    name: smf
"""

RETURN = r"""
state:
  description:
    - State of the migration, as C(state) of RV(organic.live_migration.container_migration_info#module:migrations).
  returned: success
  type: str
  sample: switchover
migration_id:
  description: Identifies the migration.
  returned: success
  type: str
  sample: 00112233445566ff
msg:
  description: The same in words.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.migration.control import ARGUMENTS, Control


def main() -> None:
    module = AnsibleModule(**ARGUMENTS)
    try:
        control = Control(module.params["name"], module.params["migration_id"], module.check_mode)
        answer = control.resume(module.params["timeout_s"])
    except (MigrationError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=answer.changed, state=answer.state, migration_id=answer.migration_id, msg=answer.message)


if __name__ == "__main__":
    main()
