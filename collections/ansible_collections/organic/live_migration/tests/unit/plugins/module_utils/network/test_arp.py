# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARP packets and MAC addresses."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.network import (
    arp,
)


def test_a_random_address_is_a_station_of_its_own() -> None:
    macs = {arp.random_mac() for _time in range(64)}
    assert len(macs) == 64
    assert all(int(mac[:2], 16) & 3 == 2 for mac in macs), "locally administered, unicast"


def test_the_announcement_is_a_gratuitous_request() -> None:
    """RFC 5227, section 3: sender and target address are the same, the target's hardware address is zero."""
    frame = arp.announcement("02:42:0a:37:00:22", "10.55.0.34")
    assert frame.hex() == (
        "ffffffffffff" "02420a370022" "0806" "0001" "0800" "06" "04" "0001"
        "02420a370022" "0a370022" "000000000000" "0a370022"
    )  # fmt: skip


def test_others_get_no_longer_than_the_owner_needs_many_times_over(wire: Any) -> None:
    """A probe need not wait to the end once the owner has answered; nobody else has the address here."""
    with libc.network_namespace(wire.there):
        begun = time.monotonic()
        assert arp.arp_probe("peer0", wire.here_address, owner=wire.here_mac, wait_s=20) == {wire.here_mac}
    assert time.monotonic() - begun < 10


def test_another_owner_is_awaited_to_the_end(wire: Any) -> None:
    with libc.network_namespace(wire.there):
        begun = time.monotonic()
        assert arp.arp_probe("peer0", wire.here_address, owner="02:00:00:00:00:99", wait_s=0.5) == {wire.here_mac}
    assert time.monotonic() - begun >= 0.5
