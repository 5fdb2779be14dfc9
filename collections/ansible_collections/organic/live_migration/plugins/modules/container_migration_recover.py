#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_migration_recover
short_description: Settle the interrupted migrations of a host
version_added: 0.2.0
description:
  - Decides, from what is written down on the hosts, which copy of each interrupted migration is the live one, has it
    run, and takes the rest away. Nothing is guessed.
  - A migration that was interrupted before its commit point is settled on each of its hosts alone. After it the target
    host is asked whether the process runs there; until it was, the process stands frozen on the source host.
  - M(organic.live_migration.container_migrate) does the same before it begins. Migrations at work are left alone.
  - Run it on the source hosts and on the target hosts.
options: {}
attributes:
  check_mode:
    support: full
    description: Lists what would be settled; of a migration that the target host must decide, that it would be asked.
  diff_mode:
    support: none
    description: There is nothing to compare.
  idempotent:
    support: full
    description: What was settled is gone.
seealso:
  - module: organic.live_migration.container_migrate
  - module: organic.live_migration.container_migration_info
author:
  - Organic 5GC contributors (@organic-5gc)
"""

EXAMPLES = r"""
- name: Settle what was interrupted
  hosts: nf_hosts
  gather_facts: false
  tasks:
    - name: Settle it
      organic.live_migration.container_migration_recover:
"""

RETURN = r"""
settled:
  description: Interrupted migrations that this host settled alone.
  returned: always
  type: list
  elements: dict
  contains:
    migration_id:
      description: Names the migration on both hosts.
      type: str
    name:
      description: Name of the container.
      type: str
    role:
      description: Of this host, V(source) or V(target).
      type: str
    peer:
      description: Inventory name of the other host.
      type: str
    outcome:
      description:
        - V(resumed) when the process runs on here, on the source host; V(finished) when it runs here, on the target
          host; V(destroyed) when what had been prepared here, on the target host, was taken away.
      type: str
decided:
  description: Interrupted migrations that the target host decided.
  returned: always
  type: list
  elements: dict
  contains:
    migration_id:
      description: Names the migration on both hosts.
      type: str
    name:
      description: Name of the container.
      type: str
    target_host:
      description: Inventory name of the host that was asked.
      type: str
    outcome:
      description:
        - V(ran) when the process runs on the target host, V(destroyed) when it runs on here; V(unknown) in check mode.
        - V(ended) when it had run on the target host, and its container has been stopped there since.
        - V(lost) when it had run on the target host, in post-copy, and has ended there. Start it anew.
      type: str
in_doubt:
  description: Those whose target host could not be asked. The process stands frozen here.
  returned: always
  type: list
  elements: dict
  contains:
    migration_id:
      description: Names the migration on both hosts.
      type: str
    name:
      description: Name of the container.
      type: str
    target_host:
      description: Inventory name of the host that must be asked.
      type: str
    reason:
      description: Why it could not be asked.
      type: str
in_progress:
  description: Migrations that are not interrupted.
  returned: always
  type: list
  elements: dict
"""
