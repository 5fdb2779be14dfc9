# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every NF does at the NRF: register, heartbeat, deregister (TS 29.510)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from .sbi.client import SbiClient, SbiError
from .sbi.message import JSON_TYPE

log = logging.getLogger(__name__)

RETRY_S = 0.5
DEFAULT_HEARTBEAT_S = 10
"""Of an NRF that names none."""
DEREGISTER_S = 0.5
"""An NRF that does not answer must not take the time in which the NF answers what has come."""


class NrfConsumer:
    """Keeps one NF instance registered."""

    def __init__(self, root: str, profile: dict[str, Any], registered_again: Callable[[], None]) -> None:
        """`registered_again` is called when the NRF had forgotten the instance, and with it its subscriptions."""
        self._client = SbiClient(root, str(profile["nfType"]))
        self._profile = profile
        self._path = f"/nnrf-nfm/v1/nf-instances/{profile['nfInstanceId']}"
        self._registered_again = registered_again
        self._task: asyncio.Task[None] | None = None
        self.registered = False
        self.status = "REGISTERED"
        # More than one tells that the NRF had forgotten us.
        self.registrations = 0
        self.has_registered = asyncio.Event()
        """For the first time; it remains so."""

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_registered())

    async def stop(self) -> None:
        """Deregister if registered."""
        if self._task is not None:
            self._task.cancel()
        if self.registered:
            self.registered = False
            try:
                async with asyncio.timeout(DEREGISTER_S):
                    await self._client.request("DELETE", self._path)
            except (SbiError, TimeoutError) as error:
                log.warning("not deregistered: %s", error or "no answer")
        self._client.close()

    async def set_status(self, status: str) -> None:
        """NFStatus from now on (TS 29.510 clause 6.1.6.3.7); SbiError if the NRF does not hear of it at once."""
        self.status = status
        if self.registered:
            await self._heartbeat()

    async def _keep_registered(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                period = await self._register()
                due = loop.time()
                while self.registered:
                    # By the schedule, not by the last answer: the NRF's timer does not wait for slow answers either.
                    due = max(due + period, loop.time())
                    await asyncio.sleep(due - loop.time())
                    await self._heartbeat()
            except SbiError as error:
                if self.registered:
                    log.warning("heartbeat: %s", error)
                self.registered = False
            await asyncio.sleep(RETRY_S)

    async def _register(self) -> float:
        body = json.dumps({**self._profile, "nfStatus": self.status}).encode()
        response = await self._client.request("PUT", self._path, body, {"content-type": JSON_TYPE})
        if response.status == 201 and self.registrations:
            self._registered_again()
        if response.status not in (200, 201):
            raise SbiError(f"registration: status {response.status} {response.body!r}")
        period = _heartbeat_s(response.json())
        self.registered = True
        self.registrations += 1
        self.has_registered.set()
        log.info("registered at the NRF")
        return period

    async def _heartbeat(self) -> None:
        body = json.dumps([{"op": "replace", "path": "/nfStatus", "value": self.status}]).encode()
        response = await self._client.request(
            "PATCH", self._path, body, {"content-type": "application/json-patch+json"}
        )
        if response.status == 404:
            log.warning("the NRF does not know us any more")
            self.registered = False
        elif response.status not in (200, 204):
            raise SbiError(f"heartbeat: status {response.status}")


def _heartbeat_s(profile: Any) -> float:
    """The timer that the NRF has chosen, in the NFProfile that it answers (TS 29.510 clause 6.1.6.2.2)."""
    period = profile.get("heartBeatTimer", DEFAULT_HEARTBEAT_S) if isinstance(profile, dict) else None
    if not isinstance(period, int) or period < 1:
        raise SbiError(f"registration: heartBeatTimer {period!r}")
    return float(period)
