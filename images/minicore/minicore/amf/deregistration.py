# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deregistration (TS 24.501 clause 5.5.2, TS 23.502 clause 4.2.2.3)."""

from __future__ import annotations

import contextlib
from functools import partial

from ..nas import gmm
from ..ngap.errors import DEREGISTER
from .config import AmfConfig
from .counters import Counters
from .lifecycle import Lifecycle
from .n1 import N1, NoAnswer
from .n2 import N2
from .ue_context import Connection, UeContext

ACCESS_3GPP = 1
"""Access type of TS 24.501 table 9.11.3.20.1."""
MOVED = ("UE_INITIAL_REGISTRATION", "UE_REGISTRATION_AREA_CHANGE", "5GS_TO_EPS_MOBILITY")
"""Reasons of the UDM by which another AMF has the UE (TS 29.503 clause 6.2.6.3.3)."""


class Deregistration:
    def __init__(self, config: AmfConfig, counters: Counters, n1: N1, n2: N2, lifecycle: Lifecycle) -> None:
        self._config = config
        self._counters = counters
        self._n1 = n1
        self._n2 = n2
        self._lifecycle = lifecycle

    async def run(self, connection: Connection, request: gmm.DeregistrationRequest) -> None:
        """The UE has asked for it, and the message was verified."""
        ue = connection.ue
        await self._lifecycle.remove(ue)
        self._counters.deregistrations_total += 1
        if not request.switch_off:
            self._n1.send(ue, gmm.DeregistrationAccept())
        await self._n2.release(connection, DEREGISTER)

    async def by_udm(self, ue: UeContext, reason: str) -> None:
        """The UDM has said that another AMF serves the UE, or that nobody may (TS 24.501 clause 5.5.2.3)."""
        connection = ue.connection
        has_moved = reason in MOVED
        if connection is not None and connection.is_secured and not has_moved:
            request = gmm.NetworkDeregistrationRequest(access=ACCESS_3GPP)
            with contextlib.suppress(NoAnswer):
                await self._n1.exchange(
                    ue,
                    partial(self._n1.send, ue, request),
                    self._config.t3522_s,
                    gmm.NetworkDeregistrationAccept,
                )
        await self._lifecycle.remove(ue, is_purged=not has_moved)
        self._counters.deregistrations_total += 1
        if connection is not None:
            await self._n2.release(connection, DEREGISTER)
