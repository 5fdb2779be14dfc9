# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules share that cancel or continue a migration in progress."""

    DOCUMENTATION = r"""
options:
  name:
    description: Name of the container that is migrated.
    type: str
  migration_id:
    description: The migration, as M(organic.live_migration.container_migration_info) lists it.
    type: str
  timeout_s:
    description: Seconds to wait for the effect.
    type: int
    default: 60
attributes:
  diff_mode:
    support: none
    description: There is nothing to compare.
seealso:
  - module: organic.live_migration.container_migrate
  - module: organic.live_migration.container_migration_info
author:
  - Organic 5GC contributors (@organic-5gc)
"""
