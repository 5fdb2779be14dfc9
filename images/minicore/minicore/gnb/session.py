# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PDU session of a UE with its tunnels at the gNB."""

from __future__ import annotations

from dataclasses import dataclass

from ..pfcp.ies import Teid

SESSION_ID = 1
"""The one PDU session of a UE here."""

NO_TUNNEL = Teid(0, "")
_TUNNEL_BITS = 4


@dataclass(slots=True)
class UeSession:
    """`active`: its user plane is up. Its downlink tunnel changes each time that one is given to the core."""

    index: int
    ue_address: str = ""
    uplink: Teid = NO_TUNNEL
    active: bool = False
    tunnels: int = 0

    def next_downlink_teid(self) -> int:
        self.tunnels += 1
        return (self.index + 1) << _TUNNEL_BITS | self.tunnels & (1 << _TUNNEL_BITS) - 1

    def owns(self, teid: int) -> bool:
        """Whether a downlink tunnel belongs to this session; packets on their way may come by the one before."""
        return index_of(teid) == self.index


def index_of(teid: int) -> int:
    """Which UE a downlink tunnel belongs to."""
    return (teid >> _TUNNEL_BITS) - 1
