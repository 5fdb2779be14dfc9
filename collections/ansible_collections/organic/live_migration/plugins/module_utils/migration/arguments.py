# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent takes: of the module on the host, and of its action plugin, which loads nothing else of the agent."""

from __future__ import annotations

from typing import Any

from ..engines.registry import DEFAULT, ENGINES
from ..memory.dirty_tracking import AUTO, TRACKING_METHODS
from ..strategies.registry import methods
from . import phases

ArgumentSpec = dict[str, Any]
"""As AnsibleModule takes it."""

ARGUMENTS: ArgumentSpec = {
    "phase": {"type": "str", "required": True, "choices": list(phases.PHASES)},
    "name": {"type": "str"},
    "plan": {"type": "dict"},
    "credentials": {"type": "dict", "no_log": True},
    "source": {"type": "dict"},
    "engine": {"type": "str", "choices": list(ENGINES), "default": DEFAULT},
    "engine_id": {"type": "str", "default": ""},
    "source_cpu": {"type": "dict", "default": {}},
    "system_files": {"type": "list", "elements": "str", "default": []},
    "memory_reserve_mb": {"type": "int", "default": 256},
    "shared_volumes": {"type": "list", "elements": "str", "default": []},
    "copy_missing_mounts": {"type": "bool", "default": False},
    "end_cluster_connections": {"type": "bool", "default": False},
    "mount_copies": {"type": "dict", "default": {}, "no_log": True},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "port": {"type": "int"},
    "migration_id": {"type": "str"},
    "events_seen": {"type": "int", "default": -1},
    "wait_s": {"type": "float", "default": 1.0},
    "patience_s": {"type": "float", "default": 45.0},
    "measure": {"type": "bool", "default": False},
    "tracks_pages": {"type": "bool", "default": False},
    "clones": {"type": "bool", "default": False},
    "page_tracking": {"type": "str", "choices": [AUTO, *TRACKING_METHODS], "default": AUTO},
    "trial_dump": {"type": "bool", "default": False},
    "outcome": {"type": "str", "choices": list(phases.TARGET_OUTCOMES)},
    "method": {"type": "str", "choices": list(methods()), "default": "resident"},
    "action": {"type": "str", "choices": list(phases.ACTIONS)},
    "source_node": {"type": "str", "default": ""},
    "target_node": {"type": "str", "default": ""},
    "dry_run": {"type": "bool", "default": False},
}
REQUIRED_IF = [("phase", name, list(needed)) for name, needed in phases.PHASES.items() if needed]
