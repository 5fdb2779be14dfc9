# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TUN and TAP devices on N6 (Linux Documentation/networking/tuntap.rst, netdevice(7))."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import struct
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path

log = logging.getLogger(__name__)

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
SIOCGIFADDR = 0x8915
SIOCSIFADDR = 0x8916
SIOCSIFNETMASK = 0x891C
SIOCSIFMTU = 0x8922
IFF_UP = 0x1

# What is left of 1500 after IP, UDP, GTP-U and its extension header.
MTU = 1400
_ADDRESSES = Path("/proc/net/if_inet6")


class Device:
    """Attaches to the device `name`, which is made and set up where it is not there already."""

    def __init__(self, name: str, kind: int) -> None:
        self._name = name.encode()
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", self._name, kind | IFF_NO_PI))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
                self._configure(control)
                self._set_up(control)
        except OSError:
            os.close(self.fd)
            raise

    def read(self) -> bytes | None:
        """The next packet from N6, or None."""
        try:
            return os.read(self.fd, 65535)
        except BlockingIOError:
            return None

    def write(self, packet: bytes) -> bool:
        """Give a packet to N6; False if the kernel refuses it (queue full, not an IP packet)."""
        try:
            os.write(self.fd, packet)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EINVAL, errno.ENOBUFS, errno.EIO):
                return False
            raise
        return True

    def close(self) -> None:
        os.close(self.fd)

    def _configure(self, control: socket.socket) -> None:
        """Addresses, before it is up. What somebody else has prepared is left as it is: no NET_ADMIN is needed."""

    def _set_up(self, control: socket.socket) -> None:
        flags = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sH22x", self._name, 0))
        (now,) = struct.unpack_from("H", flags, 16)
        if not now & IFF_UP:
            fcntl.ioctl(control, SIOCSIFMTU, struct.pack("16si20x", self._name, MTU))
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", self._name, now | IFF_UP))

    def _set_ipv4(self, control: socket.socket, interface: IPv4Interface) -> None:
        if self._ipv4(control) != interface.ip.packed:
            self._set_address(control, SIOCSIFADDR, interface.ip.packed)
            self._set_address(control, SIOCSIFNETMASK, interface.netmask.packed)

    def _ipv4(self, control: socket.socket) -> bytes | None:
        try:
            answer = fcntl.ioctl(control, SIOCGIFADDR, struct.pack("16sH22x", self._name, socket.AF_INET))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return None
            raise
        return answer[20:24]

    def _set_address(self, control: socket.socket, request: int, address: bytes) -> None:
        fcntl.ioctl(control, request, struct.pack("16sHH4s16x", self._name, socket.AF_INET, 0, address))


class Tun(Device):
    """N6 of IP sessions. `ipv6` is left out where the container has no IPv6."""

    def __init__(self, name: str, interface: IPv4Interface, ipv6: IPv6Interface | None = None) -> None:
        self._interface = interface
        self._ipv6 = ipv6
        super().__init__(name, IFF_TUN)

    def _configure(self, control: socket.socket) -> None:
        self._set_ipv4(control, self._interface)
        if self._ipv6 is None or not _ADDRESSES.exists():
            return
        ours = f"{self._ipv6.ip.packed.hex()} "
        if any(line.startswith(ours) for line in _ADDRESSES.read_text().splitlines()):
            return
        index = socket.if_nametoindex(self._name.decode())
        request = struct.pack("16sIi", self._ipv6.ip.packed, self._ipv6.network.prefixlen, index)
        try:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control6:
                fcntl.ioctl(control6, SIOCSIFADDR, request)
        except OSError as error:
            log.warning("no IPv6 on %s: %s", self._name.decode(), error.strerror)


class Tap(Device):
    """N6 of Ethernet sessions; `interface` is the host's own address on it, if it has one."""

    def __init__(self, name: str, interface: IPv4Interface | None = None) -> None:
        self._interface = interface
        super().__init__(name, IFF_TAP)

    def _configure(self, control: socket.socket) -> None:
        if self._interface is not None:
            self._set_ipv4(control, self._interface)
