#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containers_migrate
short_description: Move many containers from a host, some of them at once
version_added: 0.2.0
description:
  - Runs a migration as M(organic.live_migration.container_migrate) does for each container of a list, O(parallel) of
    them at once. What can be prepared of the next ones is prepared while the present one moves;
    only one process of the host is frozen at a time.
  - A migration that is refused or fails does not end the others. How each one ended is in RV(migrations); the task
    fails if one of them did not move, when all have ended.
  - A host that cannot be reached ends what is in progress there. The moves to it that were not begun are left out.
options:
  moves:
    description:
      - The containers, in the order in which they begin.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the container, on both hosts.
        type: str
        required: true
      target_host:
        description: Inventory name of the host to which it moves.
        type: str
        required: true
      after:
        description:
          - Names of containers that have come to an end before this one begins, whether they moved or not.
          - Names that are not in O(moves) do not matter.
        type: list
        elements: str
        default: []
      options:
        description:
          - Further options of M(organic.live_migration.container_migrate) for this container, for example C(strategy).
          - Its C(name) is what the engine calls the container where O(moves[].name) is what its user calls it.
        type: dict
        default: {}
  parallel:
    description:
      - How many migrations are in progress at once, from 1 to 16.
    type: int
    default: 2
  options:
    description:
      - Options of M(organic.live_migration.container_migrate) for all containers.
      - Its C(max_parallel) is O(parallel), unless it is set here.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Runs the whole preflight of each migration on both hosts, and predicts its downtime.
  diff_mode:
    support: none
    description: Shows no difference.
  idempotent:
    support: none
    description: The containers leave the host on which the task runs.
requirements:
  - those of M(organic.live_migration.container_migrate)
seealso:
  - module: organic.live_migration.container_migrate
author:
  - Organic 5GC contributors (@organic-5gc)
"""

EXAMPLES = r"""
- name: Move three containers, the last one when the database has moved
  organic.live_migration.containers_migrate:
    moves:
      - {name: database, target_host: edge-b, options: {strategy: pre_copy}}
      - {name: cache, target_host: edge-c}
      - {name: web, target_host: edge-b, after: [database]}
    options:
      downtime_limit_ms: 100
  register: moved
"""

RETURN = r"""
migrations:
  description: How each migration ended, in the order of O(moves).
  returned: always, but when the arguments are wrong
  type: list
  elements: dict
  contains:
    name:
      description: Name of the container.
      type: str
      sample: database
    target_host:
      description: Inventory name of the host that it was to move to.
      type: str
      sample: edge-b
    status:
      description:
        - V(moved), V(refused) by the preflight, V(failed), or V(not_started) because a host could not be reached.
        - V(would_move) in check mode.
        - Where a container is whose migration failed, RV(migrations[].migration) and RV(migrations[].reason) say.
      type: str
      sample: moved
    reason:
      description: Why it did not move, and what to do about it.
      type: str
    blockers:
      description: As those of M(organic.live_migration.container_migrate).
      type: list
      elements: dict
    migration:
      description: As RV(organic.live_migration.container_migrate#module:migration); empty if none was begun.
      type: dict
    prediction:
      description: As RV(organic.live_migration.container_migrate#module:prediction), in check mode.
      type: dict
    warnings:
      description: Of a completed migration.
      type: list
      elements: str
    unreachable:
      description: Inventory name of the host that could not be reached; empty if all could.
      type: str
"""
