# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The procedures of UEs and gNBs (TS 23.502 clause 4), each measured from its due time to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..load.pings import UNCOUNTED, Pings
from ..nas.gmm import RegistrationType, ServiceType
from ..nas.security import NasSecurityError
from .hosts import Hosts
from .session import UeSession
from .station import Gnb
from .statistics import ProcedureLog, Record
from .ue import NGAP_CAPABILITY, ProcedureError, Ue

REGISTRATION = "registration"
SESSION_ESTABLISHMENT = "session_establishment"
SESSION_RELEASE = "session_release"
AN_RELEASE = "an_release"
SERVICE_REQUEST = "service_request"
PAGING = "paging"
DEREGISTRATION = "deregistration"
PATH_SWITCH = "path_switch"
REGISTRATION_UPDATE = "registration_update"
RECOVERY = "recovery"
RECOVERY_OF_SESSION = "recovery_of_session"
"""Registration and PDU session of a UE whose procedure has failed; not those of the load."""

DATA_AGAIN_S, DATA_AGAIN_AT_ONCE_S = 0.5, 0.01
"""Pause before a packet for an idle UE is sent again: of one that was just released the UPF may not know yet."""


class Procedures:
    """Runs procedures of single UEs and records them."""

    def __init__(
        self,
        log: ProcedureLog,
        gnbs: list[Gnb],
        pings: Pings,
        caller: Callable[[], Ue | None],
        hosts: Hosts | None,
        upf: str,
        timeout_s: float,
    ) -> None:
        """`caller` gives a UE whose user plane is up, to ping an idle one; without `hosts` UEs have no session.

        With `upf` all tunnels have to end there.
        """
        self._log = log
        self._gnbs = gnbs
        self._pings = pings
        self._caller = caller
        self._hosts = hosts
        self._upf = upf
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()

    async def measure(self, ue: Ue, kind: str, due: float) -> float:
        """Run one procedure; return when it ended, or raise ProcedureError after it was recorded."""
        began = self._loop.time()
        ue.begin_procedure()
        reason = ""
        try:
            if kind not in (REGISTRATION, RECOVERY):
                # A packet that came late may have had the UE paged: it has to be served before.
                await ue.until(lambda: not ue.updating, "paging", self._timeout_s)
            await self._steps(kind)(ue)
        except (ProcedureError, NasSecurityError) as error:
            reason = str(error)
            raise ProcedureError(reason) from error
        finally:
            ended = self._loop.time()
            self._log.add(Record(due, began, ended, kind, reason, ue.index))
        return ended

    def _steps(self, kind: str) -> Callable[[Ue], Awaitable[None]]:
        steps = {
            REGISTRATION: self._register,
            RECOVERY: self._register,
            RECOVERY_OF_SESSION: self._establish,
            SESSION_ESTABLISHMENT: self._establish,
            SESSION_RELEASE: self._release_session,
            AN_RELEASE: self._release,
            SERVICE_REQUEST: self._request_service,
            PAGING: self._page,
            DEREGISTRATION: self._deregister,
            PATH_SWITCH: self._switch,
            REGISTRATION_UPDATE: self._update,
        }
        return steps[kind]

    async def _register(self, ue: Ue) -> None:
        """Initial registration (clause 4.2.2.2.2), with a SUCI."""
        ue.forget_network()
        ue.request_registration(RegistrationType.INITIAL)
        await ue.until(lambda: ue.registered and not ue.updating, "registration", self._timeout_s)

    async def _update(self, ue: Ue) -> None:
        """Periodic registration update of an idle UE; the AMF releases it after it (clause 4.2.2.2.2)."""
        if ue.connection is not None:
            await self._release(ue)
        ue.request_registration(RegistrationType.PERIODIC)
        await ue.until(lambda: not ue.updating and ue.connection is None, "registration update", self._timeout_s)

    async def _establish(self, ue: Ue) -> None:
        """PDU session establishment (clause 4.3.2.2.1), until the UE can use its user plane."""
        assert self._hosts is not None
        ue.request_session(self._hosts.make(ue.index, ue.supi))
        await ue.until(
            lambda: ue.accepted_session and ue.session is not None and ue.session.active,
            "PDU session establishment",
            self._timeout_s,
        )
        if ue.session is not None and self._upf and ue.session.uplink.address != self._upf:
            raise ProcedureError(f"PDU session: the tunnel ends at {ue.session.uplink.address}")
        if ue.session is not None and not ue.session.host.is_ready:
            await self._configure(ue, ue.session)

    async def _configure(self, ue: Ue, session: UeSession) -> None:
        """Router discovery of IPv6 (clause 4.3.2.2.1 step 20), ARP for the ping target in Ethernet."""
        sending = self._loop.create_task(self._send_requests(session))
        try:
            await ue.until(lambda: session.host.is_ready, "address configuration", self._timeout_s)
        finally:
            sending.cancel()

    async def _send_requests(self, session: UeSession) -> None:
        """Like a packet for an idle UE: one that is lost is sent again, later each time."""
        pause_s = DATA_AGAIN_AT_ONCE_S
        while (packet := session.host.next_request()) is not None:
            self._pings.send_packet(session, packet)
            pause_s = min(2 * pause_s, DATA_AGAIN_S)
            await asyncio.sleep(pause_s)

    async def _release_session(self, ue: Ue) -> None:
        """PDU session release (clause 4.3.4.2)."""
        ue.request_session_release()
        await ue.until(lambda: ue.session is None, "PDU session release", self._timeout_s)

    async def _release(self, ue: Ue) -> None:
        """AN release (clause 4.2.6)."""
        if ue.connection is None:
            raise ProcedureError("AN release: the UE is idle")
        ue.connection.gnb.request_release(ue.connection)
        await ue.until(lambda: ue.connection is None, "AN release", self._timeout_s)

    async def _request_service(self, ue: Ue) -> None:
        """UE triggered service request (clause 4.2.3.2)."""
        if ue.connection is None:
            ue.request_service(ServiceType.DATA if ue.session is not None else ServiceType.SIGNALLING)
        await self._until_served(ue, "service request")

    async def _page(self, ue: Ue) -> None:
        """Network triggered service request (clause 4.2.3.3): from the packet for the UE until the UE has it."""
        caller, seen = self._caller(), ue.data
        if caller is None or caller.session is None or ue.session is None:
            raise ProcedureError("paging: no UE to ping from")
        pause_s = DATA_AGAIN_S if ue.rests_idle else DATA_AGAIN_AT_ONCE_S
        sending = self._loop.create_task(self._send_data(caller.session, ue.session.ue_address, pause_s))
        try:
            await ue.until(lambda: ue.data > seen and not ue.updating, "paging", self._timeout_s)
        finally:
            sending.cancel()

    async def _send_data(self, bearer: UeSession, address: str, pause_s: float) -> None:
        """A packet, and again after a pause that doubles."""
        while True:
            self._pings.send_echo_request(bearer, address, 0, UNCOUNTED)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, DATA_AGAIN_S)

    def answer_paging(self, ue: Ue) -> None:
        if ue.registered and ue.connection is None and not ue.updating:
            ue.request_service(ServiceType.MOBILE_TERMINATED)

    async def _until_served(self, ue: Ue, what: str) -> None:
        await ue.until(
            lambda: not ue.updating and ue.connection is not None and (ue.session is None or ue.session.active),
            what,
            self._timeout_s,
        )

    async def _deregister(self, ue: Ue) -> None:
        """UE-initiated deregistration (clause 4.2.2.3.2); the AMF releases the connection."""
        ue.request_deregistration()
        await ue.until(lambda: not ue.registered and ue.connection is None, "deregistration", self._timeout_s)

    async def _switch(self, ue: Ue) -> None:
        """Xn based handover to the next gNB (clause 4.9.1.2.2)."""
        source = ue.connection
        if source is None:
            raise ProcedureError("path switch: the UE is idle")
        target = self._gnbs[(source.gnb.number + 1) % len(self._gnbs)]
        target.take_over(source, NGAP_CAPABILITY)
        await ue.until(lambda: ue.connection is not source, "path switch", self._timeout_s)
        if ue.connection is None:
            raise ProcedureError("path switch: the UE was released")
        ue.gnb = target
