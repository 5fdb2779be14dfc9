# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TUN device on N6 (Linux Documentation/networking/tuntap.rst, netdevice(7))."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from ipaddress import IPv4Interface

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
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


class Tun:
    """Attaches to the device `name`, which is made, addressed and set up where it is not there already."""

    def __init__(self, name: str, interface: IPv4Interface) -> None:
        self._name = name.encode()
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", self._name, IFF_TUN | IFF_NO_PI))
            self._configure(interface)
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

    def _configure(self, interface: IPv4Interface) -> None:
        # A device that somebody else has prepared is left as it is: no NET_ADMIN is needed then.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            if self._address(control) != interface.ip.packed:
                self._set_address(control, SIOCSIFADDR, interface.ip.packed)
                self._set_address(control, SIOCSIFNETMASK, interface.netmask.packed)
                fcntl.ioctl(control, SIOCSIFMTU, struct.pack("16si20x", self._name, MTU))
            flags = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sH22x", self._name, 0))
            (now,) = struct.unpack_from("H", flags, 16)
            if not now & IFF_UP:
                fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", self._name, now | IFF_UP))

    def _address(self, control: socket.socket) -> bytes | None:
        try:
            answer = fcntl.ioctl(control, SIOCGIFADDR, struct.pack("16sH22x", self._name, socket.AF_INET))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return None
            raise
        return answer[20:24]

    def _set_address(self, control: socket.socket, request: int, address: bytes) -> None:
        fcntl.ioctl(control, request, struct.pack("16sHH4s16x", self._name, socket.AF_INET, 0, address))
