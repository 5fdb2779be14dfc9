# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SCP as a process: forwards what names a target, registers like any NF."""

from __future__ import annotations

import hashlib
from typing import Any

from ..nf import NetworkFunction
from ..sbi.message import Request, Response
from ..sbi.producers import TARGET_API_ROOT
from ..sbi.server import Application
from ..settings import SBI_PORT, Environment, Settings
from .forwarder import Forwarder

OWN_RESOURCES = "/minicore/"


class Scp(NetworkFunction):
    nf_type = "SCP"

    def __init__(self, settings: Settings, environment: Environment, sbi_port: int = SBI_PORT) -> None:
        super().__init__(settings, environment, sbi_port)
        self._forwarder = Forwarder(f"SCP-{settings.instance_id}")

    def application(self) -> Application:
        return self._answer

    async def stop(self) -> None:
        await super().stop()
        self._forwarder.close()

    def state(self) -> dict[str, Any]:
        forwarder = self._forwarder
        return {
            "forwarded": forwarder.forwarded,
            "failed": forwarder.failed,
            "in_flight": forwarder.in_flight,
            "targets": len(forwarder.targets),
            "digest": hashlib.sha256("\n".join(sorted(forwarder.targets)).encode()).hexdigest(),
        }

    def profile_extra(self) -> dict[str, Any]:
        """ScpInfo of TS 29.510."""
        return {"scpInfo": {"scpPorts": {"http": self._sbi_port}}}

    async def _answer(self, request: Request) -> Response:
        if TARGET_API_ROOT not in request.headers and request.path.startswith(OWN_RESOURCES):
            return await self.router(request)
        return await self._forwarder.forward(request)
