# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a container: what it has, and who answers for its address."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from . import commands, libc

_ETH_P_ARP = 0x0806
_ARP_REQUEST = 1
_ARP_NEVER_ANSWER = b"8"
"""Value of arp_ignore; Documentation/networking/ip-sysctl.rst: do not reply for all local addresses."""
_ANNOUNCE_TIMES = 10
_ANNOUNCE_EVERY_S = 0.003


@dataclass
class Interface:
    """One interface of a network namespace. Routes and neighbours are as ``ip`` prints and takes them."""

    name: str
    mac: str
    addresses: list[str] = field(default_factory=list)
    routes: list[list[str]] = field(default_factory=list)
    neighbours: list[tuple[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def ip_addresses(self) -> list[str]:
        return [address.partition("/")[0] for address in self.addresses]


def _ip(pid: int, *arguments: str) -> list[dict[str, Any]]:
    output = commands.run(["nsenter", "--target", str(pid), "--net", "ip", "-json", *arguments])
    return list(json.loads(output or "[]"))


def read_interfaces(pid: int) -> list[Interface]:
    """Interfaces of the namespace of ``pid`` that have an IPv4 address, but not the loopback."""
    found: dict[str, Interface] = {}
    for link in _ip(pid, "address", "show"):
        addresses = [f"{info['local']}/{info['prefixlen']}" for info in link.get("addr_info", [])
                     if info["family"] == "inet"]  # fmt: skip
        if link.get("link_type") == "ether" and addresses:
            found[link["ifname"]] = Interface(link["ifname"], link["address"], addresses)
    for route in _ip(pid, "-4", "route", "show"):
        interface = found.get(route.get("dev", ""))
        if interface and route.get("protocol") != "kernel":
            words = [route["dst"]] + (["via", route["gateway"]] if "gateway" in route else [])
            interface.routes.append(words + (["metric", str(route["metric"])] if "metric" in route else []))
    for neighbour in _ip(pid, "-4", "neighbour", "show"):
        interface = found.get(neighbour.get("dev", ""))
        if interface and "lladdr" in neighbour:
            interface.neighbours.append((neighbour["dst"], neighbour["lladdr"]))
    return list(found.values())


def equip(pid: int, wanted: list[Interface]) -> None:
    """Give a namespace the addresses, routes and neighbours that it lacks; see ip(8), batch mode."""
    present = {interface.name: interface for interface in read_interfaces(pid)}
    lines = []
    for interface in wanted:
        has = present.get(interface.name, Interface(interface.name, ""))
        lines += [f"address add {address} dev {interface.name}" for address in interface.addresses
                  if address not in has.addresses]  # fmt: skip
        lines += [f"route add {' '.join(route)} dev {interface.name}" for route in interface.routes
                  if route not in has.routes]  # fmt: skip
        lines += [f"neighbour replace {ip} lladdr {mac} dev {interface.name} nud stale"
                  for ip, mac in interface.neighbours]  # fmt: skip
    if lines:
        commands.run(["nsenter", "--target", str(pid), "--net", "ip", "-batch", "-"], "\n".join(lines) + "\n")


def disconnect(pid: int) -> None:
    """Take down the interfaces of a namespace, for good: what its sockets send from now on reaches nobody."""
    for interface in read_interfaces(pid):
        commands.run(["nsenter", "--target", str(pid), "--net", "ip", "link", "set", "dev", interface.name, "down"])


class AddressOwner:
    """Decides whether a namespace answers for its addresses; switching takes 0.1 ms.

    Two containers have the same MAC and IP address while the NF moves. The one that does not have the NF stays silent:
    it answers no ARP request. The other announces itself, and every switch on the way learns where it is.
    """

    def __init__(self, pid: int, interfaces: list[Interface]) -> None:
        self._frames: list[tuple[str, bytes]] = []
        with libc.network_namespace(pid):
            self._switches = [
                os.open(f"/proc/sys/net/ipv4/conf/{interface.name}/arp_ignore", os.O_RDWR) for interface in interfaces
            ]
            self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._before = [os.pread(switch, 8, 0).strip() for switch in self._switches]
        for interface in interfaces:
            for address in interface.ip_addresses:
                self._frames.append((interface.name, announcement(interface.mac, address)))

    def be_silent(self) -> None:
        for switch in self._switches:
            os.pwrite(switch, _ARP_NEVER_ANSWER, 0)

    def answer(self) -> None:
        """Answer ARP requests again, as before, and announce the addresses once."""
        for switch, value in zip(self._switches, self._before):
            os.pwrite(switch, b"0" if value == _ARP_NEVER_ANSWER else value, 0)
        self._announce()

    def _announce(self) -> None:
        for name, frame in self._frames:
            self._packets.sendto(frame, (name, 0))

    def keep_announcing(self) -> None:
        """Repeat the announcement a few times in the background, for switches that missed the first."""

        def repeat() -> None:
            for _time in range(_ANNOUNCE_TIMES):
                if stop.wait(_ANNOUNCE_EVERY_S):
                    return
                self._announce()

        stop = self._stop = threading.Event()
        threading.Thread(target=repeat, daemon=True).start()

    def close(self) -> None:
        if hasattr(self, "_stop"):
            self._stop.set()
        for switch in self._switches:
            os.close(switch)
        self._packets.close()


def announcement(mac: str, address: str) -> bytes:
    """A gratuitous ARP request (RFC 5227, section 3): "this address is at this MAC"."""
    source = bytes.fromhex(mac.replace(":", ""))
    ip = socket.inet_aton(address)
    header = b"\xff" * 6 + source + struct.pack(">H", _ETH_P_ARP)
    return header + struct.pack(">HHBBH", 1, 0x0800, 6, 4, _ARP_REQUEST) + source + ip + b"\0" * 6 + ip


def who_answers(interface: str, address: str, wait_s: float = 0.3) -> set[str]:
    """MAC addresses that answer an ARP probe (RFC 5227, section 2.1.1) sent out of an interface of this host."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP)) as packets:
        packets.bind((interface, 0))
        source = packets.getsockname()[4]
        ip = socket.inet_aton(address)
        probe = b"\xff" * 6 + source + struct.pack(">H", _ETH_P_ARP)
        probe += struct.pack(">HHBBH", 1, 0x0800, 6, 4, _ARP_REQUEST) + source + b"\0" * 4 + b"\0" * 6 + ip
        packets.sendto(probe, (interface, 0))
        answers: set[str] = set()
        deadline = time.monotonic() + wait_s
        while select.select([packets], [], [], max(0.0, deadline - time.monotonic()))[0]:
            frame = packets.recv(2048)
            if frame[28:32] == ip and frame[22:28] != source:
                answers.add(frame[22:28].hex(":"))
        return answers
