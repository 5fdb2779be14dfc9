# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controller side of the recovery of interrupted migrations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.module_utils.engines.kubernetes import KubernetesEngine
from ansible_collections.organic.live_migration.plugins.module_utils.errors import as_sentence
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    HostMigrations,
    OutcomeAnswer,
    Parameters,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.deployment_moves import DeploymentMoves
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.service_moves import Ended, ServiceMoves
from ansible_collections.organic.live_migration.plugins.plugin_utils.stale_await_files import StaleAwaitFiles

UNKNOWN = "unknown"
"""In check mode, as the target host was not asked."""


def resolve(hosts: Hosts, migration_id: str, name: str) -> str:
    """Resolve a migration in doubt by what became of its process on the target.

    Returns:
        ``running``: the process runs there. ``exited``: it ran there and has exited. ``never_ran``: it never ran there
        and runs on the source again. ``lost``: it ran there before it had all its memory, and has exited.

    Raises:
        AnsibleActionFail: one of the hosts could not be asked.
    """
    found = hosts.on_target(Parameters(phases.QUERY_OUTCOME, name, migration_id=migration_id), OutcomeAnswer)
    resolution = Parameters(phases.RESOLVE, name, migration_id=migration_id, outcome=found.outcome)
    return hosts.on_source(resolution, OutcomeAnswer).outcome


def recover(source: Hosts, towards: Callable[[str], Hosts], dry_run: bool, abandoned: bool) -> dict[str, object]:
    """Recover all interrupted migrations of a host.

    Args:
        source: the host.
        towards: makes the two hosts of a migration from the inventory name of its target.
        dry_run: change nothing.
        abandoned: remove, too, what waits there for a source that should have come long ago.

    Returns:
        Result fields of the action.
    """
    found = source.on_source(
        Parameters(phases.RECOVER, phases.ALL if abandoned else "", dry_run=dry_run), HostMigrations
    )
    resolved = []
    in_doubt = []
    messages = []
    for entry in found.in_doubt:
        try:
            hosts = None if dry_run else towards(entry.target_host)
            outcome = UNKNOWN if hosts is None else resolve(hosts, entry.migration_id, entry.name)
            resolved.append({**asdict(entry), "outcome": outcome})
        except AnsibleActionFail as error:
            in_doubt.append({**asdict(entry), "reason": str(error)})
            messages.append(
                f"'{entry.name}' stays frozen (in doubt) on {source.source} until {entry.target_host} can be reached: "
                f"{as_sentence(str(error))}"
            )
    services = _end_service_moves(source, found, {str(entry["name"]) for entry in in_doubt}, dry_run)
    messages += services.faults
    stale = StaleAwaitFiles(source)
    if source.engine == KubernetesEngine.name:
        stale.remove(dry_run)
    result: dict[str, object] = {
        "changed": bool(found.recovered or resolved or services.moves or stale.removed),
        "recovered": [asdict(entry) for entry in found.recovered],
        "resolved": resolved,
        "in_doubt": in_doubt,
        "in_progress": [asdict(entry) for entry in found.in_progress],
        "not_recovered": [asdict(entry) for entry in found.not_recovered],
        "services": services.as_dicts(),
        "await_files": stale.removed,
    }
    messages += [
        f"{repr(entry.name) if entry.name else f'Migration {entry.migration_id}'} could not be recovered on "
        f"{source.source}: {entry.reason}"
        for entry in found.not_recovered
    ]
    warnings = [*services.warnings, *stale.warnings] + [
        f"'{entry.name}' runs on {source.source} again, but these could not be set again: "
        f"{'; '.join(entry.not_restored)}."
        for entry in found.recovered
        if entry.not_restored
    ]
    if warnings:
        result["warnings"] = warnings
    if messages:
        result.update(failed=True, msg=f"{' '.join(messages)} Fix the cause and run this task again.")
    return result


def _end_service_moves(source: Hosts, found: HostMigrations, in_doubt: set[str], dry_run: bool) -> Ended:
    moves: DeploymentMoves | ServiceMoves | None
    is_kubernetes = source.engine == KubernetesEngine.name
    moves = DeploymentMoves(source) if is_kubernetes else ServiceMoves.of(source, found, dry_run)
    if moves is None:
        return Ended()
    busy = in_doubt | set(found.supervised)
    busy |= {entry.name for entry in found.in_progress} | {entry.name for entry in found.not_recovered}
    return moves.end(busy, dry_run)
