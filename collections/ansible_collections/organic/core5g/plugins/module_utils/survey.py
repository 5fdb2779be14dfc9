# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration must know of a host before and after it, read in one call."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ansible_collections.organic.core5g.plugins.module_utils import nf_engine
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.nf_source import Source
from ansible_collections.organic.core5g.plugins.module_utils.nf_state import NfReader, Wanted
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError

if TYPE_CHECKING:
    from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Engine
    from ansible_collections.organic.live_migration.plugins.module_utils.migration.host_info import Sampling


def run(parameters: dict[str, Any]) -> dict[str, Any]:
    """Recover interrupted migrations first, as an NF that is frozen by one does not report its state.

    Args:
        parameters: as of the module; ``dry_run``: recover nothing.

    Returns:
        ``recovered``: the agent's answer, None if it was not asked. ``nfs``: entries of nf_state_info.
        ``resources``: what the host has and what runs on it, None if that was not asked for.
        ``networks``: the engine's description of each container network by its name, None if there is none.
        Or ``error``: why the host could not be read.
    """
    try:
        recovers = parameters["recover"] or parameters["recover_all"]
        recovered = _recover(parameters["engine"], parameters["dry_run"]) if recovers else None
        engine = nf_engine.of_host(parameters["engine"], parameters["namespace"])
        sampling = _sampling(engine) if parameters["resources"] else None
        reader = NfReader(
            engine,
            Source(parameters["port"], parameters["path"]),
            {name: Source.of(source) for name, source in parameters["sources"].items()},
        )
        nfs = reader.entries(parameters["nfs"], Wanted(must_run=False, watch_s=parameters["watch_s"]))
        networks = {wanted["name"]: engine.network(wanted["name"]) for wanted in parameters["networks"]}
        resources = dataclasses.asdict(sampling.resources()) if sampling else None
        for container in resources["containers"] if resources else ():
            container["name"] = _without_namespace(container["name"], parameters["nfs"], parameters["namespace"])
    except (CoreError, MigrationError) as error:
        return {"error": str(error)}
    found = {name: network.to_dict() if network else None for name, network in networks.items()}
    return {"recovered": recovered, "nfs": nfs, "resources": resources, "networks": found}


def _without_namespace(key: str, nfs: Collection[str], namespace: str) -> str:
    """The name of an NF's container as the core knows it: a pod is called NAMESPACE.NF."""
    found, _dot, name = key.partition(".")
    return name if name in nfs and namespace in ("", found) else key


def _recover(engine: str, dry_run: bool) -> dict[str, Any]:
    # Imported here, as the agent takes three times as long to load as all else, and most surveys do not need it.
    from ansible_collections.organic.live_migration.plugins.module_utils.migration import agent

    return agent.run({"phase": "recover", "engine": engine, "dry_run": dry_run})


def _sampling(engine: Engine) -> Sampling:
    # Imported here for the same reason.
    from ansible_collections.organic.live_migration.plugins.module_utils.migration.host_info import Sampling

    return Sampling(engine)
