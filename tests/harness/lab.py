# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab on which tests run: LAB_INVENTORY names own hosts, LAB_NAME and LAB_NETWORK_PREFIX another lab than `lab`.

LAB_EDGES=3 gives it a third host of group nf_hosts.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path

from .playbook import PROJECT, run_playbook

DEFAULT_NAME, DEFAULT_NETWORK_PREFIX = "lab", "10.55"


def inventory_of(lab_name: str) -> Path:
    """Where the inventory of a lab is written."""
    return PROJECT / "inventories" / lab_name / "hosts.yml"


def ready_inventory() -> Path:
    """The inventory of hosts that can be reached; brings the lab up unless LAB_INVENTORY names own hosts."""
    if own := os.environ.get("LAB_INVENTORY"):
        return PROJECT / own
    name = os.environ.get("LAB_NAME", DEFAULT_NAME)
    prefix = os.environ.get("LAB_NETWORK_PREFIX", DEFAULT_NETWORK_PREFIX)
    lab = {"lab_name": name, "lab_network_prefix": prefix, "lab_edges": int(os.environ.get("LAB_EDGES", "2"))}
    run_playbook("playbooks/lab_up.yml", "--extra-vars", json.dumps(lab))
    return inventory_of(name)


@functools.cache
def prepared_inventory() -> Path:
    """The inventory of hosts that can run resident containers; prepares them once a session."""
    inventory = ready_inventory()
    run_playbook("--inventory", str(inventory), "playbooks/prepare_hosts.yml")
    return inventory
