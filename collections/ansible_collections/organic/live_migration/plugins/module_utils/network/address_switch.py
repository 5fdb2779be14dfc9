# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches a container's addresses between two hosts in a millisecond."""

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
from .macvlan_mode import HiddenLinks

_ARP_ANSWER = b"0"
_ARP_NEVER_ANSWER = b"8"
"""Value of arp_ignore; Documentation/networking/ip-sysctl.rst: do not reply for all local addresses."""
_ARPHRD_ETHER = 1
_IFF_UP = 1
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFHWADDR = 0x8913, 0x8914, 0x8924
_ANNOUNCE_TIMES = 10
_ANNOUNCE_EVERY_S = 0.003


class AddressSwitch:
    """The interfaces that carry a container's addresses, and switching them between two hosts in a millisecond.

    Two containers have the same IP addresses while the process moves, and a macvlan driver delivers frames between
    containers of one host by MAC address alone. So only one of the two has the MAC addresses at any time. The other
    one has random ones and answers no ARP request. A clone has them beside the process, and is hidden from the others.

    Args:
        pid: a process in the container's network namespace.
        interfaces: with the addresses that the container has or will have; all of them must exist.
    """

    def __init__(self, pid: int, interfaces: list[Interface]) -> None:
        self.interfaces = interfaces
        with libc.network_namespace(pid):
            self._answers = [
                os.open(f"/proc/sys/net/ipv4/conf/{interface.name}/arp_ignore", os.O_RDWR) for interface in interfaces
            ]
            self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._pid = pid
        self._packets: socket.socket | None = None
        self._before = [os.pread(answer, 8, 0).strip() for answer in self._answers]
        self._stop = threading.Event()
        self._announcer: threading.Thread | None = None
        self._hidden: HiddenLinks | None = None

    def down(self) -> None:
        """Take the links down: nothing is sent any more, and the kernel drops routes and neighbours."""
        for interface in self.interfaces:
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
        """Prepare to take the addresses over, without having them yet.

        A macvlan link is taken down: it is up again in 0.5 ms, whereas changing its MAC address takes 15 ms while it is
        up. Other links stay up without ARP: the far end of a veth needs milliseconds to notice its carrier.
        """
        for interface, answer in zip(self.interfaces, self._answers):
            if interface.kind == "macvlan":
                self._set_flag(interface.name, up=False)
            else:
                os.pwrite(answer, _ARP_NEVER_ANSWER, 0)

    def suppress_arp(self) -> None:
        """Answer no ARP request any more: after the other host has announced itself, an answer would be wrong."""
        for answer in self._answers:
            os.pwrite(answer, _ARP_NEVER_ANSWER, 0)

    def drop_mac(self) -> threading.Thread:
        """Take random MAC addresses, after :meth:`suppress_arp`. It takes 15 ms, in the returned thread."""

        def change_macs() -> None:
            for interface in self.interfaces:
                self._set_mac(interface.name, random_mac())

        thread = threading.Thread(target=change_macs, daemon=True)
        thread.start()
        return thread

    def activate(self) -> None:
        """Take the addresses over, after :meth:`deactivate` or :meth:`drop_mac`."""
        for interface in self.interfaces:
            self._set_mac(interface.name, interface.mac)
            self._set_flag(interface.name, up=True)
        self._answer_arp()
        self.announce()

    def activate_silently(self) -> None:
        """Have the addresses as :meth:`activate` does, after :meth:`deactivate`, while the other host still uses them.

        No ARP request is answered and nothing is announced; what the network namespace sends must be held. The other
        containers of this host go on finding the other host's.
        """
        self.suppress_arp()
        self.hide([interface.name for interface in self.interfaces if interface.kind == "macvlan"])
        for interface in self.interfaces:
            self._set_mac(interface.name, interface.mac)
            self._set_flag(interface.name, up=True)
        self._open_packets()

    def hide(self, names: list[str]) -> None:
        """Keep the other containers of this host from finding these macvlan links."""
        self._hidden = HiddenLinks.hide(self._pid, names)

    @property
    def hidden(self) -> list[str]:
        """The links that were hidden; also of an agent that has died, whose record has them."""
        return self._hidden.names if self._hidden is not None else []

    @hidden.setter
    def hidden(self, names: list[str]) -> None:
        self._hidden = HiddenLinks(self._pid, names)

    def show(self) -> None:
        """After :meth:`activate_silently`: be found by the other containers of this host, and find them."""
        if self._hidden is not None:
            self._hidden.show()

    def take_over(self) -> None:
        """After :meth:`show`: answer ARP requests, and announce the addresses; needs no RTNL lock."""
        self._answer_arp()
        self.announce()

    def _answer_arp(self) -> None:
        for answer, before in zip(self._answers, self._before):
            os.pwrite(answer, _ARP_ANSWER if before == _ARP_NEVER_ANSWER else before, 0)

    def announce(self) -> None:
        """Announce to the network where the addresses are, by gratuitous ARP."""
        packets = self._open_packets()
        for interface in self.interfaces:
            for address in interface.ip_addresses:
                try:
                    packets.sendto(announcement(interface.mac, address), (interface.name, 0))
                except OSError as error:
                    if error.errno != errno.ENOBUFS:  # the link was down, and its carrier is not noticed yet
                        raise

    def _open_packets(self) -> socket.socket:
        if self._packets is None:
            # not earlier: with an open packet socket CRIU's dump would wait until the kernel has changed the MAC
            with libc.network_namespace(self._pid):
                self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        return self._packets

    def keep_announcing(self) -> None:
        """Repeat the announcement in the background, for switches that missed the first one."""

        def repeat() -> None:
            for _time in range(_ANNOUNCE_TIMES):
                if self._stop.wait(_ANNOUNCE_EVERY_S):
                    return
                self.announce()

        self._announcer = threading.Thread(target=repeat, daemon=True)
        self._announcer.start()

    def withdraw(self) -> None:
        """Give the addresses up for good, after :meth:`activate`: the other host may announce them once this returns.

        An announcement that is sent from here later would have the switches deliver to this host, until the container
        on the other one sends something itself. One that only answers requests never would.
        """
        self._stop.set()
        if self._announcer is not None:
            self._announcer.join()
        self.down()

    def close(self) -> None:
        self._stop.set()
        for answer in self._answers:
            os.close(answer)
        self._control.close()
        if self._hidden is not None:
            self._hidden.close()
        if self._packets is not None:
            self._packets.close()
