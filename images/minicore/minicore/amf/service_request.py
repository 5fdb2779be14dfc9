# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service request (TS 24.501 clause 5.6.1, TS 23.502 clause 4.2.3.2)."""

from __future__ import annotations

from ..nas import gmm
from .counters import Counters
from .deliveries import Deliveries
from .n1 import N1
from .n2 import N2
from .sessions import Sessions
from .ue_context import Connection


class ServiceRequests:
    def __init__(self, counters: Counters, n1: N1, n2: N2, sessions: Sessions, deliveries: Deliveries) -> None:
        self._counters = counters
        self._n1 = n1
        self._n2 = n2
        self._sessions = sessions
        self._deliveries = deliveries

    async def run(self, connection: Connection, request: gmm.ServiceRequest) -> None:
        """Bring the user plane back that the UE, or an SMF that had it paged, asks for. The message was verified."""
        ue = connection.ue
        self._deliveries.reached(ue)
        if request.sessions is not None:
            gone = [session for psi, session in ue.sessions.items() if psi not in request.sessions]
            await self._sessions.release(ue, gone, "REL_DUE_TO_PS_TO_CS_HO")
        setups = self._deliveries.take_setups(ue)
        waiting = {setup.session_id for setup in setups}
        wanted = (request.uplink_data or frozenset()) | (request.allowed_sessions or frozenset())
        activated, failed = await self._sessions.activate(ue, wanted - waiting)
        accept = gmm.ServiceAccept(
            sessions=frozenset(ue.sessions) if request.sessions is not None else None,
            reactivation_result=frozenset(failed) if request.uplink_data is not None else None,
        )
        if ue.connection is connection:
            self._n2.establish(connection, self._n1.protect(ue, accept), [*setups, *activated])
            self._counters.service_requests_total += 1
            self._deliveries.flush(ue)
