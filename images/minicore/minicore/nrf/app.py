# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NRF as a process: registry, resources, expiry."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from ..sbi.clients import Clients
from ..sbi.router import Router
from ..sbi.server import SbiServer
from ..settings import SBI_PORT, Environment, Settings
from ..state import StateResource
from .api import NrfApi
from .registry import MARGIN_S, Registry
from .subscriptions import Subscriptions

log = logging.getLogger(__name__)

# A timer that fires later than this shows that the NRF itself was stopped.
STALL_S = 0.2

VALIDITY_S = 10
"""Default of `validityPeriod`: how long a consumer may keep what it discovered; changes are notified besides."""
NOTIFY_S = 3
"""Longest time in which a subscriber may take a notification."""


class Nrf:
    nf_type = "NRF"

    def __init__(self, settings: Settings, environment: Environment | None = None, port: int = SBI_PORT) -> None:
        self._settings = settings
        self._port = port
        validity_s = VALIDITY_S if environment is None else environment.integer("NRF_VALIDITY_S", VALIDITY_S)
        self._clients = Clients(self.nf_type, NOTIFY_S)
        self.subscriptions = Subscriptions(time.time, self._clients, self._root)
        self.registry = Registry(time.monotonic, settings.nrf_heartbeat_s, self.subscriptions.publish)
        router = Router()
        NrfApi(self.registry, self.subscriptions, self._root, validity_s).add_routes(router)
        StateResource(self.nf_type, settings.instance_id, self.state).add_routes(router)
        self._server = SbiServer(router)
        self._expiry: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen; return the port."""
        self._port = await self._server.start(self._settings.address, self._port)
        self._expiry = asyncio.create_task(self._expire_loop())
        return self._port

    async def until_ready(self) -> None:
        """It has nowhere to register: it may be used as soon as it listens."""

    async def stop(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        await self._server.drain()
        self._clients.close()

    def state(self) -> dict[str, Any]:
        return {
            "sessions": 0,
            "digest": self.registry.digest(),
            "pfcp": [],
            "registrations": self.registry.describe(),
            "expired": self.registry.expired,
            "subscriptions": len(self.subscriptions),
            "notifications": {"sent": self.subscriptions.sent, "failed": self.subscriptions.failed},
        }

    def _root(self) -> str:
        return f"http://{self._settings.address}:{self._port}"

    async def _expire_loop(self) -> None:
        while True:
            now = time.monotonic()
            deadline = self.registry.next_deadline()
            # A registration that is yet to come cannot expire before one heartbeat.
            wake = now + self._settings.nrf_heartbeat_s if deadline is None else max(deadline, now)
            await asyncio.sleep(wake - now + 0.01)
            if time.monotonic() - wake > STALL_S:
                # The heartbeats of that time still wait in the sockets: hear them before judging.
                await asyncio.sleep(MARGIN_S)
            for instance_id in self.registry.expire():
                log.warning("NF instance %s sent no heartbeat: deregistered", instance_id)
