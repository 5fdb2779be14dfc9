# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TUN devices in namespaces of the test's own: read in one, made in another, alike in all."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.network import tun, tun_packets

TUN, TAP, NO_PI, MULTI_QUEUE, PERSIST, VNET_HDR = 0x1, 0x2, 0x1000, 0x100, 0x800, 0x4000
OPEN = """
import fcntl, struct
libc = __import__('ctypes').CDLL(None)
libc.setns(os.open(f'/proc/{sys.argv[1]}/ns/net', os.O_RDONLY), 0)
kept = []
for request in sys.argv[2:]:
    name, flags = request.split(':')
    kept.append(os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK))
    if name:
        fcntl.ioctl(kept[-1], 0x400454CA, struct.pack('16sH22x', name.encode(), int(flags) & ~0x800))
        fcntl.ioctl(kept[-1], 0x400454CB, int(flags) & 0x800)
"""

pytestmark = [
    pytest.mark.usefixtures("as_root"),
    pytest.mark.skipif(not os.access("/dev/net/tun", os.R_OK), reason="no /dev/net/tun here"),
]


def opened(spawn: Any, wire: Any, *requests: str) -> int:
    """A process with TUN devices, ``name:flags`` each; its descriptors of them are 4 and higher."""
    pid: int = spawn.python(OPEN, str(wire.here), *requests).pid
    return pid


def seen(wire: Any, pid: int) -> Any:
    """The output of ``ip`` about gtp0, without what is particular to one namespace."""
    [link] = json.loads(wire.inside(pid, "ip", "-json", "-details", "address", "show", "dev", "gtp0"))
    for own in ("ifindex", "inet6_addr_gen_mode"):
        link.pop(own, None)
    for address in link["addr_info"]:
        for passing in ("protocol", "stable-privacy", "nodad", "tentative"):
            address.pop(passing, None)
    link["addr_info"].sort(key=str)
    return link


@pytest.mark.parametrize("flags", [TUN | NO_PI, TUN], ids=["plain", "with packet information"])
def test_a_device_is_made_as_it_was(spawn: Any, wire: Any, flags: int) -> None:
    pid = opened(spawn, wire, f"gtp0:{flags}")
    for command in (
        "link set dev gtp0 mtu 1400 txqueuelen 321 up",
        "address add 10.45.0.1/16 dev gtp0",
        "address add 10.46.0.1 peer 10.46.0.2/32 dev gtp0",
        "address add 2001:db8:45::1/48 dev gtp0",
        "route add 10.99.0.0/24 dev gtp0 metric 7",
        "route add default dev gtp0",
        "-6 route add 2001:db8:99::/48 dev gtp0",
    ):
        wire.inside(wire.here, "ip", *command.split())
    with libc.network_namespace(wire.here):
        Path("/proc/sys/net/ipv4/conf/gtp0/rp_filter").write_text("2")
    [device] = tun.read([wire.here, pid])
    assert device.flags == flags
    made = tun.make(wire.there, [tun.Device(**json.loads(json.dumps(device.as_dict())))])
    assert list(made) == ["dev/net/tun@gtp0"]
    try:
        assert fcntl.fcntl(made["dev/net/tun@gtp0"], fcntl.F_GETFL) & os.O_NONBLOCK
        assert seen(wire, wire.here) == seen(wire, wire.there)
        for family in ("-4", "-6"):
            routes = ["ip", "-json", family, "route", "show", "dev", "gtp0"]
            assert wire.inside(wire.here, *routes) == wire.inside(wire.there, *routes)
        with libc.network_namespace(wire.there):
            assert Path("/proc/sys/net/ipv4/conf/gtp0/rp_filter").read_text() == "2\n"
    finally:
        os.close(made["dev/net/tun@gtp0"])
    assert "gtp0" not in wire.inside(wire.there, "ip", "link", "show")  # it was not persistent


def test_a_persistent_device_stays_with_its_owner(spawn: Any, wire: Any) -> None:
    pid = opened(spawn, wire, f"tap0:{TAP | PERSIST}")
    [device] = tun.read([pid])
    assert device.flags == TAP | PERSIST
    made = tun.make(wire.there, [dataclasses.replace(device, owner=4711, group=4712)])
    os.close(made[device.key])
    [link] = json.loads(wire.inside(wire.there, "ip", "-json", "-details", "link", "show", "dev", "tap0"))
    assert link["address"] == device.mac
    information = link["linkinfo"]["info_data"]
    assert (information["persist"], information["user"], information["group"]) == (True, 4711, 4712)


def test_descriptors_are_told_apart(spawn: Any, wire: Any) -> None:
    pid = opened(spawn, wire, f"one:{TUN}", ":", f"two:{TUN}")
    assert [one.device for one in tun.descriptors([pid])] == ["one", "", "two"]
    assert {name: one.number for name, one in tun.attached([pid]).items()} == {"one": 4, "two": 6}
    assert tun.blockers([pid]) == []


@pytest.mark.parametrize(
    ("flags", "what"), [(TUN | MULTI_QUEUE, "several queues"), (TAP | VNET_HDR, "offloads")], ids=["queues", "offloads"]
)
def test_what_cannot_be_made_again_is_named(spawn: Any, wire: Any, flags: int, what: str) -> None:
    pid = opened(spawn, wire, f"gtp0:{flags}")
    # a process in the namespace of the device, as the NF is
    [blocker] = tun.blockers([pid])
    assert "gtp0 (descriptor 4 of process" in blocker.message
    assert what in blocker.message
    with pytest.raises(MigrationError, match="cannot be moved"):
        tun.read([pid])


def test_a_device_elsewhere_is_named(spawn: Any, wire: Any) -> None:
    pid = opened(spawn, wire, f"gtp0:{TUN}")
    [blocker] = tun.blockers([wire.there, pid])
    assert "another network namespace" in blocker.message


def test_a_device_that_came_late_is_noticed(spawn: Any, wire: Any) -> None:
    pid = opened(spawn, wire, f"gtp0:{TUN}")
    devices = tun.read([pid])
    tun.check_same(devices, tun.attached([pid]))
    with pytest.raises(MigrationError, match="migrate again"):
        tun.check_same([], tun.attached([pid]))
    with pytest.raises(MigrationError, match="migrate again"):
        tun.check_same(devices, {})


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"},
        {"name": "a b"},
        {"name": ""},
        {"flags": TUN | MULTI_QUEUE},
        {"addresses": [["10.0.0.1/8\nlink", "del", "eth0"]]},
        {"routes": [["unicast", "10.0.0.0/8;x"]]},
        {"mac": "x y"},
        {"mtu": "1400"},
        {"settings": {"ipv4/../../../kernel/core_pattern": "x"}},
    ],
)
def test_a_peer_can_ask_for_a_device_only(change: dict[str, Any]) -> None:
    good = tun.Device("gtp0", TUN, 0, -1, -1, 0, "", 1400, 500, True)
    with pytest.raises(ValueError, match="TUN device"):
        dataclasses.replace(good, **change)


def test_without_the_node_the_remedy_is_told(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tun, "_NODE", "dev/net/none")
    with pytest.raises(MigrationError, match="Deploy the container with --device"):
        tun.make(wire.there, [tun.Device("gtp0", TUN, 0, -1, -1, 0, "", 1400, 500, True)])


def read_all(pid: int, number: int) -> list[bytes]:
    """What the test's process would read."""
    pidfd = os.pidfd_open(pid)
    duplicate = libc.pidfd_getfd(pidfd, number)
    os.close(pidfd)
    packets = []
    with contextlib.suppress(BlockingIOError):
        while True:
            packets.append(os.read(duplicate, 65536))
    os.close(duplicate)
    return packets


@pytest.mark.parametrize("flags", [TUN | NO_PI, TUN, TAP | NO_PI], ids=["plain", "with packet information", "frames"])
def test_what_waits_in_a_device_goes_along(spawn: Any, wire: Any, flags: int) -> None:
    pid = opened(spawn, wire, f"gtp0:{flags}")
    with libc.network_namespace(wire.here):
        Path("/proc/sys/net/ipv6/conf/gtp0/disable_ipv6").write_text("1")
    for command in ("link set dev gtp0 up", "address add 10.45.0.1/16 dev gtp0"):
        wire.inside(wire.here, "ip", *command.split())
    if flags & TAP:
        wire.inside(wire.here, "ip", "neighbour", "add", "10.45.0.2", "lladdr", "02:00:00:00:00:09", "dev", "gtp0")
    with libc.network_namespace(wire.here):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        for number in range(3):
            sender.sendto(b"number %d" % number, ("10.45.0.2", 5000))
    devices = tun.read([pid])
    taken = tun_packets.take_unread(devices, tun.attached([pid]))
    assert [packet.data[-8:] for packet in taken] == [b"number 0", b"number 1", b"number 2"]
    assert read_all(pid, 4) == []
    assert tun_packets.unpack(tun_packets.pack(taken)) == taken
    tun_packets.put(wire.here, taken)
    put_back = read_all(pid, 4)
    assert [packet[-8:] for packet in put_back] == [b"number 0", b"number 1", b"number 2"]
    assert [len(packet) for packet in put_back] == [len(one.data) + (0 if flags & NO_PI else 4) for one in taken]
    if not flags & NO_PI:
        assert [packet[2:4] for packet in put_back] == [b"\x08\x00"] * 3


def test_packets_of_a_peer_are_checked() -> None:
    good = tun_packets.pack([tun_packets.Packet("gtp0", 0x800, b"data")])
    for bad in (good[:-1], good[:3], good + b"x", good.replace(b"gtp0", b"a/b\0")):
        with pytest.raises(ValueError, match="TUN device"):
            tun_packets.unpack(bad)
    assert tun_packets.unpack(b"") == []
