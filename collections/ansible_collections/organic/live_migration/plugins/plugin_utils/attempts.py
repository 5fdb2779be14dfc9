# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A strategy that clones the process may lose the clone; then the next of its attempts is made."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import registry
from ansible_collections.organic.live_migration.plugins.plugin_utils.migration import Migration, Result

_VOID = "clone_void"
"""Detail of a failure after which the process runs as before and only its clone is lost; see errors.CloneVoid."""


def migrate(make: Callable[[Mapping[str, object]], Migration], arguments: Mapping[str, object]) -> Result:
    """Migrate, as often as it takes.

    Args:
        make: a migration by these arguments.
        arguments: of the action, checked.

    Returns:
        Result fields of the action: of the last attempt, with those before it in ``migration.attempts``.
    """
    wanted = str(arguments["strategy"])
    clones = int(str(arguments.get("ppm_attempts") or Options().ppm_attempts))
    attempts = registry.attempts(wanted, clones)
    if len(attempts) == 1:
        return make(arguments).migrate()
    began = time.monotonic()
    void: list[Result] = []
    for strategy in attempts:
        result = make({**arguments, "strategy": strategy}).migrate()
        migration = result.get("migration")
        if isinstance(migration, dict):
            migration["attempts"] = void
            migration["migration_time_ms"] = round((time.monotonic() - began) * 1000, 2)
        if (attempt := _void_attempt(result)) is None:
            break
        void.append(attempt)
    if void and not result.get("failed"):
        warnings = result.get("warnings")
        result["warnings"] = [
            *(warnings if isinstance(warnings, list) else []),
            _warning(void, strategy if strategy != wanted else ""),
        ]
    return result


def _void_attempt(result: Result) -> Result | None:
    """What is kept of an attempt whose clone was lost; None of any other end."""
    details = result.get("details")
    if not result.get("failed") or not isinstance(details, dict) or _VOID not in details:
        return None
    return {
        "reason": details[_VOID],
        "message": result["msg"],
        "divergence": details.get("divergence", {}),
        "parallel_ms": details.get("parallel_ms", 0.0),
    }


def _warning(void: list[Result], other_strategy: str) -> str:
    """What the user hears; ``other_strategy`` is the one that moved the process, if not the wanted one."""
    word = "clone was" if len(void) == 1 else "clones were"
    end = f"; strategy {other_strategy} moved the process" if other_strategy else ""
    return f"{len(void)} {word} given up{end}. The last one: {void[-1]['message']}"
