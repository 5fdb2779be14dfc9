# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMF as a process: contexts, N4, registration."""

from __future__ import annotations

import logging
from typing import Any

from ..nrf_consumer import NrfConsumer
from ..pfcp.association import own_recovery_time_stamp
from ..pfcp.endpoint import Address
from ..sbi.client import SbiError
from ..sbi.router import Router
from ..sbi.server import SbiServer
from ..settings import PFCP_PORT, SBI_PORT, Settings
from ..state import StateResource
from .api import SmfApi
from .contexts import AddressPool, ContextStore
from .idempotency import DuplicateFilter
from .n4 import N4Client

log = logging.getLogger(__name__)


class Smf:
    nf_type = "SMF"

    def __init__(self, settings: Settings, upf: Address | None = None, sbi_port: int = SBI_PORT) -> None:
        """`upf` (or MINICORE_UPF) stands for discovery by the NRF."""
        self._settings = settings
        self._sbi_port = sbi_port
        self._upf = upf or ((settings.upf, PFCP_PORT) if settings.upf else None)
        self._contexts = ContextStore()
        self.n4 = N4Client(
            settings.address, own_recovery_time_stamp(), settings.pfcp_heartbeat_s, self._find_upfs, self._upf_lost
        )
        self._api = SmfApi(self._contexts, AddressPool(settings.n6), self.n4, f"http://{settings.address}:{sbi_port}")
        self._nrf = NrfConsumer(settings.nrf, self._profile())
        router = Router()
        self._api.add_routes(router)
        StateResource(self.nf_type, settings.instance_id, self.state).add_routes(router)
        self._duplicates = DuplicateFilter(router)
        self._server = SbiServer(self._duplicates)

    async def start(self, pfcp_port: int = PFCP_PORT) -> int:
        """Listen, register, associate; return the SBI's port."""
        await self.n4.endpoint.start(self._settings.address, pfcp_port)
        port = await self._server.start(self._settings.address, self._sbi_port)
        self._nrf.start()
        self.n4.start()
        return port

    async def stop(self) -> None:
        await self._nrf.stop()
        self._server.stop()
        await self.n4.stop()

    def state(self) -> dict[str, Any]:
        contexts = list(self._contexts.by_ref.values())
        return {
            "sessions": len(contexts),
            "digest": self._contexts.digest(),
            "pfcp": [
                association.describe(self.n4.recovery_time_stamp, sum(context.upf == peer for context in contexts))
                for peer, association in sorted(self.n4.associations.items())
            ],
            "nrf_registered": self._nrf.registered,
            "nrf_registrations": self._nrf.registrations,
            "pfcp_retransmissions": self.n4.endpoint.retransmissions,
            "requests": {"received": self._duplicates.received, "repeated": self._duplicates.repeated},
        }

    async def _find_upfs(self) -> list[Address]:
        if self._upf is not None:
            return [self._upf]
        try:
            profiles = await self._nrf.discover("UPF")
        except SbiError as error:
            log.warning("no UPF found: %s", error)
            return []
        return [(str(address), PFCP_PORT) for profile in profiles for address in profile.get("ipv4Addresses", [])[:1]]

    def _upf_lost(self, upf: Address) -> None:
        gone = self._contexts.remove_all_of(upf)
        self._api.forget_upf(gone)
        log.warning("%d sessions of %s dropped", len(gone), upf[0])

    def _profile(self) -> dict[str, Any]:
        """TS 29.510 clauses 6.1.6.2.2 (NFProfile), 6.1.6.2.3 (NFService), 6.1.6.2.12 (SmfInfo)."""
        address = self._settings.address
        return {
            "nfInstanceId": self._settings.instance_id,
            "nfType": self.nf_type,
            "nfStatus": "REGISTERED",
            "ipv4Addresses": [address],
            "smfInfo": {"sNssaiSmfInfoList": [{"sNssai": {"sst": 1}, "dnnSmfInfoList": [{"dnn": "internet"}]}]},
            "nfServices": [
                {
                    "serviceInstanceId": f"{self._settings.instance_id}-pdusession",
                    "serviceName": "nsmf-pdusession",
                    "versions": [{"apiVersionInUri": "v1", "apiFullVersion": "1.0.0"}],
                    "scheme": "http",
                    "nfServiceStatus": "REGISTERED",
                    "ipEndPoints": [{"ipv4Address": address, "port": self._sbi_port}],
                }
            ],
        }
