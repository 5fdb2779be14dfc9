# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What drain_plan and drain_report take."""

from __future__ import annotations

from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils import policy
from ansible_collections.organic.core5g.plugins.plugin_utils.drain import ALL, AWAY, BACK, LEAVE, MIGRATE, NFS_ONLY
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import registry

_HOST: dict[str, Any] = {
    "host": {"type": "str", "required": True},
    "direction": {"type": "str", "choices": [AWAY, BACK], "default": AWAY},
}
PLAN: dict[str, Any] = {
    **_HOST,
    "surveys": {"type": "dict", "required": True},
    "core": {"type": "dict", "required": True},
    "containers": {"type": "raw", "default": NFS_ONLY},
    "stateless": {"type": "str", "choices": [MIGRATE, LEAVE], "default": MIGRATE},
    "strategy": {"type": "str", "choices": [policy.PROFILE, *registry.choices()], "default": policy.PROFILE},
    "method": {"type": "str", "choices": list(registry.methods()), "default": "resident"},
    "record": {"type": "path", "required": True},
    "namespace": {"type": "str", "default": ""},
}
REPORT: dict[str, Any] = {
    **_HOST,
    "plan": {"type": "dict", "required": True},
    "batches": {"type": "dict", "default": {}},
    "before": {"type": "dict", "required": True},
    "after": {"type": "dict", "default": {}},
    "core": {"type": "dict", "default": {}},
    "n4_addresses": {"type": "dict", "default": {}},
    "home": {"type": "list", "elements": "str", "default": []},
    "tolerated_loss": {"type": "int", "default": 0},
    "record": {"type": "path"},
    "is_final": {"type": "bool", "default": True},
}


def containers_of(given: object) -> str | list[str]:
    """NFS_ONLY, ALL, or names.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(given, str):
        if given in (NFS_ONLY, ALL):
            return given
        return [name.strip() for name in given.split(",") if name.strip()]
    if isinstance(given, list) and all(isinstance(name, str) for name in given):
        return [str(name) for name in given]
    raise ValueError(f"Containers to move are '{NFS_ONLY}', '{ALL}' or a list of names, not {given!r}")
