#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_migration_preflight
short_description: Check whether a container can migrate to another host
version_added: 0.1.0
description:
  - Runs the preflight of M(organic.live_migration.container_migrate) on both hosts and returns everything that
    prevents the migration, each blocker with its remedy. Nothing is changed.
extends_documentation_fragment:
  - organic.live_migration.migration
attributes:
  check_mode:
    support: full
    description: Never changes anything.
  diff_mode:
    support: none
    description: There is nothing to compare.
options:
  method:
    description: How the process is to be moved; see M(organic.live_migration.container_migrate).
    type: str
    choices: [resident, engine]
    default: resident
seealso:
  - module: organic.live_migration.container_migrate
"""

EXAMPLES = r"""
- name: Check whether the SMF can migrate to edge-b
  organic.live_migration.container_migration_preflight:
    name: smf
    target_host: edge-b
  register: preflight

- name: Show the blockers
  ansible.builtin.debug:
    msg: "{{ preflight.blockers | map(attribute='message') }}"
  when: not preflight.migratable

- name: Find out, once, whether CRIU can dump a program that has never migrated
  organic.live_migration.container_migration_preflight:
    name: our-database
    target_host: edge-b
    trial_dump: true
  register: tried
  failed_when: not tried.migratable
"""

RETURN = r"""
migratable:
  description: Whether nothing prevents the migration.
  returned: success
  type: bool
blockers:
  description: Everything that prevents the migration.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: Stable name of the blocker.
      type: str
      sample: image_missing
    message:
      description: What was found.
      type: str
    remedy:
      description: What to do about it.
      type: str
source_host:
  description: Inventory name of the host that the container is on.
  returned: success
  type: str
  sample: edge-a
target_host:
  description: Inventory name of the host that it would move to.
  returned: success
  type: str
  sample: edge-b
memory_bytes:
  description: Memory that its processes have in use.
  returned: success
  type: int
processes:
  description: How many processes would move.
  returned: success
  type: int
predicted_downtime_ms:
  description: Downtime that inter-copy would cause, predicted from the memory in use.
  returned: success
  type: float
forecast:
  description:
    - What each strategy would cost, as in C(forecast) of
      RV(organic.live_migration.container_migrate#module:prediction). What the container writes was not measured.
  returned: success
  type: dict
trial_downtime_ms:
  description: How long the process was stopped for the trial dump.
  returned: with O(trial_dump=true), if nothing else prevents the migration on the source host
  type: float
  version_added: 0.2.0
"""
