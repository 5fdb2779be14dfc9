# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From CM-CONNECTED to CM-IDLE, and from registered to gone (TS 23.502 clauses 4.2.2.3 and 4.2.6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any

from ..ngap.errors import Cause
from ..sbi.message import SbiError
from .config import AmfConfig
from .consumers import Pcf, Udm
from .counters import Counters
from .deliveries import Deliveries
from .n2 import N2
from .sessions import Sessions
from .tasks import Tasks
from .ue_context import Connection, UeContext, UeStore

log = logging.getLogger(__name__)

SUPERSEDED = Cause("nas", "unspecified")


class Lifecycle:
    def __init__(
        self,
        config: AmfConfig,
        counters: Counters,
        ues: UeStore,
        n2: N2,
        sessions: Sessions,
        deliveries: Deliveries,
        udm: Udm,
        pcf: Pcf,
        tasks: Tasks,
    ) -> None:
        self._config = config
        self._counters = counters
        self._ues = ues
        self._n2 = n2
        self._sessions = sessions
        self._deliveries = deliveries
        self._udm = udm
        self._pcf = pcf
        self._tasks = tasks

    def begin(self, ue: UeContext, procedure: Coroutine[Any, Any, None]) -> None:
        """Run a procedure of a UE; it ends the one before, which the UE has given up."""
        self._end_procedure(ue)
        if ue.implicit is not None:
            ue.implicit.cancel()
            ue.implicit = None
        ue.procedure = self._tasks.start(procedure)

    def supersede(self, ue: UeContext) -> None:
        """The UE comes by a new connection: the one before is released, with what the gNB has for it."""
        former = ue.connection
        if former is not None:
            ue.connection = None
            self._end_procedure(ue)
            self._tasks.start(self._n2.release(former, SUPERSEDED))
            self._tasks.start(self._sessions.deactivate(ue))

    async def release(self, connection: Connection, cause: Cause) -> None:
        """Release at the gNB, then CM-IDLE."""
        await self._n2.release(connection, cause)
        self.lost(connection)

    def lost(self, connection: Connection) -> None:
        """The gNB has no context of this connection any more: CM-IDLE (TS 23.501 clause 5.3.3.2.4)."""
        ue = connection.ue
        self._n2.released(connection)
        if ue.connection is not connection:
            return
        ue.connection = None
        self._end_procedure(ue)
        if self._ues.by_supi(ue.supi) is not ue:
            return
        self._counters.an_releases_total += 1
        self._tasks.start(self._sessions.deactivate(ue))
        if ue.is_registered:
            ue.implicit = asyncio.get_running_loop().call_later(
                self._config.implicit_deregistration_s, self._deregister_implicitly, ue
            )
            self._deliveries.flush(ue)
        else:
            self._tasks.start(self.remove(ue))

    async def replace(self, older: UeContext, ue: UeContext) -> None:
        """`ue` was authenticated as the SUPI of `older`: that one's connection goes, its sessions move."""
        self._deliveries.reached(older)
        self.supersede(older)
        self._end_procedure(older)
        if older.implicit is not None:
            older.implicit.cancel()
        ue.inherit(older)

    async def remove(self, ue: UeContext, *, is_purged: bool = True) -> None:
        """Forget a UE, and have the other NFs forget it; `is_purged` where the UDM does not know it yet."""
        ue.is_registered = False
        self._deliveries.reached(ue)
        if ue.implicit is not None:
            ue.implicit.cancel()
        is_current = self._ues.by_supi(ue.supi) is ue
        self._ues.remove(ue)
        cleanings: list[Awaitable[None]] = [
            self._sessions.release(ue, list(ue.sessions.values()), "REL_DUE_TO_UE_DEREGISTRATION"),
            self._deliveries.fail(ue, "UE_NOT_REACHABLE"),
        ]
        # the UE need not wait for these, which are of a certain instance, and that may be gone
        if ue.policy:
            self._tasks.start(self._quietly(self._pcf.delete(ue.policy)))
        if ue.sdm_subscription:
            self._tasks.start(self._quietly(self._udm.unsubscribe(ue.sdm_subscription)))
        if is_purged and is_current:
            cleanings.append(self._quietly(self._udm.purge(ue.supi)))
        ue.policy = ue.sdm_subscription = ""
        await asyncio.gather(*cleanings)

    def data_changed(self, ue: UeContext) -> None:
        self._tasks.start(self._read_again(ue))

    def policy_ended(self, ue: UeContext) -> None:
        """The PCF has asked for the end of the association (TS 29.507 clause 4.2.4.3)."""
        policy, ue.policy = ue.policy, ""
        if policy:
            self._tasks.start(self._quietly(self._pcf.delete(policy)))

    async def _read_again(self, ue: UeContext) -> None:
        try:
            ue.subscription = await self._udm.subscription(ue.supi)
        except SbiError as error:
            log.warning("%s: the changed subscriber data was not read: %s", ue.supi, error)

    def _deregister_implicitly(self, ue: UeContext) -> None:
        """TS 24.501 clause 5.3.7: the UE has not come for its periodic registration."""
        ue.implicit = None
        self._counters.deregistrations_total += 1
        self._tasks.start(self.remove(ue))

    @staticmethod
    def _end_procedure(ue: UeContext) -> None:
        if ue.procedure is not None and ue.procedure is not asyncio.current_task():
            ue.procedure.cancel()
            ue.procedure = None

    @staticmethod
    async def _quietly(request: Awaitable[None]) -> None:
        """What fails here leaves a rest at the other NF, which replaces it at the next registration."""
        try:
            await request
        except SbiError as error:
            log.info("%s", error)
