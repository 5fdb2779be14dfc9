# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lives in a namespace of the container, and not in a process."""

from __future__ import annotations

from .case import FIRST, Case, Kind, Outcome

CASES = (
    Case(
        "address",
        Kind.NETWORK,
        "further IPv4 addresses of a link of the engine",
        Outcome.CARRIED,
        FIRST,
        setup="$net ip address add 198.51.100.7/32 dev eth0",
        check="$net ip -4 -brief address show dev eth0",
        expected="198.51.100.7/32",
        exhaustive=False,
    ),
    Case(
        "neighbour",
        Kind.NETWORK,
        "neighbours (ARP), permanent and learnt",
        Outcome.CARRIED,
        FIRST,
        setup="$net ip neighbour add 198.51.100.9 lladdr 02:00:5e:10:00:01 dev eth0 nud permanent",
        check="$net ip neighbour show nud permanent",
        expected="198.51.100.9",
    ),
)
