# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARP probe: does another machine answer for an address? (RFC 5227, section 2.1.1)"""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections.abc import Collection

ETH_P_ALL = 0x0003
ETH_P_ARP = 0x0806
_ETHERNET = "!6s6sH"
_ARP = "!HHBBH6s4s6s4s"
_HEADER = struct.calcsize(_ETHERNET)
_LENGTH = _HEADER + struct.calcsize(_ARP)
REQUEST, REPLY = 1, 2


def probe_frame(mac: bytes, address: str) -> bytes:
    """An ARP request whose sender address is zero, so that no neighbour learns from it."""
    return struct.pack(_ETHERNET, b"\xff" * 6, mac, ETH_P_ARP) + struct.pack(
        _ARP, 1, 0x0800, 6, 4, REQUEST, mac, bytes(4), bytes(6), socket.inet_aton(address)
    )


def answering_mac(frame: bytes, address: str) -> str | None:
    """MAC of the machine that says in ``frame`` that it holds ``address``; None for any other frame."""
    if len(frame) < _LENGTH or struct.unpack_from(_ETHERNET, frame)[2] != ETH_P_ARP:
        return None
    fields = struct.unpack_from(_ARP, frame, _HEADER)
    operation, sender_mac, sender_address = fields[4], fields[5], fields[6]
    if operation != REPLY or sender_address != socket.inet_aton(address):
        return None
    return ":".join(f"{byte:02x}" for byte in sender_mac)


def holders(interface: str, addresses: Collection[str], probes: int = 3, interval_s: float = 0.1) -> dict[str, str]:
    """MAC of the machine on the link of ``interface`` that holds an address, of those that anybody answers for."""
    found: dict[str, str] = {}
    # ETH_P_ALL sees frames before a bridge takes them from the interface.
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as link:
        link.bind((interface, ETH_P_ALL))
        own = link.getsockname()[4]
        for _number in range(probes):
            wanted = [address for address in addresses if address not in found]
            if not wanted:
                break
            try:
                for address in wanted:
                    link.send(probe_frame(own, address))
            except OSError as error:
                if error.errno == errno.ENETDOWN:  # nobody can be asked, and nobody can be disturbed
                    break
                raise
            _listen(link, wanted, found, interval_s)
    return found


def _listen(link: socket.socket, wanted: list[str], found: dict[str, str], interval_s: float) -> None:
    """Add who answers within that time."""
    deadline = time.monotonic() + interval_s
    while not found.keys() >= set(wanted) and (left := deadline - time.monotonic()) > 0:
        link.settimeout(left)
        try:
            frame = link.recv(2048)
        except socket.timeout:
            return
        for address in wanted:
            mac = answering_mac(frame, address)
            if mac is not None:
                found[address] = mac
