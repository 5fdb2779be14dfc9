# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PDU session as gNB, AMF and UE see it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .. import ip
from ..pfcp.ies import Teid
from ..sbi.message import Response
from ..smf.resources import CONTEXTS, PATH_SWITCH, SETUP_RESPONSE, UPDATES_HEADER

NO_TUNNEL = Teid(0, "")


@dataclass(slots=True)
class Session:
    """The gNB end alternates between two tunnels, so that each path switch changes something at the UPF."""

    index: int
    gnb_address: str
    ref: str = ""
    ue_address: str = ""
    uplink: Teid = NO_TUNNEL
    active: bool = False
    outstanding: int = 0
    switches: int = 0
    updates_sent: int = 0
    updates_seen: set[int] = field(default_factory=set)

    @property
    def create_body(self) -> bytes:
        """SmContextCreateData (TS 29.502 clause 6.1.6.2.2)."""
        return json.dumps(
            {
                "supi": f"imsi-00101{self.index:010d}",
                "pduSessionId": 1,
                "dnn": "internet",
                "sNssai": {"sst": 1},
                "anType": "3GPP_ACCESS",
                "servingNetwork": {"mcc": "001", "mnc": "01"},
                "requestType": "INITIAL_REQUEST",
            }
        ).encode()

    def created(self, response: Response) -> None:
        """Take over what the SMF gave: reference, UE address, tunnel."""
        data = response.json()
        tunnel = data["n2SmInfo"]["ulNguUpTnlInformation"]
        self.ref = response.headers["location"].rsplit("/", 1)[1]
        self.ue_address = data["n1SmMsg"]["pduAddress"]
        self.uplink = Teid(int(tunnel["gtpTeid"], 16), tunnel["ipv4Addr"])
        self.updates_sent = 0
        self.updates_seen = set()

    @property
    def modify_path(self) -> str:
        return f"{CONTEXTS}/{self.ref}/modify"

    def setup_response_body(self) -> bytes:
        return self._tunnel_body(SETUP_RESPONSE)

    def path_switch_body(self) -> bytes:
        self.switches += 1
        return self._tunnel_body(PATH_SWITCH)

    def updated(self, response: Response) -> bool:
        """Note an answered update. False if the SMF's count shows a doubled request or an older state."""
        count = int(response.headers[UPDATES_HEADER])
        plausible = count not in self.updates_seen and count <= self.updates_sent
        self.updates_seen.add(count)
        return plausible

    def echo_request(self, target: str, sequence: int, payload: bytes) -> bytes:
        return ip.echo_request(self.ue_address, target, self.index & 0xFFFF, sequence, payload)

    def owns(self, teid: int) -> bool:
        """Whether a downlink tunnel of the gNB belongs to this session."""
        return teid >> 1 == self.index + 1

    def _tunnel_body(self, kind: str) -> bytes:
        self.updates_sent += 1
        teid = (self.index + 1) << 1 | self.switches & 1
        tunnel: dict[str, Any] = {"ipv4Addr": self.gnb_address, "gtpTeid": f"{teid:08x}"}
        return json.dumps({"n2SmInfoType": kind, "n2SmInfo": {"dlNguUpTnlInformation": tunnel}}).encode()
