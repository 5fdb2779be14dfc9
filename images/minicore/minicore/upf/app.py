# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UPF as a process: N4, user plane, registration."""

from __future__ import annotations

from typing import Any

from ..nf import NetworkFunction
from ..pfcp.association import own_recovery_time_stamp
from ..sbi.message import Request, Response, json_response
from ..sbi.router import Router
from ..served import served_slices
from ..settings import N6_IPV6, PFCP_PORT, Environment, Settings
from .n4 import N4Responder
from .rules import RuleTable
from .tun import Tap, Tun
from .user_plane import UserPlane

DRAIN = "/minicore/v1/drain"


class Upf(NetworkFunction):
    nf_type = "UPF"

    def __init__(self, settings: Settings, environment: Environment) -> None:
        super().__init__(settings, environment)
        self._served = served_slices(environment)
        self._rules = RuleTable(settings.n3_address)
        tap = environment.text("TAP")
        tap_address = environment.interface("TAP_ADDRESS", "0.0.0.0/0") if environment.text("TAP_ADDRESS") else None
        self._user_plane = UserPlane(
            self._rules,
            Tun(settings.tun, settings.n6, environment.ipv6_interface("N6_IPV6", N6_IPV6)),
            tap=Tap(tap, tap_address) if tap else None,
        )
        self._n4 = N4Responder(
            self._rules, self._user_plane, settings.n4_address, own_recovery_time_stamp(), settings.pfcp_heartbeat_s
        )

    def add_routes(self, router: Router) -> None:
        router.add("PUT", DRAIN, self.drain)
        router.add("DELETE", DRAIN, self.resume)

    async def drain(self, request: Request) -> Response:
        """Not of 3GPP: management asks for it. Take no more sessions, and have those that are here moved away."""
        await self.set_status("UNDISCOVERABLE")
        self._n4.drain(True)
        return json_response(self.state())

    async def resume(self, request: Request) -> Response:
        """Take sessions again; those that have moved stay where they are."""
        self._n4.drain(False)
        await self.set_status("REGISTERED")
        return json_response(self.state())

    async def start(self) -> int:
        """Open N3, N6 and N4, then listen and register."""
        await self._user_plane.start(self.settings.n3_address)
        await self._n4.endpoint.start(self.settings.n4_address, PFCP_PORT)
        return await super().start()

    async def stop(self) -> None:
        await super().stop()
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
            "pfcp_repeated_requests": self._n4.endpoint.repeated_requests,
            "draining": self._n4.is_draining,
            "drained": self._n4.is_drained,
            "buffered": self._rules.buffered,
            "rate_limited": self._user_plane.rate_limited,
            "usage_reports": self._n4.reports.usage_reports,
            "packets": {
                "uplink": self._user_plane.uplink,
                "downlink": self._user_plane.downlink,
                "dropped": self._user_plane.dropped,
            },
        }

    def profile_extra(self) -> dict[str, Any]:
        """TS 29.510 clause 6.1.6.2.13 (UpfInfo). SMFs find N4 by the NF's own address."""
        address = self.settings.n3_address
        return {
            "ipv4Addresses": [self.settings.n4_address],
            "upfInfo": {
                "sNssaiUpfInfoList": [{**one, "dnnUpfInfoList": dnns} for one, dnns in self._served],
                "interfaceUpfInfoList": [{"interfaceType": "N3", "ipv4EndpointAddresses": [address]}],
            },
        }
