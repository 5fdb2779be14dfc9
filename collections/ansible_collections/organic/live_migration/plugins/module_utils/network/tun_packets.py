# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets in the queues of TUN devices."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from dataclasses import dataclass

from ..host import libc
from .tun import DEVICE_NAME, IFF_NO_PI, IFF_TAP, Descriptor, Device, duplicate_descriptor

_HEADER = struct.Struct(">BHI")
_INFORMATION = struct.Struct(">HH")
"""struct tun_pi: flags and protocol."""
_ETH_P_IP, _ETH_P_IPV6 = 0x0800, 0x86DD
_MAX_PACKET_BYTES = 1 << 17


@dataclass(frozen=True)
class Packet:
    """A packet in a device's queue that its process has not read.

    Attributes:
        device: name.
        protocol: EtherType.
        data: the packet, or the frame of a TAP device.
    """

    device: str
    protocol: int
    data: bytes


def take_unread(devices: list[Device], found: dict[str, Descriptor]) -> list[Packet]:
    """Remove the packets that frozen processes have not read; they go to the target, or are put back."""
    packets = []
    for device in devices:
        with duplicate_descriptor(found[device.name]) as duplicate:
            waiting = select.poll()
            waiting.register(duplicate, select.POLLIN)
            while waiting.poll(0):
                packets.append(_packet(device, os.read(duplicate, _MAX_PACKET_BYTES)))
    return packets


def _packet(device: Device, data: bytes) -> Packet:
    if not device.flags & IFF_NO_PI:
        protocol, data = _INFORMATION.unpack_from(data)[1], data[_INFORMATION.size :]
    elif device.flags & IFF_TAP:
        protocol = int.from_bytes(data[12:14], "big")
    else:
        protocol = _ETH_P_IP if data[:1] and data[0] >> 4 == 4 else _ETH_P_IPV6
    return Packet(device.name, protocol, data)


def put(pid: int, packets: list[Packet]) -> None:
    """Put packets into the queues of devices in the network namespace of ``pid``."""
    if not packets:
        return
    with libc.network_namespace(pid):
        link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with link:
        for packet in packets:
            with contextlib.suppress(OSError):  # down or full: the source would have dropped it, too
                link.sendto(packet.data, (packet.device, packet.protocol))


def pack(packets: list[Packet]) -> bytes:
    """Packets as they are sent to the target."""
    out = b""
    for packet in packets:
        name = packet.device.encode()
        out += _HEADER.pack(len(name), packet.protocol, len(packet.data)) + name + packet.data
    return out


def unpack(data: bytes) -> list[Packet]:
    """What :func:`pack` made. Raises ValueError for anything else."""
    packets = []
    position = 0
    while position < len(data):
        if len(data) - position < _HEADER.size:
            raise ValueError("The source host sent a truncated packet of a TUN device")
        name_bytes, protocol, data_bytes = _HEADER.unpack_from(data, position)
        start = position + _HEADER.size + name_bytes
        position = start + data_bytes
        name = data[start - name_bytes : start].decode("ascii", "replace")
        if position > len(data) or not DEVICE_NAME.fullmatch(name):
            raise ValueError("The source host sent something else than a packet of a TUN device")
        packets.append(Packet(name, protocol, data[start:position]))
    return packets
