# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching an address between two namespaces."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.network import (
    arp,
    interfaces,
)
from ansible_collections.organic.live_migration.plugins.module_utils.network.address_switch import AddressSwitch

ETH_P_ARP = 0x0806
ETH_P_TEST = 0x88B5
"""For local experiments (IEEE 802)."""


def test_one_of_two_with_the_same_address_stays_silent(wire: Any) -> None:
    """arp_probe as the preflight asks it, AddressSwitch as source and target use them."""
    here = interfaces.read_interfaces(wire.here)
    assert [(one.name, one.mac, one.ip_addresses) for one in here] == [("nf0", wire.here_mac, [wire.here_address])]

    def answers() -> set[str]:
        with libc.network_namespace(wire.there):
            return arp.arp_probe("peer0", wire.here_address, wait_s=0.2)

    links = AddressSwitch(wire.here, here)
    assert answers() == {wire.here_mac}
    links.suppress_arp()
    assert answers() == set()
    assert interfaces.read_interfaces(wire.here)[0].mac == wire.here_mac
    links.drop_mac().join()
    assert answers() == set()
    assert interfaces.read_interfaces(wire.here)[0].mac != wire.here_mac
    links.activate()
    assert answers() == {wire.here_mac}
    links.deactivate()
    assert answers() == set()
    links.activate()
    assert answers() == {wire.here_mac}
    links.close()


def test_nothing_is_announced_after_the_addresses_were_given_up(wire: Any) -> None:
    """Else the switches would deliver to this host what the other one has announced meanwhile."""
    links = AddressSwitch(wire.here, interfaces.read_interfaces(wire.here))
    links.activate()
    with libc.network_namespace(wire.there):
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
    listener.bind(("peer0", 0))
    listener.settimeout(5)
    links.keep_announcing()
    assert listener.recv(2048)[6:12].hex(":") == wire.here_mac
    links.withdraw()
    assert links._announcer is not None
    assert not links._announcer.is_alive()
    assert "state DOWN" in wire.inside(wire.here, "ip", "link", "show", "nf0")
    links.close()
    listener.close()


def test_a_macvlan_stands_by_with_its_link_down(wire: Any) -> None:
    """Frames between containers of one host must not reach it."""
    macvlan = (
        "ip link add link peer0 name nf1 type macvlan mode bridge"  # as an engine makes it: in the host's namespace
    )
    wire.inside(wire.there, *macvlan.split())
    wire.inside(wire.there, "ip", "link", "set", "nf1", "netns", str(wire.here))
    wire.inside(wire.here, "ip", "address", "add", "198.51.100.7/24", "dev", "nf1")
    wire.inside(wire.here, "ip", "link", "set", "nf1", "up")
    interface = next(one for one in interfaces.read_interfaces(wire.here) if one.name == "nf1")
    assert interface.kind == "macvlan"
    interface.mac = "02:00:00:00:00:08"
    links = AddressSwitch(wire.here, [interface])
    links.deactivate()
    assert "state DOWN" in wire.inside(wire.here, "ip", "link", "show", "nf1")
    links.activate()
    found = wire.inside(wire.here, "ip", "link", "show", "nf1")
    assert "UP" in found
    assert interface.mac in found
    links.close()


def test_containers_of_its_host_do_not_find_a_clone_until_it_is_shown(wire: Any) -> None:
    """Two macvlan links of one host: a frame from one for the other's MAC address stays there, or leaves it."""
    parent, mac = "peer0", "02:00:00:00:00:09"
    for name, pid in (("nf1", wire.here), ("nf2", wire.there)):
        wire.inside(wire.there, *f"ip link add link {parent} name {name} type macvlan mode bridge".split())
        if pid != wire.there:
            wire.inside(wire.there, "ip", "link", "set", name, "netns", str(pid))
    wire.inside(wire.here, "ip", "address", "add", "198.51.100.9/24", "dev", "nf1")
    interface = next(one for one in interfaces.read_interfaces(wire.here, addressless=True) if one.name == "nf1")
    interface.mac = mac
    wire.inside(wire.there, "ip", "link", "set", "nf2", "up")
    links = AddressSwitch(wire.here, [interface])
    links.deactivate()
    links.activate_silently()
    assert links.hidden == ["nf1"]

    with libc.network_namespace(wire.here):
        clone = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_TEST))
        outside = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_TEST))
    with libc.network_namespace(wire.there):
        neighbour = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    clone.bind(("nf1", 0))
    outside.bind(("nf0", 0))  # the other end of the wire
    neighbour.bind(("nf2", 0))
    frame = bytes.fromhex(mac.replace(":", "")) + bytes(6) + ETH_P_TEST.to_bytes(2, "big") + bytes(46)
    try:
        for shown in (False, True):
            if shown:
                links.show()
            neighbour.send(frame)
            reached, missed = (clone, outside) if shown else (outside, clone)
            reached.settimeout(5)
            assert reached.recv(100) == frame
            missed.settimeout(0.1)
            with pytest.raises(TimeoutError):
                missed.recv(100)
    finally:
        links.close()
        for one in (clone, outside, neighbour):
            one.close()
