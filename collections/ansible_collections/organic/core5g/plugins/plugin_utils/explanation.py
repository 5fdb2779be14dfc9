# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an NF's profile chooses, why, what of it is built, and what is taken in place of the rest: in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils import policy

BUDGETS = {
    "pfcp_request_give_up_ms": "a PFCP peer gives up a request",
    "pfcp_heartbeat_ms": "a PFCP peer releases the association",
    "nrf_heartbeat_ms": "the NRF removes the registration",
    "sbi_request_give_up_ms": "a consumer of its service gives up a request",
    "nas_procedure_ms": "a UE gives up a NAS procedure",
}
"""What happens when a migration takes longer than a budget of schemas/profile.yml."""


def explain(
    profile: Mapping[str, Any], driver: str, implemented: Mapping[str, Collection[str]], method: str
) -> dict[str, Any]:
    """An entry ``nfs`` of nf_profile_info.

    Args:
        profile: of the NF.
        driver: name of the network driver that is used.
        implemented: the strategies that container_migrate knows, each with the methods that have it.
        method: of the migration.
    """
    migration = profile["migration"]
    request = policy.Request(profile["name"], "", (), profile, method=method, force=True)
    used, fallback = request.chosen_strategy(implemented)
    if not profile["stateful"]:
        used, fallback = "redeploy", ""
    wanted = [migration["strategy"], *migration["alternatives"]]
    built = [name for name in wanted if name == "redeploy" or method in implemented.get(name, ())]
    entry = {
        **{key: profile[key] for key in ("name", "full_name", "plane", "stateful", "demands", "isolation", "budgets")},
        "orchestrator": dict(profile["orchestrator"]),
        "network_driver": {**profile["network_driver"], "used": driver},
        "migration": {"quote": None, "paper_section": None, **migration, "used": used, "built": built},
    }
    return {**entry, "explanation": _lines(entry, fallback)}


def _lines(entry: Mapping[str, Any], fallback: str) -> list[str]:
    migration, driver = entry["migration"], entry["network_driver"]
    state = "stateful" if entry["stateful"] else "stateless"
    demands = ", ".join(f"{name} {degree}" for name, degree in entry["demands"].items())
    isolation = ", ".join(f"{name.replace('_', '/')} {degree}" for name, degree in entry["isolation"].items())
    others = ", ".join(migration["alternatives"]) or "none"
    lines = [
        f"{entry['name']}: {entry['full_name']}, {entry['plane']} plane, {state}",
        f"demands: {demands}; isolation: {isolation}",
        f"strategy: {migration['strategy']} (alternatives: {others}). {migration['reason']}",
    ]
    if migration["quote"]:
        lines.append(f'the paper, section {migration["paper_section"]}: "{migration["quote"]}"')
    else:
        lines.append("the paper does not discuss it: the choice is ours")
    if fallback:
        lines.append(f"{fallback}.")
    lines.append(f"orchestrator: {entry['orchestrator']['preferred']}. {entry['orchestrator']['reason']}")
    instead = "" if driver["used"] == driver["preferred"] else f", in place of which {driver['used']} is used"
    lines.append(f"network driver: {driver['preferred']}{instead}. {driver['reason']}")
    lines += [f"after {entry['budgets'][key] / 1000:g} s {BUDGETS[key]}" for key in BUDGETS if key in entry["budgets"]]
    return lines
