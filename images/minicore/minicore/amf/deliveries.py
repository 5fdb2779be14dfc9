# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""N1 and N2 parts of SMFs on their way to UEs: at once, or after paging (TS 23.502 clause 4.2.3.3)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from ..nas import gmm
from ..ngap.messages import Paging
from ..ngap.values import FiveGSTmsi, SessionSetup, Tai
from ..sbi.message import SbiError
from ..sbi.producers import Producers
from .config import AmfConfig
from .counters import Counters
from .gnbs import GnbTable
from .n1 import N1, RETRANSMISSIONS
from .n2 import N2
from .tasks import Tasks
from .ue_context import Connection, Delivery, UeContext

log = logging.getLogger(__name__)

SETUP, MODIFY, RELEASE = "PDU_RES_SETUP_REQ", "PDU_RES_MOD_REQ", "PDU_RES_REL_CMD"
N2_TYPES = ("", SETUP, MODIFY, RELEASE)
"""NgapIeType (TS 29.502 clause 6.1.6.3.15) of what is brought to a gNB; empty: a NAS message alone."""


class Deliveries:
    def __init__(
        self,
        config: AmfConfig,
        counters: Counters,
        gnbs: GnbTable,
        n1: N1,
        n2: N2,
        producers: Producers,
        tasks: Tasks,
    ) -> None:
        self._config = config
        self._counters = counters
        self._gnbs = gnbs
        self._n1 = n1
        self._n2 = n2
        self._producers = producers
        self._tasks = tasks

    def submit(self, ue: UeContext, delivery: Delivery) -> bool:
        """Deliver; False when it has to wait until the UE was paged, or has ended its registration."""
        connection = ue.connection
        if connection is not None and connection.has_context and connection.release is None:
            self._deliver(connection, delivery)
            return True
        if delivery.n2_type in (MODIFY, RELEASE) and not delivery.n1:
            # An idle UE has no resources at a gNB.
            return True
        ue.pending.append(delivery)
        if connection is None and ue.paging is None:
            ue.paging = self._tasks.start(self._page(ue))
        return False

    def take_setups(self, ue: UeContext) -> list[SessionSetup]:
        """The pending session resources without a NAS message, for the message that sets up the UE's context."""
        setups = [delivery for delivery in ue.pending if delivery.n2_type == SETUP and not delivery.n1]
        ue.pending = [delivery for delivery in ue.pending if delivery not in setups]
        return self._setups(ue, setups)

    def flush(self, ue: UeContext) -> None:
        """The UE is connected and its gNB has its context: deliver what waits."""
        pending, ue.pending = ue.pending, []
        for delivery in pending:
            self.submit(ue, delivery)

    def reached(self, ue: UeContext) -> None:
        """The UE has answered: no more paging."""
        if ue.paging is not None:
            ue.paging.cancel()
            ue.paging = None

    async def fail(self, ue: UeContext, cause: str) -> None:
        """Report to the SMFs what will not be delivered (TS 29.518 clause 5.2.2.3.2)."""
        pending, ue.pending = ue.pending, []
        await asyncio.gather(*(self._report(delivery, cause) for delivery in pending if delivery.failure_uri))

    def _setups(self, ue: UeContext, deliveries: Iterable[Delivery]) -> list[SessionSetup]:
        return [
            SessionSetup(
                delivery.psi, ue.sessions[delivery.psi].snssai, delivery.n2, self._downlink(ue, delivery) or None
            )
            for delivery in deliveries
            if delivery.psi in ue.sessions
        ]

    def _deliver(self, connection: Connection, delivery: Delivery) -> None:
        ue = connection.ue
        if delivery.n2_type == SETUP:
            setups = self._setups(ue, (delivery,))
            if setups:
                self._n2.set_up_sessions(connection, setups)
        elif delivery.n2_type == MODIFY:
            if (session := ue.sessions.get(delivery.psi)) and session.is_active:
                self._n2.modify_session(connection, delivery.psi, delivery.n2)
        elif delivery.n2_type == RELEASE and (session := ue.sessions.get(delivery.psi)) and session.is_active:
            session.is_active = False
            self._n2.release_session(connection, delivery.psi, delivery.n2, self._downlink(ue, delivery) or None)
        elif delivery.n1:
            self._n2.downlink_nas(connection, self._downlink(ue, delivery))

    def _downlink(self, ue: UeContext, delivery: Delivery) -> bytes:
        if not delivery.n1:
            return b""
        return self._n1.protect(ue, gmm.DlNasTransport(payload=delivery.n1, pdu_session_id=delivery.psi))

    async def _page(self, ue: UeContext) -> None:
        """Page in the UE's registration area; again when T3513 expires (TS 24.501 clause 5.6.2.2.1)."""
        self._counters.pagings_total += 1
        tais = (Tai(self._config.mcc + self._config.mnc, ue.tac),)
        for _ in range(1 + RETRANSMISSIONS):
            # A 5G-TMSI that the UE has not confirmed is not the only one that it may listen to.
            for tmsi in [tmsi for tmsi in (ue.former_tmsi, ue.tmsi) if tmsi is not None]:
                message = Paging(FiveGSTmsi(self._config.set_id, self._config.pointer, tmsi), tais)
                for gnb in self._gnbs.serving(ue.tac):
                    self._n2.send(gnb, message)
            await asyncio.sleep(self._config.t3513_s)
        ue.paging = None
        self._counters.pagings_failed_total += 1
        log.info("%s did not answer the paging", ue.supi)
        await self.fail(ue, "UE_NOT_RESPONDING")

    async def _report(self, delivery: Delivery, cause: str) -> None:
        body = {"cause": cause, "n1n2MsgDataUri": delivery.reference}
        try:
            (await self._producers.request_at(delivery.failure_uri, "POST", body=body)).require(200, 204)
        except SbiError as error:
            log.info("failure notification to %s: %s", delivery.failure_uri, error)
