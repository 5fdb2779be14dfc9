# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deregistration that the UE begins (TS 24.501 clause 5.5.2.2, TS 23.502 clause 4.2.2.3.2)."""

from __future__ import annotations

from ..nas import gmm
from ..ngap.errors import DEREGISTER
from .counters import Counters
from .lifecycle import Lifecycle
from .n1 import N1
from .n2 import N2
from .ue_context import Connection


class Deregistration:
    def __init__(self, counters: Counters, n1: N1, n2: N2, lifecycle: Lifecycle) -> None:
        self._counters = counters
        self._n1 = n1
        self._n2 = n2
        self._lifecycle = lifecycle

    async def run(self, connection: Connection, request: gmm.DeregistrationRequest) -> None:
        """The message was verified."""
        ue = connection.ue
        await self._lifecycle.remove(ue)
        self._counters.deregistrations_total += 1
        if not request.switch_off:
            self._n1.send(ue, gmm.DeregistrationAccept())
        await self._n2.release(connection, DEREGISTER)
