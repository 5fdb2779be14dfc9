#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_migrate
short_description: Move the processes of a running container to another host
version_added: 0.1.0
description:
  - Moves the process tree of a container, with its memory, open connections and files, into a container of the same
    name, image and addresses on another host, by CRIU. The process never ends; its clients' connections stay open.
  - The critical path runs between two agents on the two hosts, over a mutually authenticated TLS connection with
    certificates made for this migration. The memory pages cross on a connection that was authenticated the same way
    and is neither encrypted nor protected against changes, so use a network between the hosts that can be trusted.
    Ansible prepares and reports.
  - Until the commit point every failure (of either agent, the link, the controller, CRIU, a full memory file system)
    resumes the process where it was. After it the process never runs on the source host again.
  - The container must have been started with the resident init; see the role
    P(organic.live_migration.migration_host#role).
extends_documentation_fragment:
  - organic.live_migration.migration
attributes:
  check_mode:
    support: full
    description: Runs the whole preflight on both hosts and predicts the downtime.
  diff_mode:
    support: full
    description: Shows what runs where, before and after.
  idempotent:
    support: none
    description: The container leaves the host on which the task runs; a second run finds it gone and says so.
options:
  strategy:
    description:
      - How the memory gets to the target host.
      - V(inter_copy) freezes the process, copies all of its memory and restores it. Everything is sent once.
    type: str
    choices: [inter_copy]
    default: inter_copy
  method:
    description:
      - V(resident) moves the process tree between two running containers.
      - V(engine) has the Docker engine checkpoint and restore the whole container. It is slow; it is for containers
        that were not started with the resident init, and for comparison. It needs an engine with experimental features.
    type: str
    choices: [resident, engine]
    default: resident
seealso:
  - module: organic.live_migration.container_migration_info
"""

EXAMPLES = r"""
- name: Move the SMF to edge-b
  organic.live_migration.container_migrate:
    name: smf
    target_host: edge-b
  register: moved

- name: Tell how long it stood still
  ansible.builtin.debug:
    msg: "{{ moved.migration.process_downtime_ms }} ms"
"""

RETURN = r"""
migration:
  description: What was done, and how long it took.
  returned: when a migration was begun
  type: dict
  contains:
    strategy:
      description: How the memory was copied.
      type: str
      sample: inter_copy
    method:
      description: How the process was moved.
      type: str
      sample: resident
    status:
      description: V(completed), or V(failed) when the process runs on the source as before.
      type: str
      sample: completed
    source_host:
      description: Inventory name of the host that it left.
      type: str
      sample: edge-a
    target_host:
      description: Inventory name of the host that it moved to.
      type: str
      sample: edge-b
    migration_time_ms:
      description: From the start of the action until the source was released, in milliseconds.
      type: float
      sample: 2150.3
    process_downtime_ms:
      description: From the freeze on the source until the process ran on the target, in milliseconds.
      type: float
      sample: 61.2
    bytes_sent:
      description: Payload bytes that the source sent, retransmissions included.
      type: int
      sample: 25165824
    memory_bytes:
      description: Memory that the processes had in use before.
      type: int
      sample: 24117248
    steps:
      description:
        - Steps in the order in which they ended, in milliseconds since the start.
        - Those from C(freeze) to C(resume) are the downtime.
      type: list
      elements: dict
      sample: [{"name": "freeze", "start_ms": 1903.1, "duration_ms": 0.4}]
    target_steps:
      description: The target's own steps, in milliseconds since its preparation.
      type: list
      elements: dict
    held_packets:
      description: Packets that arrived for the process while it stood still, and were delivered to it afterwards.
      type: int
      sample: 58
    criu:
      description: CRIU's own statistics of the dump and the restore.
      type: dict
    commands:
      description: Commands that were run on C(source) and C(target).
      type: dict
prediction:
  description: What the preflight saw, and the downtime that is to be expected.
  returned: in check mode
  type: dict
reasons:
  description: Why the container cannot move. Nothing was touched.
  returned: when refused
  type: list
  elements: dict
  sample: [{"code": "image_missing", "message": "The image is missing on the target host", "remedy": "Load it there"}]
details:
  description: What is known of a failure, for example C(criu_log), the error lines of CRIU's log.
  returned: when a migration failed
  type: dict
"""
