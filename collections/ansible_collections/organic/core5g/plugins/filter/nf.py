# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters on what organic.core5g.nf_state_info and organic.core5g.nf_description returned."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from ansible.errors import AnsibleFilterError
from ansible_collections.organic.core5g.plugins.module_utils import health, policy
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.plugin_utils import core_networks, reference_points

T = TypeVar("T")


def nf_running_on(found: policy.NfsByHost, nf: str) -> str:
    """The host that runs the NF, empty if none does."""
    return _filter(lambda: policy.running_on(found, nf) or "")


def nf_places(
    found: policy.NfsByHost,
    names: list[str],
    profiles: dict[str, dict[str, Any]],
    hosts: list[str],
    placement: dict[str, str] | None = None,
) -> dict[str, str]:
    """The host of each NF: where it is, else where it shall be."""
    return _filter(lambda: policy.places(found, names, profiles, placement or {}, hosts))


def nf_refusal(request: dict[str, Any]) -> str:
    """Why the migration must not be tried, empty if it may be."""
    return policy.Request(**request).refusal()


def nf_migration_plan(request: dict[str, Any], found: policy.NfsByHost) -> dict[str, Any]:
    """What is to be done for the request."""
    # Imported here, as it takes 60 ms, in each of the processes in which a task evaluates one of the other filters.
    from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import for_profiles

    return dataclasses.asdict(policy.plan(policy.Request(**request), found, for_profiles()))


def nf_comparison(
    before: policy.NfsByHost,
    after: policy.NfsByHost,
    nf: str,
    address: str,
    tolerated_session_loss: int = 0,
    nfs: list[dict[str, Any]] | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """What a migration of the NF has kept and lost; ``nfs`` as in the core's description."""
    kept, same = ({each["name"]: each.get(key, []) for each in nfs or []} for key in ("kept", "same_when_quiet"))
    return _filter(
        lambda: health.compare(
            health.Migrated(
                nf, address, health.answers(before), health.answers(after), tolerated_session_loss, kept, same, quiet
            )
        )
    )


def nf_redeployment(request: dict[str, Any], found: policy.NfsByHost) -> dict[str, Any]:
    """How an NF that can be drained gets to another host; with what is refused before any host is asked."""
    # Imported here, as no other filter needs it.
    from ansible_collections.organic.core5g.plugins.module_utils import redeployment
    from ansible_collections.organic.live_migration.plugins.module_utils import typed

    wanted = redeployment.Request(**request)
    refusal = wanted.refusal()
    made = redeployment.Plan(refusal) if refusal or not found else redeployment.plan(wanted, found)
    return typed.to_dict(made)


def nf_sessions_elsewhere(entries: list[dict[str, Any]], address: str) -> int:
    """How many sessions SMFs have that are not at the UPF of an address."""
    from ansible_collections.organic.core5g.plugins.module_utils import redeployment

    return _filter(lambda: redeployment.sessions_elsewhere(entries, address))


def nf_sctp_remedy(migrated: dict[str, Any], core: dict[str, Any]) -> str:
    """Why container_migrate refused an NF that holds SCTP associations, with the core's remedy; empty otherwise."""
    return policy.sctp_remedy(migrated, core["sctp_remedy"])


def nf_addresses_at(addresses: dict[str, Any], point: str) -> dict[str, str]:
    """IPv4 address of each NF at a reference point."""
    return _filter(lambda: {nf: reference_points.address_at(value, point) for nf, value in addresses.items()})


def nf_names_at(addresses: dict[str, Any], point: str) -> dict[str, str]:
    """Where the NFs reach each other at a reference point: by an IPv4 address, or by name."""
    return _filter(lambda: {nf: reference_points.name_at(nf, value, point) for nf, value in addresses.items()})


def nf_networks_here(
    described: dict[str, Any], nfs: list[str], networks: dict[str, Any], default: dict[str, Any]
) -> list[dict[str, Any]]:
    """The networks of NFs as this host has them."""
    return core_networks.on_this_host(described, nfs, networks, default)


def nf_attachments(described: dict[str, Any], nfs: list[str], networks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What NFs need of this host, an entry for each NF and network."""
    return core_networks.attachments(described, nfs, networks)


def nf_endpoints(described: dict[str, Any], nf: str, with_macs: bool = True) -> list[dict[str, Any]]:
    """The networks of an NF's container, with its addresses."""
    return core_networks.engine_endpoints(described, nf, with_macs)


def nf_drain_core(described: dict[str, Any]) -> dict[str, Any]:
    """What a drain must know of the core's NFs."""
    # Imported here, as no other filter needs it.
    from ansible_collections.organic.core5g.plugins.plugin_utils import drain
    from ansible_collections.organic.live_migration.plugins.module_utils import typed

    return typed.to_dict(drain.Core.of(described))  # dataclasses.asdict cannot copy what holds templates


def _filter(call: Callable[[], T]) -> T:
    try:
        return call()
    except (CoreError, ValueError) as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        of_migrations = (nf_running_on, nf_places, nf_refusal, nf_migration_plan, nf_comparison, nf_sctp_remedy)
        of_networks = (nf_addresses_at, nf_names_at, nf_networks_here, nf_attachments, nf_endpoints)
        of_drains = (nf_drain_core, nf_redeployment, nf_sessions_elsewhere)
        return {function.__name__: function for function in (*of_migrations, *of_networks, *of_drains)}
