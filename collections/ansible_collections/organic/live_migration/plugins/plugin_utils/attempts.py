# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Strategy ppm may lose its clone; then another one is made, and at last pre_copy moves the process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.plugin_utils.migration import Migration, Result

_CLONING, _NEXT_BEST = "ppm", "pre_copy"
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
    if arguments["strategy"] != _CLONING:
        return make(arguments).migrate()
    began = time.monotonic()
    attempts = int(str(arguments.get("ppm_attempts") or Options().ppm_attempts))
    void: list[Result] = []
    for strategy in [_CLONING] * attempts + [_NEXT_BEST]:
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
        result["warnings"] = [*(warnings if isinstance(warnings, list) else []), _warning(void, str(strategy))]
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


def _warning(void: list[Result], strategy: str) -> str:
    word = "clone was" if len(void) == 1 else "clones were"
    end = f"; strategy {strategy} moved the process" if strategy != _CLONING else ""
    return f"{len(void)} {word} given up{end}. The last one: {void[-1]['message']}"
