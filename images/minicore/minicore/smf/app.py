# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMF as a process: contexts, N4, registration."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..nf import NetworkFunction
from ..pfcp.association import own_recovery_time_stamp
from ..pfcp.endpoint import Address
from ..sbi.client import SbiError
from ..sbi.router import Router
from ..sbi.server import Application
from ..served import served_slices
from ..settings import N6_IPV6, PFCP_PORT, SBI_PORT, Environment, Settings
from .api import SmfApi
from .consumers import Consumers
from .contexts import AddressPool, ContextStore, PrefixPool
from .establishment import Establishment
from .events import Events
from .idempotency import DuplicateFilter
from .modification import Modification
from .n4 import N4Client
from .n4_rules import Report, UsagePlan
from .relocation import Relocation
from .sessions import Sessions

log = logging.getLogger(__name__)


USAGE_THRESHOLD_BYTES = 100_000_000
"""Default of MINICORE_USAGE_THRESHOLD_BYTES."""


class Smf(NetworkFunction):
    nf_type = "SMF"
    services = ("nsmf-pdusession",)

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        sbi_port: int = SBI_PORT,
        upf: Address | Sequence[Address] | None = None,
        pfcp_port: int = PFCP_PORT,
    ) -> None:
        """`upf` (or MINICORE_UPF) stands for discovery by the NRF; it may be a list, which may change later."""
        super().__init__(settings, environment, sbi_port)
        self._pfcp_port = pfcp_port
        given = upf or ((settings.upf, PFCP_PORT) if settings.upf else None)
        self._upfs = [given] if isinstance(given, tuple) else given
        self.n4 = N4Client(
            settings.n4_address, own_recovery_time_stamp(), settings.pfcp_heartbeat_s, self._find_upfs, self
        )
        self._sessions = Sessions(
            ContextStore(),
            AddressPool(settings.n6),
            PrefixPool(environment.ipv6_interface("N6_IPV6", N6_IPV6)),
            self.n4,
            Consumers(self.producers, settings),
            lambda: self.root,
            UsagePlan(
                environment.integer("USAGE_THRESHOLD_BYTES", USAGE_THRESHOLD_BYTES),
                environment.integer("USAGE_PERIOD_S", 0),
                environment.integer("USAGE_QUOTA_BYTES", 0),
            ),
        )
        self.producers.watch("UPF", self.n4.look)
        modification = Modification(self._sessions)
        self._api = SmfApi(self._sessions, Establishment(self._sessions), modification)
        self._events = Events(self._sessions, modification)
        self._relocation = Relocation(self._sessions, self._events)
        self._served = served_slices(environment)
        self._duplicates = DuplicateFilter(self.router)

    def add_routes(self, router: Router) -> None:
        self._api.add_routes(router)
        self._events.add_routes(router)

    def application(self) -> Application:
        return self._duplicates

    async def start(self) -> int:
        """Listen, register, associate; return the SBI's port."""
        await self.n4.endpoint.start(self.settings.n4_address, self._pfcp_port)
        port = await super().start()
        self.n4.start()
        return port

    async def stop(self) -> None:
        self._sessions.stop()
        await super().stop()
        await self.n4.stop()

    def state(self) -> dict[str, Any]:
        contexts = list(self._sessions.contexts.by_ref.values())
        return {
            "sessions": len(contexts),
            "digest": self._sessions.contexts.digest(),
            "sessions_by_type": self._sessions.counts(),
            "active": sum(context.up_cnx_state == "ACTIVATED" for context in contexts),
            "pfcp": [
                association.describe(self.n4.recovery_time_stamp, sum(context.upf == peer for context in contexts))
                for peer, association in sorted(self.n4.associations.items())
            ],
            "discovers_upfs": self._upfs is None,
            "pfcp_retransmissions": self.n4.endpoint.retransmissions,
            "usage": asdict(self._sessions.usage),
            "downlink_data_reports": self._events.downlink_data_reports,
            "restored": self._events.restored,
            "moved": self._relocation.moved,
            "requests": {"received": self._duplicates.received, "repeated": self._duplicates.repeated},
        }

    async def _find_upfs(self) -> list[Address]:
        if self._upfs is not None:
            return list(self._upfs)
        try:
            profiles = await self.producers.instances("UPF")
        except SbiError as error:
            log.warning("no UPF found: %s", error)
            return []
        return [(str(address), PFCP_PORT) for profile in profiles for address in profile.get("ipv4Addresses", [])[:1]]

    def upf_associated(self, upf: Address) -> None:
        self._events.upf_associated(upf)
        self._relocation.look()

    def upf_absent(self, upf: Address) -> None:
        self._events.upf_absent(upf)

    def has_sessions(self, upf: Address) -> bool:
        return bool(self._sessions.contexts.of(upf))

    def upf_releasing(self, upf: Address) -> None:
        self._relocation.look()

    def upf_lost(self, upf: Address) -> None:
        self._events.upf_lost(upf)

    def reported(self, cp_seid: int, report: Report) -> int | None:
        return self._events.reported(cp_seid, report)

    def profile_extra(self) -> dict[str, Any]:
        """TS 29.510 clause 6.1.6.2.12 (SmfInfo)."""
        return {"smfInfo": {"sNssaiSmfInfoList": [{**one, "dnnSmfInfoList": dnns} for one, dnns in self._served]}}
