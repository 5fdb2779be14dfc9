# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PDU session of a UE with its tunnels at the gNB."""

from __future__ import annotations

from dataclasses import dataclass

from ..nas.qos import PduAddress
from ..pfcp.ies import Teid
from .hosts import Host

SESSION_ID = 1
"""The one PDU session of a UE here."""

NO_TUNNEL = Teid(0, "")
_TUNNEL_BITS = 4


@dataclass(slots=True)
class UeSession:
    """`active`: its user plane is up. Its downlink tunnel changes each time that one is given to the core."""

    index: int
    host: Host
    uplink: Teid = NO_TUNNEL
    active: bool = False
    tunnels: int = 0

    @property
    def ue_address(self) -> str:
        return self.host.address

    def accept(self, session_type: int, address: PduAddress | None) -> str:
        """Take what the accept gives (TS 24.501 clause 6.4.1.3), or say what is wrong with it."""
        if session_type != self.host.session_type:
            return f"type {session_type}, not {self.host.session_type}"
        return "" if self.host.accept(address) else "accepted without an address"

    def echo_request(self, target: str, sequence: int, payload: bytes) -> bytes:
        return self.host.echo_request(target, self.index & 0xFFFF, sequence, payload)

    def next_downlink_teid(self) -> int:
        self.tunnels += 1
        return (self.index + 1) << _TUNNEL_BITS | self.tunnels & (1 << _TUNNEL_BITS) - 1

    def owns(self, teid: int) -> bool:
        """Whether a downlink tunnel belongs to this session; packets on their way may come by the one before."""
        return index_of(teid) == self.index


def index_of(teid: int) -> int:
    """Which UE a downlink tunnel belongs to."""
    return (teid >> _TUNNEL_BITS) - 1
