# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, routes and neighbours that a namespace is given."""

from __future__ import annotations

from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.network import (
    interfaces,
)
from ansible_collections.organic.live_migration.plugins.module_utils.network.ip_config import IpConfig


def test_a_namespace_gets_what_it_lacks(wire: Any) -> None:
    wanted = interfaces.Interface(
        "nf0",
        wire.here_mac,
        [f"{wire.here_address}/24", "198.51.100.7/32"],
        [["203.0.113.0/24", "via", wire.there_address]],
        [("192.0.2.9", "02:00:00:00:00:09", "stale"), ("192.0.2.8", "02:00:00:00:00:08", "permanent")],
    )
    for _time in range(2):
        ip_config = IpConfig(wire.here, [wanted])
        ip_config.apply()
        ip_config.close()
    [found] = interfaces.read_interfaces(wire.here)
    assert set(found.addresses) == set(wanted.addresses)
    assert wanted.routes[0] in found.routes
    assert set(wanted.neighbours) <= set(found.neighbours)
