# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a container: what it has, and who answers for its address."""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import json
import os
import re
import secrets
import select
import socket
import struct
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from ..host import commands, libc

_ETH_P_ARP = 0x0806
_ARP_REQUEST = 1
_ARP_ANSWER = b"0"
_ARP_NEVER_ANSWER = b"8"
"""Value of arp_ignore; Documentation/networking/ip-sysctl.rst: do not reply for all local addresses."""
_ARPHRD_ETHER = 1
_WORD = re.compile(r"[0-9A-Za-z.:/_-]*")
_IFF_UP = 1
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFHWADDR = 0x8913, 0x8914, 0x8924
_ANNOUNCE_TIMES = 10
_ANNOUNCE_EVERY_S = 0.003


@dataclass
class Interface:
    """One interface of a network namespace. Routes and neighbours are as ``ip`` prints and takes them."""

    name: str
    mac: str
    addresses: list[str] = field(default_factory=list)
    routes: list[list[str]] = field(default_factory=list)
    neighbours: list[tuple[str, str, str]] = field(default_factory=list)
    kind: str = ""

    def __post_init__(self) -> None:
        """What a peer sent becomes words of ``ip``'s batch mode: nothing else may be in it (ValueError)."""
        try:
            words = [self.name, self.mac, self.kind, *self.addresses]
            words += [word for part in (*self.routes, *self.neighbours) for word in part]
            strange = [word for word in words if not _WORD.fullmatch(word)]
        except TypeError as error:
            raise ValueError(f"The description of an interface is not understood: {error}") from None
        if strange:
            raise ValueError(f"'{strange[0]}' is no part of an interface's description")
        for address in self.addresses:
            ipaddress.ip_interface(address)

    @classmethod
    def of(cls, description: object) -> Interface:
        """From what a peer sent. Raises ValueError when it describes no interface."""
        if not isinstance(description, dict):
            raise ValueError("The description of an interface is not understood")
        try:
            return cls(**description)
        except TypeError as error:
            raise ValueError(f"The description of an interface is not understood: {error}") from None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def ip_addresses(self) -> list[str]:
        return [address.partition("/")[0] for address in self.addresses]


def ip_json(pid: int, *arguments: str) -> list[dict[str, Any]]:
    """What ``ip -json`` tells of the network namespace of ``pid``."""
    output = commands.run(["nsenter", "--target", str(pid), "--net", "ip", "-json", *arguments])
    return list(json.loads(output or "[]"))


def read_interfaces(pid: int) -> list[Interface]:
    """Interfaces of the namespace of ``pid`` that have an IPv4 address and lead out of it."""
    found: dict[str, Interface] = {}
    for link in ip_json(pid, "-details", "address", "show"):
        addresses = [f"{info['local']}/{info['prefixlen']}" for info in link.get("addr_info", [])
                     if info["family"] == "inet"]  # fmt: skip
        kind = link.get("linkinfo", {}).get("info_kind", "")
        if link.get("link_type") == "ether" and kind != "tun" and addresses:  # a TAP device: see tun.py
            found[link["ifname"]] = Interface(link["ifname"], link["address"], addresses, kind=kind)
    for route in ip_json(pid, "-4", "route", "show"):
        interface = found.get(route.get("dev", ""))
        if interface and route.get("protocol") != "kernel":
            words = [route["dst"]] + (["via", route["gateway"]] if "gateway" in route else [])
            interface.routes.append(words + (["metric", str(route["metric"])] if "metric" in route else []))
    for neighbour in ip_json(pid, "-4", "neighbour", "show"):
        interface = found.get(neighbour.get("dev", ""))
        if interface and "lladdr" in neighbour:
            state = "permanent" if "PERMANENT" in neighbour["state"] else "stale"
            interface.neighbours.append((neighbour["dst"], neighbour["lladdr"], state))
    return list(found.values())


class Equipment:
    """The addresses, routes and neighbours of an NF's interfaces, given to a namespace by ``ip``'s batch mode (ip(8)).

    The program is started before it is needed: while the process stands still, only the kernel's own work is left.

    Args:
        pid: a process in the namespace.
        wanted: what is there already is kept.
    """

    def __init__(self, pid: int, wanted: list[Interface]) -> None:
        lines = []
        for interface in wanted:
            on = f"dev {interface.name}"
            lines += [f"address replace {address} {on}" for address in interface.addresses]
            lines += [f"route replace {' '.join(route)} {on}" for route in interface.routes]
            lines += [
                f"neighbour replace {ip} lladdr {mac} {on} nud {state}" for ip, mac, state in interface.neighbours
            ]
        self._lines = "".join(f"{line}\n" for line in lines)
        self._ip = commands.Prepared(["nsenter", "--target", str(pid), "--net", "ip", "-batch", "-"])
        self._given = False

    def give(self) -> None:
        """Give them; may be repeated, nothing happens then.

        Raises:
            MigrationError: ``ip`` refuses one.
        """
        if not self._given:
            self._given = True
            self._ip.go(self._lines)

    def close(self) -> None:
        if not self._given:
            self._ip.close()


class Links:
    """The interfaces that carry the NF's addresses, and switching them between two hosts in a millisecond.

    Two containers have the NF's IP addresses while it moves, and a macvlan driver delivers frames between containers of
    one host by MAC address without asking anybody. So only one of the two has the NF's MAC addresses at any time, and
    the other one, which answers no ARP request either, has random ones.

    Args:
        pid: a process in the container's network namespace.
        interfaces: what the NF has or shall have; all of them must be there.
    """

    def __init__(self, pid: int, interfaces: list[Interface]) -> None:
        self._interfaces = interfaces
        with libc.network_namespace(pid):
            self._answers = [
                os.open(f"/proc/sys/net/ipv4/conf/{interface.name}/arp_ignore", os.O_RDWR) for interface in interfaces
            ]
            self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._pid = pid
        self._packets: socket.socket | None = None
        self._before = [os.pread(answer, 8, 0).strip() for answer in self._answers]
        self._stop = threading.Event()

    def down(self) -> None:
        """Take the links down: nobody is reached by what is sent, and routes and neighbours are forgotten."""
        for interface in self._interfaces:
            self._set_flag(interface.name, up=False)

    def _set_flag(self, name: str, up: bool) -> None:
        answer = fcntl.ioctl(self._control, _SIOCGIFFLAGS, struct.pack("16s16x", name.encode()))
        flags = struct.unpack_from("16sH", answer)[1]
        wanted = flags | _IFF_UP if up else flags & ~_IFF_UP
        if wanted != flags:
            fcntl.ioctl(self._control, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), wanted))

    def _set_mac(self, name: str, mac: str) -> None:
        address = bytes.fromhex(mac.replace(":", ""))
        fcntl.ioctl(self._control, _SIOCSIFHWADDR, struct.pack("16sH14s", name.encode(), _ARPHRD_ETHER, address))

    def stand_by(self) -> None:
        """Be ready to take over. Nobody's address so far.

        A macvlan link is best taken down: it is up again in 0.5 ms, whereas another MAC address costs it 15 ms while it
        is up. The carrier of any other, a veth, needs milliseconds to be noticed at its other end.
        """
        for interface, answer in zip(self._interfaces, self._answers):
            if interface.kind == "macvlan":
                self._set_flag(interface.name, up=False)
            else:
                os.pwrite(answer, _ARP_NEVER_ANSWER, 0)

    def fall_silent(self) -> None:
        """Answer no ARP request any more: after the other one has announced itself, an answer would mislead."""
        for answer in self._answers:
            os.pwrite(answer, _ARP_NEVER_ANSWER, 0)

    def withdraw(self) -> threading.Thread:
        """Stop to be the NF's address, after having fallen silent. The kernel needs 15 ms, in the returned thread."""

        def change_macs() -> None:
            for interface in self._interfaces:
                self._set_mac(interface.name, random_mac())

        thread = threading.Thread(target=change_macs, daemon=True)
        thread.start()
        return thread

    def take_over(self) -> None:
        """Be the NF's address, after having stood by or withdrawn."""
        for interface, answer, before in zip(self._interfaces, self._answers, self._before):
            self._set_mac(interface.name, interface.mac)
            self._set_flag(interface.name, up=True)
            os.pwrite(answer, _ARP_ANSWER if before == _ARP_NEVER_ANSWER else before, 0)
        self.announce()

    def announce(self) -> None:
        """Tell all on the network where the addresses are."""
        if self._packets is None:
            # not before: for each packet socket there is CRIU's dump would wait until the kernel has changed the MAC
            with libc.network_namespace(self._pid):
                self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        for interface in self._interfaces:
            for address in interface.ip_addresses:
                try:
                    self._packets.sendto(announcement(interface.mac, address), (interface.name, 0))
                except OSError as error:
                    if error.errno != errno.ENOBUFS:  # the carrier of a link that was down is not noticed yet
                        raise

    def keep_announcing(self) -> None:
        """Repeat the announcement a few times in the background, for switches that missed the first."""

        def repeat() -> None:
            for _time in range(_ANNOUNCE_TIMES):
                if self._stop.wait(_ANNOUNCE_EVERY_S):
                    return
                self.announce()

        threading.Thread(target=repeat, daemon=True).start()

    def close(self) -> None:
        self._stop.set()
        for answer in self._answers:
            os.close(answer)
        self._control.close()
        if self._packets is not None:
            self._packets.close()


def random_mac() -> str:
    """A locally administered unicast address (IEEE 802, clause 8.4) that nobody has."""
    return bytes((0x02, *secrets.token_bytes(5))).hex(":")


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
