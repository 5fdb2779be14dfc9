# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet socket that is bound to an interface."""

from __future__ import annotations

import socket

from answering import serve

ETH_P_ARP = 0x806
one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
one.bind(("eth0", ETH_P_ARP))


def look() -> object:
    name, protocol, *_rest = one.getsockname()
    return {"interface": name, "protocol": protocol}


serve(look)
