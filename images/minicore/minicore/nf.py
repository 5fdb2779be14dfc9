# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every NF but the NRF has: SBI server, state, registration at the NRF, the way to other NFs."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from .nrf_consumer import NrfConsumer
from .sbi.message import SbiError
from .sbi.producers import Producers
from .sbi.router import Router
from .sbi.server import Application, SbiServer
from .settings import SBI_PORT, Environment, Settings
from .state import StateResource

log = logging.getLogger(__name__)

NF_STATUS = "/minicore/v1/nf-status"
"""Where the NRF notifies of changes of other NFs."""


class NetworkFunction:
    """Base class of an NF. A subclass names its type and services, adds routes and describes its state."""

    nf_type: ClassVar[str]
    services: ClassVar[tuple[str, ...]] = ()
    """Names of the services that it offers (TS 29.510 clause 6.1.6.3.11), all v1 unless `versions` names another."""
    versions: ClassVar[dict[str, str]] = {}

    def __init__(self, settings: Settings, environment: Environment, sbi_port: int = SBI_PORT) -> None:
        self.settings = settings
        self.environment = environment
        self.router = Router()
        self.producers = Producers(settings.nrf, self.nf_type, settings.scp)
        self.root = ""
        """Own apiRoot, `http://ADDRESS:PORT`; valid as soon as it listens."""
        self._sbi_port = sbi_port
        self._nrf: NrfConsumer | None = None
        self._server: SbiServer | None = None

    def add_routes(self, router: Router) -> None:
        """Add the resources of the services; called once, before it listens."""

    def application(self) -> Application:
        """What answers the requests; a subclass may wrap the router."""
        return self.router

    def state(self) -> dict[str, Any]:
        """What GET /minicore/v1/state shows of this NF: at least a count and a `digest`."""
        return {}

    def full_state(self) -> dict[str, Any]:
        """The fields of `state` and those of the registration."""
        nrf = self._nrf
        return {
            **self.state(),
            "nrf_registered": nrf is not None and nrf.registered,
            "nrf_registrations": 0 if nrf is None else nrf.registrations,
        }

    def profile_extra(self) -> dict[str, Any]:
        """What the NFProfile has beside the common attributes, such as `smfInfo` (TS 29.510 clause 6.1.6.2.2)."""
        return {}

    async def set_status(self, status: str) -> None:
        """Change the NFStatus at the NRF; one that cannot be reached gets it with the next heartbeat."""
        if self._nrf is not None:
            try:
                await self._nrf.set_status(status)
            except SbiError as error:
                log.warning("status %s: %s", status, error)

    async def prepare(self) -> None:
        """Called when it listens and before it registers."""

    async def start(self) -> int:
        """Listen, then register; return the SBI's port."""
        self.add_routes(self.router)
        self.router.add("POST", NF_STATUS, self.producers.notified)
        StateResource(self.nf_type, self.settings.instance_id, self.full_state).add_routes(self.router)
        self._server = SbiServer(self.application())
        self._sbi_port = await self._server.start(self.settings.address, self._sbi_port)
        self.root = f"http://{self.settings.address}:{self._sbi_port}"
        self.producers.listen(self.root + NF_STATUS, self.settings.instance_id)
        await self.prepare()
        self._nrf = NrfConsumer(self.settings.nrf, self.profile(), self.producers.forget_subscriptions)
        self._nrf.start()
        return self._sbi_port

    async def until_ready(self) -> None:
        """Return when it has been registered at the NRF: before that no consumer finds it."""
        if self._nrf is not None:
            await self._nrf.has_registered.wait()

    async def stop(self) -> None:
        """Deregister, answer the requests that have come, then close."""
        if self._nrf is not None:
            await self._nrf.stop()
        if self._server is not None:
            await self._server.drain()
        self.producers.close()

    def profile(self) -> dict[str, Any]:
        """The NFProfile that is registered (TS 29.510 clauses 6.1.6.2.2 and 6.1.6.2.3)."""
        settings = self.settings
        return {
            "nfInstanceId": settings.instance_id,
            "nfType": self.nf_type,
            "nfStatus": "REGISTERED",
            "plmnList": [{"mcc": settings.mcc, "mnc": settings.mnc}],
            "ipv4Addresses": [settings.address],
            **self.profile_extra(),
            "nfServices": [self._service(name) for name in self.services],
        }

    def _service(self, name: str) -> dict[str, Any]:
        version = self.versions.get(name, "v1")
        return {
            "serviceInstanceId": f"{self.settings.instance_id}-{name}",
            "serviceName": name,
            "versions": [{"apiVersionInUri": version, "apiFullVersion": f"{version[1:]}.0.0"}],
            "scheme": "http",
            "nfServiceStatus": "REGISTERED",
            "ipEndPoints": [{"ipv4Address": self.settings.address, "port": self._sbi_port}],
        }
