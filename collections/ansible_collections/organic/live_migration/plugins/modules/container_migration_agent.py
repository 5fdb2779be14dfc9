#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_migration_agent
short_description: One end of a container migration
version_added: 0.1.0
description:
  - Does the part of one host for M(organic.live_migration.container_migrate),
    M(organic.live_migration.container_migration_preflight) and M(organic.live_migration.container_migration_recover).
  - Not meant to be used in a playbook; the actions above run it on both hosts, in the right order.
attributes:
  check_mode:
    support: full
    description: The phases V(preflight), V(prepare) and V(recover) change nothing then.
  diff_mode:
    support: none
    description: There is nothing to compare.
options:
  phase:
    description:
      - What to do.
      - On the source host, V(preflight) checks the container and begins its migration, V(start) migrates it, V(poll)
        waits for the outcome or for progress, V(abort_queued) ends a migration that was not started, and V(resolve)
        ends one that was in doubt.
      - On the target host, V(prepare) creates the awaiting container, V(query_outcome) reports what became of the
        process, and V(discard_target) removes what was prepared.
      - On either host, V(recover) recovers interrupted migrations. V(bandwidth_server) and V(bandwidth_client) measure
        the link from the source host to the target host.
      - In a Docker Swarm, V(swarm_node) reports the place of the host in it, V(swarm_service) checks or changes the
        service on a manager, V(swarm_moves) lists there the moves that nobody has ended, and V(await_file) writes or
        removes the await file of the init O(name).
      - On any host, V(await_files) lists these files, and what tells whether their migrations have ended.
    type: str
    required: true
    choices:
      - preflight
      - prepare
      - start
      - poll
      - abort_queued
      - query_outcome
      - resolve
      - discard_target
      - recover
      - bandwidth_server
      - bandwidth_client
      - swarm_node
      - swarm_service
      - swarm_moves
      - await_file
      - await_files
  name:
    description: Name of the container.
    type: str
  plan:
    description: Plan of the migration. With it, O(phase=preflight) begins the migration if nothing prevents it.
    type: dict
  credentials:
    description: Certificate and key of this end, and the certificate of the other.
    type: dict
  source:
    description: The container on the source host.
    type: dict
  engine:
    description: Name of the container engine of the host.
    type: str
    choices: [docker, kubernetes]
    default: docker
  engine_id:
    description: Identity of the source host's engine.
    type: str
    default: ''
  source_cpu:
    description: Architecture, vendor, page size and features of the source host's CPU.
    type: dict
    default: {}
    version_added: 0.2.0
  system_files:
    description: Files below /sys and /proc that processes on the source host have open.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  memory_reserve_mb:
    description: Memory that must stay available on the target host.
    type: int
    default: 256
  shared_volumes:
    description: Writable volumes that both hosts see.
    type: list
    elements: str
    default: []
  end_cluster_connections:
    description: Let connections over the cluster's own network end, instead of refusing the migration for them.
    type: bool
    default: false
    version_added: 0.2.0
  trial_dump:
    description: With O(phase=preflight), dump the process for a trial, and let it run on. Needs O(plan).
    type: bool
    default: false
    version_added: 0.2.0
  copy_missing_mounts:
    description: With O(phase=preflight), answer also with what the container's small read-only bind mounts hold.
    type: bool
    default: false
    version_added: 0.2.0
  mount_copies:
    description: What the container's small read-only bind mounts hold, by their source.
    type: dict
    default: {}
    version_added: 0.2.0
  addresses:
    description: Where the source reaches the target.
    type: list
    elements: str
    default: []
  port:
    description: TCP port of the target's agent.
    type: int
  migration_id:
    description: Identifies a migration that was begun, on both hosts.
    type: str
  events_seen:
    description:
      - Number of events that the controller knows. O(phase=poll) returns when there are more. V(-1) waits for the
        outcome only.
    type: int
    default: -1
  wait_s:
    description: Seconds that O(phase=poll) waits, at most.
    type: float
    default: 1.0
  patience_s:
    description:
      - Seconds for which the migration may hear nothing from the controller before it takes it for lost, at least 45.
        The controller takes a multiple of what its longest task has taken so far.
    type: float
    default: 45.0
  measure:
    description: With O(phase=preflight), measure for half a second how many pages the container writes.
    type: bool
    default: false
  outcome:
    description:
      - What became of the process on the target host of an interrupted migration. It runs there, it ran there and has
        exited, or it never ran there.
    type: str
    choices: [running, exited, never_ran]
  tracks_pages:
    description: With O(phase=preflight), whether the migration must find written pages.
    type: bool
    default: false
  clones:
    description: With O(phase=preflight), whether a clone of the process is to run beside it (strategy ppm).
    type: bool
    default: false
  page_tracking:
    description: Dirty-page tracking method; see M(organic.live_migration.container_migrate).
    type: str
    choices: [auto, write_protection, soft_dirty]
    default: auto
  method:
    description: How the process is moved.
    type: str
    choices: [resident, engine]
    default: resident
  action:
    description:
      - With O(phase=swarm_service), V(check) reports what prevents a move, V(place) has the new task started within
        O(wait_s) seconds, V(commit) and V(revert) end the move, and V(recover) ends one that was interrupted.
      - With O(phase=await_file), V(await) and V(hold) write the file, with O(migration_id), and V(revoke) removes
        it; with O(migration_id) only that of this migration.
    type: str
    choices: [check, place, commit, revert, recover, await, hold, revoke]
  source_node:
    description: Id of the source host in its Docker Swarm.
    type: str
    default: ''
  target_node:
    description: Id of the target host in its Docker Swarm.
    type: str
    default: ''
  dry_run:
    description: Check only, change nothing; always so in check mode.
    type: bool
    default: false
author:
  - Organic 5GC contributors (@organic-5gc)
"""

EXAMPLES = r"""
- name: Check a container on its host, as container_migrate does first
  organic.live_migration.container_migration_agent:
    phase: preflight
    name: smf
"""

RETURN = r"""
agent:
  description: C(answer), whose fields depend on O(phase); or C(failure), with C(message), C(details) and C(traceback).
  returned: always
  type: dict
  sample: {"answer": {"outcome": "running"}}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.live_migration.plugins.module_utils.migration import agent
from ansible_collections.organic.live_migration.plugins.module_utils.migration.arguments import ARGUMENTS, REQUIRED_IF


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, required_if=REQUIRED_IF, supports_check_mode=True)
    module.params["dry_run"] = module.params["dry_run"] or module.check_mode
    module.exit_json(agent=agent.run(module.params))


if __name__ == "__main__":
    main()
