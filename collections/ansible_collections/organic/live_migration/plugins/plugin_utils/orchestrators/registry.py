# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which orchestrator places the containers of an engine."""

from __future__ import annotations

from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.base import Orchestrator
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.none import NoOrchestrator

ORCHESTRATORS: dict[str, type[Orchestrator]] = {"docker": NoOrchestrator}
"""By the name of the engine."""


def orchestrator_of(engine: str) -> Orchestrator:
    """The orchestrator of an engine's containers, for one migration."""
    return ORCHESTRATORS[engine]()
