# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UPF as a process: N4, user plane, registration."""

from __future__ import annotations

from typing import Any

from ..nrf_consumer import NrfConsumer
from ..pfcp.association import own_recovery_time_stamp
from ..sbi.router import Router
from ..sbi.server import SbiServer
from ..settings import PFCP_PORT, SBI_PORT, Settings
from ..state import StateResource
from .n4 import N4Responder
from .rules import RuleTable
from .tun import Tun
from .user_plane import UserPlane


class Upf:
    nf_type = "UPF"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rules = RuleTable(settings.address)
        self._n4 = N4Responder(self._rules, settings.address, own_recovery_time_stamp(), settings.pfcp_heartbeat_s)
        self._user_plane = UserPlane(self._rules, Tun(settings.tun, settings.n6))
        self._nrf = NrfConsumer(settings.nrf, self._profile())
        router = Router()
        StateResource(self.nf_type, settings.instance_id, self.state).add_routes(router)
        self._server = SbiServer(router)

    async def start(self) -> None:
        await self._user_plane.start(self._settings.address)
        await self._n4.endpoint.start(self._settings.address, PFCP_PORT)
        await self._server.start(self._settings.address, SBI_PORT)
        self._nrf.start()

    async def stop(self) -> None:
        await self._nrf.stop()
        self._server.stop()
        self._n4.stop()
        self._user_plane.stop()

    def state(self) -> dict[str, Any]:
        sessions = list(self._rules.sessions.values())
        return {
            "sessions": len(sessions),
            "digest": self._rules.digest(),
            "pfcp": [
                association.describe(self._n4.recovery_time_stamp, sum(session.peer == peer for session in sessions))
                for peer, association in sorted(self._n4.associations.items())
            ],
            "nrf_registered": self._nrf.registered,
            "nrf_registrations": self._nrf.registrations,
            "pfcp_repeated_requests": self._n4.endpoint.repeated_requests,
            "packets": {
                "uplink": self._user_plane.uplink,
                "downlink": self._user_plane.downlink,
                "dropped": self._user_plane.dropped,
            },
        }

    def _profile(self) -> dict[str, Any]:
        """TS 29.510 clause 6.1.6.2.13 (UpfInfo)."""
        address = self._settings.address
        slices = [{"sNssai": {"sst": 1}, "dnnUpfInfoList": [{"dnn": "internet"}]}]
        return {
            "nfInstanceId": self._settings.instance_id,
            "nfType": self.nf_type,
            "nfStatus": "REGISTERED",
            "ipv4Addresses": [address],
            "upfInfo": {
                "sNssaiUpfInfoList": slices,
                "interfaceUpfInfoList": [{"interfaceType": "N3", "ipv4EndpointAddresses": [address]}],
            },
        }
