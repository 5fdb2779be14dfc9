#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_migration_cancel
short_description: Cancel a container migration
version_added: 0.2.0
description:
  - Cancels a migration that M(organic.live_migration.container_migrate) runs in another play, before its commit point,
    and waits until it has ended. The process runs on where it was, with its connections.
  - Runs on the source host. Does nothing where no such migration is in progress.
  - Fails when the migration has passed its commit point; the process then runs on the target host.
attributes:
  check_mode:
    support: full
    description: Reports whether a migration would be cancelled.
  idempotent:
    support: full
    description: A migration that was cancelled is not cancelled again.
extends_documentation_fragment:
  - organic.live_migration.control
"""

EXAMPLES = r"""
- name: Cancel the migration of the SMF
  organic.live_migration.container_migration_cancel:
    name: smf
"""

RETURN = r"""
state:
  description:
    - State of the migration, as C(state) of RV(organic.live_migration.container_migration_info#module:migrations).
      V(cancelled); V(failed) when it failed for another reason before it saw the command; V(none) when there was no
      migration; in check mode the state that it is in.
  returned: success
  type: str
  sample: cancelled
migration_id:
  description: Identifies the migration; empty when there was none.
  returned: success
  type: str
  sample: 00112233445566ff
msg:
  description: The same in words.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.live_migration.plugins.module_utils.engines import registry
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.migration import recovery
from ansible_collections.organic.live_migration.plugins.module_utils.migration.control import ARGUMENTS, Control


def main() -> None:
    module = AnsibleModule(**ARGUMENTS)
    try:
        control = Control(module.params["name"], module.params["migration_id"], module.check_mode)
        answer = control.cancel(module.params["timeout_s"], _runs_here)
    except (MigrationError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=answer.changed, state=answer.state, migration_id=answer.migration_id, msg=answer.message)


def _runs_here(name: str) -> bool:
    return recovery.runs_here(name, registry.find(name)[0])


if __name__ == "__main__":
    main()
