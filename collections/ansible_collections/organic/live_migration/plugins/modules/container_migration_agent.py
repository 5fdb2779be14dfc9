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
  - Does on one host what M(organic.live_migration.container_migrate),
    M(organic.live_migration.container_migration_preflight) and M(organic.live_migration.container_migration_recover)
    need done there.
  - Not meant to be used in a playbook; the actions above run it on both hosts, in the right order.
attributes:
  check_mode:
    support: full
    description: The phases C(look), C(prepare) and C(recover) change nothing then; C(sink) and C(probe) never do.
options:
  phase:
    description: What is to be done.
    type: str
    required: true
    choices: [look, prepare, migrate, wait, dismiss, outcome, settle, withdraw, recover, sink, probe]
  name:
    description: Name of the container. The phases that take a O(migration_id) need none, nor does C(recover).
    type: str
  plan:
    description: Orders for this end. With it, the phase C(look) begins a migration that nothing speaks against.
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
    choices: [docker]
    default: docker
  engine_id:
    description: Identity of the source host's engine.
    type: str
    default: ''
  memory_bytes:
    description: Memory that the container's processes have in use.
    type: int
    default: 0
  memory_reserve_mb:
    description: Memory that must stay available on the target host.
    type: int
    default: 256
  shared_volumes:
    description: Writable volumes that both hosts see.
    type: list
    elements: str
    default: []
  addresses:
    description: Where the source reaches the target.
    type: list
    elements: str
    default: []
  port:
    description: TCP port of the target's agent.
    type: int
  migration_id:
    description: A migration that was begun.
    type: str
  seen:
    description: How many events of its progress the controller knows.
    type: int
    default: 0
  measure:
    description: In the phase C(look), measure how much the container writes, for half a second.
    type: bool
    default: false
  outcome:
    description: What became of the process on the target of an interrupted migration.
    type: str
    choices: [ran, ended, destroyed]
  tracks_pages:
    description: In the phase C(look), whether the migration must find written pages.
    type: bool
    default: false
  page_tracking:
    description: How; see M(organic.live_migration.container_migrate).
    type: str
    choices: [auto, write_protection, soft_dirty]
    default: auto
  method:
    description: How the process is moved.
    type: str
    choices: [resident, engine]
    default: resident
  dry_run:
    description: Check only, change nothing; always so in check mode.
    type: bool
    default: false
author:
  - Organic 5GC contributors (@organic-5gc)
"""

EXAMPLES = r"""
- name: What container_migrate asks of the source host first
  organic.live_migration.container_migration_agent:
    phase: look
    name: smf
"""

RETURN = r"""
agent:
  description: The answer, whose content depends on the phase.
  returned: always
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.live_migration.plugins.module_utils.engines.registry import DEFAULT, ENGINES
from ansible_collections.organic.live_migration.plugins.module_utils.memory.dirty_tracking import AUTO, TRACKING_METHODS
from ansible_collections.organic.live_migration.plugins.module_utils.migration import agent
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import methods


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "phase": {
                "type": "str",
                "required": True,
                "choices": [
                    "look",
                    "prepare",
                    "migrate",
                    "wait",
                    "dismiss",
                    "outcome",
                    "settle",
                    "withdraw",
                    "recover",
                    "sink",
                    "probe",
                ],
            },
            "name": {"type": "str"},
            "plan": {"type": "dict"},
            "credentials": {"type": "dict", "no_log": True},
            "source": {"type": "dict"},
            "engine": {"type": "str", "choices": list(ENGINES), "default": DEFAULT},
            "engine_id": {"type": "str", "default": ""},
            "memory_bytes": {"type": "int", "default": 0},
            "memory_reserve_mb": {"type": "int", "default": 256},
            "shared_volumes": {"type": "list", "elements": "str", "default": []},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "port": {"type": "int"},
            "migration_id": {"type": "str"},
            "seen": {"type": "int", "default": 0},
            "measure": {"type": "bool", "default": False},
            "tracks_pages": {"type": "bool", "default": False},
            "page_tracking": {"type": "str", "choices": [AUTO, *TRACKING_METHODS], "default": AUTO},
            "outcome": {"type": "str", "choices": ["ran", "ended", "destroyed"]},
            "method": {"type": "str", "choices": list(methods()), "default": "resident"},
            "dry_run": {"type": "bool", "default": False},
        },
        required_if=[
            ("phase", "look", ["name"]),
            ("phase", "prepare", ["name", "plan", "credentials", "source"]),
            ("phase", "migrate", ["plan", "credentials", "addresses", "port"]),
            ("phase", "sink", ["credentials"]),
            ("phase", "probe", ["credentials", "addresses", "port"]),
            ("phase", "wait", ["migration_id"]),
            ("phase", "dismiss", ["migration_id"]),
            ("phase", "outcome", ["name", "migration_id"]),
            ("phase", "settle", ["migration_id", "outcome"]),
            ("phase", "withdraw", ["name", "migration_id"]),
        ],
        supports_check_mode=True,
    )
    module.params["dry_run"] = module.params["dry_run"] or module.check_mode
    module.exit_json(agent=agent.run(module.params))


if __name__ == "__main__":
    main()
