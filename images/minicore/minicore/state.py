# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GET /minicore/v1/state: what a health check compares before and after a migration; /alive costs nothing to answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .sbi.message import Request, Response, json_response
from .sbi.router import Router

PATH = "/minicore/v1/state"
ALIVE = "/minicore/v1/alive"


class StateResource:
    def __init__(self, nf_type: str, instance_id: str, state: Callable[[], dict[str, Any]]) -> None:
        self._nf_type = nf_type
        self._instance_id = instance_id
        self._state = state
        self._started = time.monotonic()

    def add_routes(self, router: Router) -> None:
        router.add("GET", PATH, self.get)
        router.add("GET", ALIVE, self.alive)

    async def get(self, request: Request) -> Response:
        return json_response(
            {
                "nf_type": self._nf_type,
                "nf_instance_id": self._instance_id,
                **self._state(),
                "uptime_s": round(time.monotonic() - self._started, 3),
            }
        )

    async def alive(self, request: Request) -> Response:
        """What a probe asks many times a second."""
        return Response(204)
