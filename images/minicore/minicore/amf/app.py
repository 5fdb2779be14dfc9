# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AMF as an NF: its parts, its profile, its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..n2.link import N2Server
from ..nf import NetworkFunction
from ..sbi.router import Router
from ..security.keys import serving_network_name
from ..settings import SBI_PORT, Environment, Settings
from . import slices
from .authentication import Authentication
from .callbacks import Callbacks
from .comm_api import CommApi
from .config import AmfConfig
from .consumers import Ausf, Nssf, Pcf, Udm
from .counters import Counters
from .deliveries import Deliveries
from .deregistration import Deregistration
from .gnbs import GnbTable
from .handover import Handover
from .lifecycle import Lifecycle
from .n1 import N1
from .n2 import N2
from .nas_handler import NasHandler
from .ngap_handler import NgapHandler
from .registration import Registration
from .security_mode import SecurityMode
from .service_request import ServiceRequests
from .sessions import Sessions
from .smf_consumer import SmfConsumer
from .tasks import Tasks
from .ue_context import UeStore

if TYPE_CHECKING:
    from .n2_sctp import N2SctpServer


class Amf(NetworkFunction):
    nf_type = "AMF"
    services = ("namf-comm",)

    def __init__(self, settings: Settings, environment: Environment, sbi_port: int = SBI_PORT) -> None:
        super().__init__(settings, environment, sbi_port)
        self.config = config = AmfConfig.read(settings, environment)
        self.counters = counters = Counters()
        self.ues = ues = UeStore(config.pointer)
        self.gnbs = gnbs = GnbTable()
        self._tasks = tasks = Tasks(counters)
        self._callbacks = callbacks = Callbacks()
        n2 = N2(config, ues)
        n1 = N1(n2, counters)
        udm = Udm(self.producers, config, settings.instance_id)
        pcf = Pcf(self.producers, config)
        deliveries = Deliveries(config, counters, gnbs, n1, n2, self.producers, tasks)
        smf = SmfConsumer(self.producers, config, settings.instance_id)
        sessions = Sessions(smf, n1, deliveries, counters, callbacks)
        lifecycle = Lifecycle(config, counters, ues, n2, sessions, deliveries, udm, pcf, tasks)
        ausf = Ausf(self.producers, serving_network_name(config.mcc, config.mnc))
        registration = Registration(
            config,
            counters,
            ues,
            n1,
            n2,
            Authentication(n1, ausf, config, counters),
            SecurityMode(n1, n2, config),
            sessions,
            deliveries,
            lifecycle,
            udm,
            pcf,
            Nssf(self.producers, config, settings.instance_id),
            callbacks,
        )
        deregistration = Deregistration(config, counters, n1, n2, lifecycle)
        nas_handler = NasHandler(
            config,
            counters,
            ues,
            n1,
            registration,
            ServiceRequests(config, counters, ues, n1, n2, sessions, deliveries),
            deregistration,
            sessions,
            lifecycle,
            tasks,
        )
        handover = Handover(counters, ues, n2, sessions)
        ngap_handler = NgapHandler(config, counters, gnbs, ues, n2, nas_handler, sessions, handover, lifecycle, tasks)
        self._api = CommApi(ues, deliveries, sessions, deregistration, lifecycle, callbacks)
        self._n2_server = _n2_server(config, ngap_handler)
        self.n2_port = 0

    def add_routes(self, router: Router) -> None:
        self._api.add_routes(router)

    async def prepare(self) -> None:
        self._callbacks.root = self.root
        self.n2_port = await self._n2_server.start(self.settings.n2_address, self.config.n2_port)

    async def stop(self) -> None:
        await self._n2_server.stop()
        await self._tasks.stop()
        await super().stop()

    def profile_extra(self) -> dict[str, Any]:
        """AmfInfo (TS 29.510 clause 6.1.6.2.11): by it a front finds the AMF of a GUAMI."""
        config = self.config
        return {
            "sNssais": [slices.to_json(snssai) for snssai in config.served],
            "amfInfo": {
                "amfRegionId": f"{config.region:02x}",
                "amfSetId": f"{config.set_id:03x}",
                "guamiList": [config.guami],
                "taiList": [config.tai],
                "n2InterfaceAmfInfo": {"ipv4EndpointAddress": [self.settings.n2_address], "amfName": config.name},
            },
        }

    def state(self) -> dict[str, Any]:
        ues = [ue for ue in self.ues if ue.is_registered]
        connected = sum(ue.is_connected for ue in ues)
        return {
            "ues": {"registered": len(ues), "connected": connected, "idle": len(ues) - connected},
            "gnbs": sum(1 for _ in self.gnbs),
            "sessions": sum(len(ue.sessions) for ue in ues),
            "digest": self.ues.digest(),
            "nas_counts_ok": self.counters.nas_integrity_failures_total == 0,
            "counters": self.counters.describe(),
        }


def _n2_server(config: AmfConfig, handler: NgapHandler) -> N2Server | N2SctpServer:
    if config.n2 == "front":
        return N2Server(handler, config.name)
    # Only here: SCTP is memory to move where a front has it.
    from .n2_sctp import N2SctpServer

    return N2SctpServer(handler, config.sctp)
