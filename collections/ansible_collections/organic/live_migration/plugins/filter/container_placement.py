# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter on the results of organic.live_migration.container_host_info."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.organic.live_migration.plugins.plugin_utils.residence import placement


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"container_placement": placement}
