#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_migration_recover
short_description: Recover interrupted migrations of a host
version_added: 0.2.0
description:
  - Decides from the journals on the hosts which copy of each interrupted migration is the live one, has it run, and
    removes the rest. Nothing is guessed.
  - A migration that was interrupted before its commit point is recovered on each of its hosts alone. After the commit
    point it is in doubt, and the target host is asked whether the process runs there; until it can be reached, the
    process stays frozen on the source host.
  - A Docker Swarm is told where the process of a service runs, if the controller was killed before it could do that
    itself. For that, a manager of the Swarm must be a host of the inventory.
  - M(organic.live_migration.container_migrate) does the same before it begins, but of what O(abandoned) is about only
    for its own container. Migrations in progress are left alone.
  - Run it on the source hosts and on the target hosts.
options:
  abandoned:
    description:
      - Whether to remove, too, what was prepared on this host for migrations whose source has not connected for 10
        seconds, or six times what preparing took if that is longer. Their controllers were killed, or are very slow.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Lists what would be recovered; no target host is asked.
  diff_mode:
    support: none
    description: There is nothing to compare.
  idempotent:
    support: full
    description: A migration that was recovered is not listed again.
seealso:
  - module: organic.live_migration.container_migrate
  - module: organic.live_migration.container_migration_info
author:
  - Organic 5GC contributors (@organic-5gc)
"""

EXAMPLES = r"""
- name: Recover interrupted migrations
  hosts: nf_hosts
  gather_facts: false
  tasks:
    - name: Recover interrupted migrations
      organic.live_migration.container_migration_recover:
"""

RETURN = r"""
recovered:
  description: Interrupted migrations that this host recovered alone.
  returned: always
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
      sample: smf
    role:
      description: Of this host, V(source) or V(target).
      type: str
      sample: source
    peer:
      description: Inventory name of the other host.
      type: str
      sample: edge-b
    outcome:
      description:
        - What became of the process on this host. V(running) when it runs here; V(never_ran) on a target host where
          what had been prepared for it was removed.
      type: str
      sample: running
    not_restored:
      description: Settings of its network that the kernel refused to set again. The task warns of them.
      type: list
      elements: str
      sample: ["route 203.0.113.0/24 dev eth0 of table 254 (Nexthop has invalid gateway)"]
resolved:
  description: Interrupted migrations that were in doubt, and that the target host was asked about.
  returned: always
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
      sample: smf
    target_host:
      description: Inventory name of the target host.
      type: str
      sample: edge-b
    outcome:
      description:
        - What became of the process on the target host. V(running) when it runs there; V(exited) when it ran there and
          its container is stopped now; V(never_ran) when it runs on this host again; V(unknown) in check mode.
        - V(lost) when it ran there in post-copy before it had all its memory, and has exited. Redeploy it.
      type: str
      sample: running
services:
  description:
    - Moves of Docker Swarm services from this host that nobody had ended, or to this host from a node that is gone.
  returned: always
  type: list
  elements: dict
  version_added: 0.2.0
  contains:
    name:
      description: Name of the service.
      type: str
      sample: smf
    source_node:
      description: Host name of the node that it was to move from.
      type: str
      sample: edge-a
    target_node:
      description: Host name of the node that it was to move to.
      type: str
      sample: edge-b
    outcome:
      description:
        - V(running) when its process runs on the target node, where the service stays; V(never_ran) when it runs on the
          source node, and the service is as it was before.
      type: str
      sample: running
await_files:
  description:
    - Names (V(NAMESPACE.DEPLOYMENT)) of the Kubernetes Deployments whose await file on this host was removed, as the
      migration that had written it has ended.
  returned: always
  type: list
  elements: str
  version_added: 0.2.0
  sample: [core5g.smf]
in_doubt:
  description: Those whose target host could not be asked. The process stays frozen on this host.
  returned: always
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
      sample: smf
    target_host:
      description: Inventory name of the target host.
      type: str
      sample: edge-b
    reason:
      description: Why it could not be asked.
      type: str
      sample: "Host 'edge-b' cannot be reached: timed out"
not_recovered:
  description: Those whose recovery failed. It keeps no other from its recovery, but the task fails.
  returned: always
  type: list
  elements: dict
  contains:
    migration_id:
      description: Identifies the migration on both hosts.
      type: str
      sample: 00112233445566ff
    name:
      description: Name of the container. Empty when the record of the migration cannot be read.
      type: str
      sample: smf
    role:
      description: Of this host, V(source) or V(target).
      type: str
      sample: source
    reason:
      description: Why it failed.
      type: str
      sample: "The container engine does not answer."
in_progress:
  description: Migrations that are not interrupted.
  returned: always
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
      sample: smf
    role:
      description: Of this host, V(source) or V(target).
      type: str
      sample: source
    peer:
      description: Inventory name of the other host.
      type: str
      sample: edge-b
"""
