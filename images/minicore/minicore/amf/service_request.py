# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service request (TS 24.501 clause 5.6.1, TS 23.502 clause 4.2.3.2)."""

from __future__ import annotations

import contextlib
from functools import partial

from ..nas import gmm
from .config import AmfConfig
from .counters import Counters
from .deliveries import Deliveries
from .n1 import N1, NoAnswer
from .n2 import N2
from .sessions import Sessions
from .ue_context import Connection, UeContext, UeStore

ACKNOWLEDGEMENT_REQUESTED = 1
"""Configuration update indication of TS 24.501 table 9.11.3.18.1."""


class ServiceRequests:
    def __init__(
        self,
        config: AmfConfig,
        counters: Counters,
        ues: UeStore,
        n1: N1,
        n2: N2,
        sessions: Sessions,
        deliveries: Deliveries,
    ) -> None:
        self._config = config
        self._ues = ues
        self._counters = counters
        self._n1 = n1
        self._n2 = n2
        self._sessions = sessions
        self._deliveries = deliveries

    async def run(self, connection: Connection, request: gmm.ServiceRequest) -> None:
        """Bring the user plane back that the UE, or an SMF that had it paged, asks for. The message was verified."""
        ue = connection.ue
        was_paged = ue.paging is not None
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
            if was_paged:
                await self._update(ue)

    async def _update(self, ue: UeContext) -> None:
        """A new 5G-GUTI, since the paging has shown the one before to all (TS 33.501 clause 6.12.3).

        Without an answer both stay valid (TS 24.501 clause 5.4.4.6): by the next message it shows which one the UE has.
        """
        self._ues.allocate_tmsi(ue)
        command = gmm.ConfigurationUpdateCommand(
            indication=ACKNOWLEDGEMENT_REQUESTED, guti=self._config.guti(ue.tmsi or 0)
        )
        with contextlib.suppress(NoAnswer):
            await self._n1.exchange(
                ue, partial(self._n1.send, ue, command), self._config.t3555_s, gmm.ConfigurationUpdateComplete
            )
            self._ues.confirm_tmsi(ue)
            self._counters.configuration_updates_total += 1
