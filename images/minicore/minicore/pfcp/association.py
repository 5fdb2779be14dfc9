# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PFCP association and its supervision by heartbeats (TS 29.244 clauses 6.2.2 and 6.2.6)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .codec import CodecError, Ie, IeType, Message, MessageType
from .endpoint import Address, PfcpEndpoint, PfcpTimeout
from .ies import NTP_EPOCH, number, read_number

log = logging.getLogger(__name__)


def own_recovery_time_stamp() -> int:
    """When this entity started, in NTP seconds (clause 8.2.65); to be called once."""
    return (int(time.time()) + NTP_EPOCH) & 0xFFFFFFFF


@dataclass(slots=True)
class Association:
    """The peer as it was when the association was set up."""

    peer: Address
    recovery_time_stamp: int
    up: bool = True
    is_releasing: bool = False
    """The UPF has asked for its release (clause 6.2.7.3): no new sessions, and those that are there move away."""

    def describe(self, local_recovery_time_stamp: int, sessions: int) -> dict[str, Any]:
        """As the state endpoint shows it."""
        return {
            "peer": self.peer[0],
            "recovery_time_stamp": self.recovery_time_stamp,
            "local_recovery_time_stamp": local_recovery_time_stamp,
            "up": self.up,
            "releasing": self.is_releasing,
            "sessions": sessions,
        }


class Heartbeats:
    """Asks a peer each `period_s` whether it is the same that it was, and answers the peer's questions."""

    def __init__(
        self,
        endpoint: PfcpEndpoint,
        local_recovery_time_stamp: int,
        period_s: float,
        on_lost: Callable[[Association, str], None],
    ) -> None:
        self._endpoint = endpoint
        self._period_s = period_s
        self._on_lost = on_lost
        self._ies: list[Ie] = [number(IeType.RECOVERY_TIME_STAMP, local_recovery_time_stamp)]
        self._watchers: dict[Address, asyncio.Task[None]] = {}

    def watch(self, association: Association) -> None:
        self.forget(association)
        self._watchers[association.peer] = asyncio.create_task(self._watch(association))

    def forget(self, association: Association) -> None:
        watcher = self._watchers.pop(association.peer, None)
        if watcher is not None:
            watcher.cancel()

    def stop(self) -> None:
        for watcher in self._watchers.values():
            watcher.cancel()
        self._watchers.clear()

    def on_request(self, association: Association | None, message: Message) -> Message:
        """Answer a heartbeat request, and look whether its sender was restarted."""
        if association is not None:
            self._check(association, message)
        return Message(MessageType.HEARTBEAT_RESPONSE, message.sequence, None, self._ies)

    async def _watch(self, association: Association) -> None:
        while association.up:
            await asyncio.sleep(self._period_s)
            try:
                response = await self._endpoint.request(association.peer, MessageType.HEARTBEAT_REQUEST, self._ies)
                self._check(association, response)
            except PfcpTimeout as error:
                self.lose(association, str(error))
            except CodecError as error:
                log.warning("from %s: %s", association.peer[0], error)

    def _check(self, association: Association, message: Message) -> None:
        ie = message.find(IeType.RECOVERY_TIME_STAMP)
        if ie is not None and association.up and read_number(ie) != association.recovery_time_stamp:
            self.lose(association, f"recovery time stamp {association.recovery_time_stamp} -> {read_number(ie)}")

    def lose(self, association: Association, reason: str) -> None:
        """The association is not there any more."""
        if not association.up:
            return
        association.up = False
        log.warning("association with %s lost: %s", association.peer[0], reason)
        self._on_lost(association, reason)
