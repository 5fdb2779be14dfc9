# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NRF as a process: registry, resources, expiry."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from ..sbi.router import Router
from ..sbi.server import SbiServer
from ..settings import SBI_PORT, Environment, Settings
from ..state import StateResource
from .api import NrfApi
from .registry import MARGIN_S, Registry

log = logging.getLogger(__name__)

# A timer that fires later than this shows that the NRF itself was stopped.
STALL_S = 0.2


class Nrf:
    nf_type = "NRF"

    def __init__(self, settings: Settings, environment: Environment | None = None, port: int = SBI_PORT) -> None:
        self._settings = settings
        self._port = port
        self.registry = Registry(time.monotonic, settings.nrf_heartbeat_s)
        router = Router()
        NrfApi(self.registry, f"http://{settings.address}:{port}").add_routes(router)
        StateResource(self.nf_type, settings.instance_id, self.state).add_routes(router)
        self._server = SbiServer(router)
        self._expiry: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen; return the port."""
        port = await self._server.start(self._settings.address, self._port)
        self._expiry = asyncio.create_task(self._expire_loop())
        return port

    async def stop(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        await self._server.drain()

    def state(self) -> dict[str, Any]:
        return {
            "sessions": 0,
            "digest": self.registry.digest(),
            "pfcp": [],
            "registrations": self.registry.describe(),
            "expired": self.registry.expired,
        }

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
