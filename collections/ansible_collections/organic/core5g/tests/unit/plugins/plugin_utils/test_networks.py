# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container network is as its driver describes it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.plugin_utils.networks import is_complete
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import AddressPool, NetworkSpec

WANTED = {"driver": "macvlan", "options": {"parent": "eth0"}}


def network(**changes: Any) -> dict[str, Any]:
    """As the engine describes it."""
    pools = (AddressPool("192.0.2.0/24", "192.0.2.1"),)
    found = NetworkSpec("core", "macvlan", {"parent": "eth0", "mode": "bridge"}, pools)
    return dataclasses.replace(found, **changes).to_dict()


def test_network_that_is_as_it_should_be() -> None:
    assert is_complete(network(), WANTED, "192.0.2.0/24", None)
    assert is_complete(network(), WANTED, "192.0.2.0/24", "192.0.2.1")


@pytest.mark.parametrize(
    ("found", "subnet", "gateway"),
    [
        (None, "192.0.2.0/24", None),
        (network(driver="bridge"), "192.0.2.0/24", None),
        (network(options={"parent": "eth1"}), "192.0.2.0/24", None),
        (network(options={}), "192.0.2.0/24", None),
        (network(pools=()), "192.0.2.0/24", None),
        (network(), "198.51.100.0/24", None),
        (network(), None, None),
        (network(), "192.0.2.0/24", "192.0.2.254"),
    ],
)
def test_network_that_differs(found: dict[str, Any] | None, subnet: str | None, gateway: str | None) -> None:
    assert not is_complete(found, WANTED, subnet, gateway)
