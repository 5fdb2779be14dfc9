# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UDM as an NF."""

from __future__ import annotations

from typing import Any, ClassVar

from ..nf import NetworkFunction
from ..sbi.notifier import Notifier
from ..sbi.router import Router
from ..settings import SBI_PORT, Environment, Settings
from .repository import Repository
from .sdm import DATA_CHANGE, SubscriberData
from .store import MemoryStore, Store, UdrStore
from .ueau import UeAuthentication
from .uecm import UeContextManagement

MEMORY, UDR = "memory", "udr"


class Udm(NetworkFunction):
    """`MINICORE_UDM_STORE`: `memory` (stateful) or `udr` (stateless)."""

    nf_type = "UDM"
    services = ("nudm-ueau", "nudm-uecm", "nudm-sdm")
    versions: ClassVar[dict[str, str]] = {"nudm-sdm": "v2"}

    def __init__(self, settings: Settings, environment: Environment, sbi_port: int = SBI_PORT) -> None:
        super().__init__(settings, environment, sbi_port)
        self.kind = environment.choice("UDM_STORE", (MEMORY, UDR), MEMORY)
        self._repository = Repository(self.producers, settings.plmn)
        self._memory = MemoryStore(self._repository) if self.kind == MEMORY else None
        self.store: Store = self._memory or UdrStore(self._repository)
        self.notifier = Notifier(self.producers)

    def add_routes(self, router: Router) -> None:
        UeAuthentication(self, self.store).add_routes(router)
        UeContextManagement(self, self.store, self.notifier).add_routes(router)
        SubscriberData(self, self.store, self.notifier).add_routes(router)

    async def prepare(self) -> None:
        if self._memory is not None:
            self._memory.callback = self.root + DATA_CHANGE

    def state(self) -> dict[str, Any]:
        return {"store": self.kind, **self.store.counts(), "notifications_failed": self.notifier.failed}

    async def stop(self) -> None:
        self.notifier.stop()
        await super().stop()
