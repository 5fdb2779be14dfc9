# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of container_migrate and container_migration_preflight, whose documentation describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.migration.arguments import ArgumentSpec
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import CHOICES, RANGES, Options
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import registry

ARGUMENTS: ArgumentSpec = {
    "name": {"type": "str", "required": True},
    "target_host": {"type": "str", "required": True},
    "target_address": {"type": "str"},
    "memory_reserve_mb": {"type": "int", "default": 256},
    "shared_volumes": {"type": "list", "elements": "str", "default": []},
    "copy_missing_mounts": {"type": "bool", "default": False},
    "end_cluster_connections": {"type": "bool", "default": False},
    "trial_dump": {"type": "bool", "default": False},
    "timeout_s": {"type": "int", "default": 120},
    "method": {"type": "str", "choices": list(registry.methods()), "default": "resident"},
}
MIGRATE_ARGUMENTS: ArgumentSpec = {
    **ARGUMENTS,
    "strategy": {"type": "str", "choices": list(registry.choices()), "default": Options().strategy},
    **{name: {"type": "str", "choices": list(CHOICES[name]), "default": getattr(Options(), name)} for name in CHOICES},
    **{name: {"type": "int", "default": getattr(Options(), name)} for name in RANGES},
    "pause_before_switchover": {"type": "bool", "default": False},
    "downtime_budget_ms": {"type": "int", "default": 0},
}
BATCH_ARGUMENTS: ArgumentSpec = {
    "moves": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "target_host": {"type": "str", "required": True},
            "after": {"type": "list", "elements": "str", "default": []},
            "options": {"type": "dict", "default": {}},
        },
    },
    "parallel": {"type": "int", "default": 2},
    "options": {"type": "dict", "default": {}},
}
"""Of containers_migrate."""
_MAX_TIMEOUT_S = 86400


@dataclass(frozen=True)
class Arguments:
    """The arguments of the actions; described in the modules' documentation."""

    name: str
    target_host: str
    target_address: str | None = None
    memory_reserve_mb: int = 256
    shared_volumes: list[str] = field(default_factory=list)
    copy_missing_mounts: bool = False
    end_cluster_connections: bool = False
    trial_dump: bool = False
    timeout_s: int = 120
    method: str = "resident"
    downtime_budget_ms: int = 0
    options: Options = field(default_factory=Options)

    @classmethod
    def of(cls, validated: Mapping[str, object]) -> Arguments:
        """From arguments that were checked against their specification.

        Raises:
            ValueError: a value is out of its range.
        """
        options = {one.name for one in fields(Options)}
        chosen = typed.from_dict(Options, {name: value for name, value in validated.items() if name in options})
        others = {name: value for name, value in validated.items() if name not in options}
        return replace(typed.from_dict(cls, others), options=chosen)

    def __post_init__(self) -> None:
        if not 1 <= self.timeout_s <= _MAX_TIMEOUT_S:
            raise ValueError(
                f"timeout_s must be at least 1 (second) and at most {_MAX_TIMEOUT_S}. Leave it out to get 120."
            )
