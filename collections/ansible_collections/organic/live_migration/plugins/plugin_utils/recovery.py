# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settling what interrupted migrations have left, as the controller sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts

Result = dict[str, Any]


def settle(hosts: Hosts, migration_id: str, name: str) -> str:
    """Decide a migration whose source must not guess, by what became of it on the target.

    Returns:
        ``ran``: the process runs there. ``ended``: it ran there and has ended. ``destroyed``: it never ran there and
        runs on here. ``lost``: it ran there before all its memory had come, and has ended.

    Raises:
        AnsibleActionFail: one of the hosts could not be asked.
    """
    asked = _answer(hosts.on_target(phase="outcome", name=name, migration_id=migration_id))
    outcome = str(asked["outcome"])
    settled = _answer(hosts.on_source(phase="settle", name=name, migration_id=migration_id, outcome=outcome))
    return "lost" if settled.get("lost") else outcome


def recover(source: Hosts, towards: Callable[[str], Hosts], dry_run: bool) -> Result:
    """Settle all interrupted migrations of a host.

    Args:
        source: the host.
        towards: makes the two hosts of a migration from the inventory name of its target.
        dry_run: change nothing.

    Returns:
        Result fields of the action.
    """
    found = _answer(source.on_source(phase="recover", dry_run=dry_run))
    decided: list[Result] = []
    in_doubt: list[Result] = []
    for one in found["in_doubt"]:
        try:
            outcome = (
                settle(towards(one["target_host"]), one["migration_id"], one["name"]) if not dry_run else "unknown"
            )
            decided.append({**one, "outcome": outcome})
        except AnsibleActionFail as error:
            in_doubt.append({**one, "reason": str(error)})
    result: Result = {
        "changed": bool(found["settled"] or decided),
        "settled": found["settled"],
        "decided": decided,
        "in_doubt": in_doubt,
        "in_progress": found["in_progress"],
    }
    if in_doubt:
        listed = " ".join(
            f"'{one['name']}' stands frozen on {source.source} until {one['target_host']} was asked: {one['reason']}"
            for one in in_doubt
        )
        result.update(failed=True, msg=f"{listed} Run this again as soon as that is mended.")
    return result


def _answer(answer: Result) -> Result:
    if not answer["ok"]:
        raise AnsibleActionFail(answer["message"])
    return answer
