# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Echo and raw frames between network namespaces: over a veth pair, and over ipvlan where the kernel has it."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from collections.abc import Iterator

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import probe_packets
from ansible_collections.organic.core5g.plugins.module_utils.network_driver import NetworkDriver
from ansible_collections.organic.core5g.plugins.module_utils.nf_host import HostCheck, kernel_refusal

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def ip(*arguments: str, at: int | None = None) -> str:
    enter = [] if at is None else ["nsenter", f"--net=/proc/{at}/ns/net"]
    return subprocess.run([*enter, "ip", *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def namespaces() -> Iterator[list[int]]:
    """Processes that hold four new network namespaces: two hosts, and a container of each."""
    command = ["unshare", "--net", "sh", "-c", "echo; exec sleep 600"]
    holders = [subprocess.Popen(command, stdout=subprocess.PIPE) for _number in range(4)]
    for holder in holders:
        assert holder.stdout is not None
        holder.stdout.readline()
    yield [holder.pid for holder in holders]
    for holder in holders:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()


def connect(first: int, second: int) -> None:
    """A veth pair between two hosts, 192.0.2.1 and 192.0.2.2."""
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", f"/proc/{second}/ns/net", at=first)
    for number, host in enumerate((first, second), 1):
        ip("address", "add", f"192.0.2.{number}/24", "dev", "eth0", at=host)
        ip("link", "set", "eth0", "up", at=host)


def seen(pid: int, sender: int, interface: str, destination: str) -> bool:
    """Whether a frame that is sent in one namespace arrives in another."""
    with probe_packets.network_of(pid):
        link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(probe_packets.ETHERTYPE))
        link.bind((interface, probe_packets.ETHERTYPE))
    with link:
        link.settimeout(2)
        with probe_packets.network_of(sender):
            sent = probe_packets.send_frames(interface, destination, "hello")
        if not sent:
            return False
        try:
            return link.recv(2048)[14:19] == b"hello"
        except socket.timeout:
            return False


def mac(pid: int, interface: str) -> str:
    words = ip("link", "show", "dev", interface, at=pid).split()
    return words[words.index("link/ether") + 1]


@needs_root
def test_round_trips_and_frames(namespaces: list[int]) -> None:
    first, second = namespaces[:2]
    connect(first, second)
    own = os.readlink("/proc/self/ns/net")
    with probe_packets.network_of(first):
        assert os.readlink("/proc/self/ns/net") != own
        trips = probe_packets.Pinger("192.0.2.2").measure(64, 50)
        assert probe_packets.Pinger("192.0.2.2").reaches()
        assert not probe_packets.Pinger("192.0.2.9", 0.05).reaches()
        assert not probe_packets.Pinger("203.0.113.1", 0.05).reaches()  # no route
    assert os.readlink("/proc/self/ns/net") == own
    assert (trips.packets, trips.lost) == (50, 0)
    assert trips.min_us is not None
    assert trips.median_us is not None
    assert trips.p99_us is not None
    assert 0 < trips.min_us <= trips.median_us <= trips.p99_us
    assert seen(second, first, "eth0", mac(second, "eth0"))
    assert seen(second, first, "eth0", "ff:ff:ff:ff:ff:ff")


@needs_root
@pytest.mark.skipif(os.geteuid() == 0 and kernel_refusal("ipvlan") is not None, reason="this kernel has no ipvlan")
@pytest.mark.parametrize("mode", ["l2", "l3"])
def test_ipvlan(namespaces: list[int], mode: str) -> None:
    """As Docker makes a network of driver ipvlan: a link on the parent, moved into the container."""
    first, second, client, server = namespaces
    connect(first, second)
    for number, (host, container) in enumerate(((first, client), (second, server)), 1):
        ip("link", "add", "link", "eth0", "name", "ipvl0", "type", "ipvlan", "mode", mode, at=host)
        ip("link", "set", "ipvl0", "netns", f"/proc/{container}/ns/net", "name", "eth0", at=host)
        ip("address", "add", f"198.18.0.{10 * number}/24", "dev", "eth0", at=container)
        ip("link", "set", "eth0", "up", at=container)
        if mode == "l3":
            ip("route", "add", f"198.18.0.{30 - 10 * number}/32", "via", f"192.0.2.{3 - number}", at=host)
    with probe_packets.network_of(client):
        trips = probe_packets.Pinger("198.18.0.20").measure(64, 100)
    assert trips.lost == 0
    assert mac(server, "eth0") == mac(second, "eth0")
    # Only IP passes to one container: "L3" of the paper's Table 1. Broadcast passes on layer 2.
    assert not seen(server, client, "eth0", mac(server, "eth0"))
    assert seen(server, client, "eth0", "ff:ff:ff:ff:ff:ff") is (mode == "l2")
    driver = NetworkDriver(f"ipvlan_{mode}", True, True, link_kind="ipvlan", kernel_option="CONFIG_IPVLAN")
    assert HostCheck.driver_lacks(driver, "lo") == []


def test_echo_request_is_that_of_rfc792() -> None:
    request = probe_packets.echo_request(7, 9, 44)
    assert len(request) == 44
    assert request[0] == 8
    assert probe_packets.checksum(request) == 0
    answer = bytes([0x45]) + bytes(19) + struct.pack("!BBHHH", 0, 0, 0, 7, 9)
    assert probe_packets.is_reply(answer, 7, 9)
    assert not probe_packets.is_reply(answer, 7, 8)
    assert not probe_packets.is_reply(answer, 8, 9)
    assert not probe_packets.is_reply(answer[:24], 7, 9)
    assert not probe_packets.is_reply(bytes([0x45]) + bytes(19) + request, 7, 9)  # the request itself


def test_percentiles_are_nearest_ranks() -> None:
    trips = probe_packets.RoundTrips.of(64, 101, [number * 1000 for number in range(100, 0, -1)])
    assert (trips.lost, trips.median_us, trips.p99_us, trips.min_us) == (1, 50, 99, 1)
    assert probe_packets.RoundTrips.of(64, 3, []).median_us is None
