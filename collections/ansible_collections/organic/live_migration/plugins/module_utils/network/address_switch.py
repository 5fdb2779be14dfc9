# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching a container's addresses between two hosts in a millisecond."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import threading

from ..host import libc
from .arp import announcement, random_mac
from .interfaces import Interface

_ARP_ANSWER = b"0"
_ARP_NEVER_ANSWER = b"8"
"""Value of arp_ignore; Documentation/networking/ip-sysctl.rst: do not reply for all local addresses."""
_ARPHRD_ETHER = 1
_IFF_UP = 1
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFHWADDR = 0x8913, 0x8914, 0x8924
_ANNOUNCE_TIMES = 10
_ANNOUNCE_EVERY_S = 0.003


class AddressSwitch:
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

    def deactivate(self) -> None:
        """Be ready to take over. Nobody's address so far.

        A macvlan link is best taken down: it is up again in 0.5 ms, whereas another MAC address costs it 15 ms while it
        is up. The carrier of any other, a veth, needs milliseconds to be noticed at its other end.
        """
        for interface, answer in zip(self._interfaces, self._answers):
            if interface.kind == "macvlan":
                self._set_flag(interface.name, up=False)
            else:
                os.pwrite(answer, _ARP_NEVER_ANSWER, 0)

    def suppress_arp(self) -> None:
        """Answer no ARP request any more: after the other one has announced itself, an answer would mislead."""
        for answer in self._answers:
            os.pwrite(answer, _ARP_NEVER_ANSWER, 0)

    def drop_mac(self) -> threading.Thread:
        """Stop to be the NF's address, after having fallen silent. The kernel needs 15 ms, in the returned thread."""

        def change_macs() -> None:
            for interface in self._interfaces:
                self._set_mac(interface.name, random_mac())

        thread = threading.Thread(target=change_macs, daemon=True)
        thread.start()
        return thread

    def activate(self) -> None:
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
