# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARP: probe who has an address, and announce one."""

from __future__ import annotations

import secrets
import select
import socket
import struct
import time

_ETH_P_ARP = 0x0806
_ARP_REQUEST = 1
_OTHERS_WAIT_S = 0.05
_OTHERS_WAIT_FACTOR = 20


def random_mac() -> str:
    """A locally administered unicast address (IEEE 802, clause 8.4), random so that it is unique."""
    return bytes((0x02, *secrets.token_bytes(5))).hex(":")


def announcement(mac: str, address: str) -> bytes:
    """A gratuitous ARP request (RFC 5227, section 3): "this address is at this MAC"."""
    source = bytes.fromhex(mac.replace(":", ""))
    ip = socket.inet_aton(address)
    header = b"\xff" * 6 + source + struct.pack(">H", _ETH_P_ARP)
    return header + struct.pack(">HHBBH", 1, 0x0800, 6, 4, _ARP_REQUEST) + source + ip + b"\0" * 6 + ip


def arp_probe(interface: str, address: str, owner: str = "", wait_s: float = 0.3) -> set[str]:
    """MAC addresses that answer an ARP probe (RFC 5227, section 2.1.1) sent out of an interface of this host.

    Args:
        interface: of this host.
        address: that is asked for.
        owner: MAC address whose answer is expected. Once it has answered, others get many times as long as it took,
            and no longer: they are on the same segment.
        wait_s: for answers, at most.
    """
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP)) as packets:
        packets.bind((interface, 0))
        source = packets.getsockname()[4]
        ip = socket.inet_aton(address)
        probe = b"\xff" * 6 + source + struct.pack(">H", _ETH_P_ARP)
        probe += struct.pack(">HHBBH", 1, 0x0800, 6, 4, _ARP_REQUEST) + source + b"\0" * 4 + b"\0" * 6 + ip
        packets.sendto(probe, (interface, 0))
        answers: set[str] = set()
        sent = time.monotonic()
        deadline = sent + wait_s
        while select.select([packets], [], [], max(0.0, deadline - time.monotonic()))[0]:
            frame = packets.recv(2048)
            if frame[28:32] != ip or frame[22:28] == source:
                continue
            answers.add(frame[22:28].hex(":"))
            if answers == {owner}:
                now = time.monotonic()
                deadline = min(deadline, now + max(_OTHERS_WAIT_S, _OTHERS_WAIT_FACTOR * (now - sent)))
        return answers
