# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What begins at the UPF or at other NFs: downlink data, usage, a restarted UPF, policies (TS 23.502, TS 23.527)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import replace

from ..nas import SmCause
from ..pfcp.endpoint import Address
from ..pfcp.ies import DROP_BUFFERED, Teid
from ..pfcp.qos_ies import Trigger
from ..sbi.message import Problem, Refused, Request, Response, SbiError
from ..sbi.router import Router
from . import sm_messages
from .consumers import MODIFY, SETUP, decided
from .contexts import N1N2State, SmContext
from .modification import Modification
from .n4 import N4_FAILURES, NoUpf
from .n4_rules import Report
from .resources import FAILURE_CALLBACK, POLICY_CALLBACK
from .sessions import Sessions, note

log = logging.getLogger(__name__)

RESTORED_AT_ONCE = 16
"""Sessions that are restored on a UPF at the same time."""
HANDOVER_RETRY_S = 0.05
MODIFY_S = 5.0
"""How long a gNB may take to change a tunnel."""


class Events:
    def __init__(self, sessions: Sessions, modification: Modification) -> None:
        self._sessions = sessions
        self._modification = modification
        modification.on_stale_tunnel(self.change_tunnel)
        self.downlink_data_reports = 0
        self.restored = 0

    def add_routes(self, router: Router) -> None:
        router.add("POST", POLICY_CALLBACK + "/update", self.policy_changed)
        router.add("POST", POLICY_CALLBACK + "/terminate", self.policy_ended)
        router.add("POST", FAILURE_CALLBACK, self.not_reached)

    def reported(self, cp_seid: int, report: Report) -> int | None:
        """A Session Report Request; the UPF's SEID, or None for a session that is not known."""
        context = self._sessions.contexts.by_ref.get(str(cp_seid))
        if context is None:
            return None
        self._sessions.usage.add(report.usage)
        if any(Trigger.VOLUME_QUOTA in usage.trigger for usage in report.usage):
            self._sessions.start(self._grant(context))
        if report.downlink_data:
            self.downlink_data_reports += 1
            self._sessions.start(self._wake(context))
        if report.error_indication is not None:
            self._sessions.start(self._tunnel_lost(context, report.error_indication))
        return context.up_seid

    def upf_lost(self, upf: Address) -> None:
        """Sessions with JSON parts are dropped; the others wait for their UPF."""
        gone = [context for context in self._sessions.contexts.of(upf) if context.n1n2 is None]
        for context in gone:
            self._sessions.contexts.remove(context)
            self._sessions.give_back(self._sessions.plan(context).address)
        log.warning("%d sessions of %s dropped", len(gone), upf[0])

    def upf_associated(self, upf: Address) -> None:
        """Restore the sessions that the UPF has lost with the former association (TS 23.527 clause 4.3.2)."""
        self._restore_all(upf, upf)
        for other in {context.upf for context in self._sessions.contexts.by_ref.values()}:
            association = self._sessions.n4.associations.get(other)
            if association is None or not association.up:
                self._restore_all(other, upf)

    def upf_absent(self, upf: Address) -> None:
        """Restore the sessions of a UPF that does not come back on another one (TS 23.527 clause 4.3.2)."""
        with contextlib.suppress(NoUpf):
            self._restore_all(upf, self._sessions.n4.choose_upf())

    async def policy_changed(self, request: Request, ref: str) -> Response:
        """SmPolicyNotification (TS 29.512 clause 5.6.2.5): another session AMBR is enforced by the UPF."""
        context = self._find(ref)
        state = context.n1n2
        if state is not None:
            try:
                qos = decided(request.json_object().get("smPolicyDecision"), state.qos)
            except SbiError as error:
                raise Problem(400, "MANDATORY_IE_INCORRECT", str(error)) from error
            async with context.lock:
                is_limited_otherwise = qos.rates != state.qos.rates
                state.qos = qos
                if is_limited_otherwise and context.up_seid:
                    try:
                        await self._sessions.n4.set_rates(context.upf, context.up_seid, qos.rates)
                    except N4_FAILURES as error:
                        raise Problem(504, "UPF_NOT_RESPONDING", str(error)) from error
        return Response(204)

    async def policy_ended(self, request: Request, ref: str) -> Response:
        """TerminationNotification (TS 29.512 clause 4.2.3.3): the session is released."""
        context = self._find(ref)
        self._sessions.start(self._modification.release_by_network(context, SmCause.OPERATOR_DETERMINED_BARRING))
        return Response(204)

    async def not_reached(self, request: Request, ref: str) -> Response:
        """N1N2MsgTxfrFailureNotification (TS 29.518 clause 6.1.6.2.30): the UE did not answer the paging."""
        request.json_object()
        self._sessions.start(self._forget_buffered(self._find(ref)))
        return Response(204)

    def _find(self, ref: str) -> SmContext:
        context = self._sessions.contexts.by_ref.get(ref)
        if context is None:
            raise Problem(404, "CONTEXT_NOT_FOUND", f"no SM context {ref}")
        return context

    async def _wake(self, context: SmContext) -> None:
        """Ask the AMF for the user plane of a session for which data waits (TS 23.502 clause 4.2.3.3)."""
        state = context.n1n2
        if state is None or context.up_cnx_state == "ACTIVATED" or state.releasing is not None:
            return
        context.offer(asyncio.get_running_loop().time())
        failure_uri = self._sessions.root() + FAILURE_CALLBACK.format(smContextRef=context.ref)
        n2 = sm_messages.setup_request(context, state)
        try:
            await self._sessions.consumers.transfer(context, state.amf, n2=n2, n2_type=SETUP, failure_uri=failure_uri)
        except SbiError as error:
            note(error, context)
            await self._forget_buffered(context)

    async def _forget_buffered(self, context: SmContext) -> None:
        """The UE cannot be reached now: drop what waits, and hear of the next packet."""
        context.offered = None
        async with context.lock:
            if context.up_seid and context.up_cnx_state != "ACTIVATED":
                try:
                    await self._sessions.n4.set_downlink(context.upf, context.up_seid, None, True, DROP_BUFFERED)
                except N4_FAILURES as error:
                    log.warning("%s/%d: %s", context.supi, context.pdu_session_id, error)

    async def _grant(self, context: SmContext) -> None:
        """In the place of a charging function: the next quota as large as the one that is used up."""
        async with context.lock:
            if context.up_seid:
                try:
                    quota = self._sessions.usage_plan.quota_bytes
                    await self._sessions.n4.grant(context.upf, context.up_seid, quota)
                except N4_FAILURES as error:
                    log.warning("%s/%d: no new quota: %s", context.supi, context.pdu_session_id, error)

    async def _tunnel_lost(self, context: SmContext, gnb: Teid) -> None:
        """The gNB has lost a tunnel (TS 23.527 clause 5.3.3.1): buffer, and have the resources set up again."""
        async with context.lock:
            if context.downlink != gnb or not context.up_seid:
                return
            try:
                await self._sessions.n4.set_downlink(context.upf, context.up_seid, None, context.n1n2 is not None)
            except N4_FAILURES as error:
                log.warning("%s/%d: %s", context.supi, context.pdu_session_id, error)
                return
            context.downlink = None
            context.up_cnx_state = "DEACTIVATED"
        await self._wake(context)

    def _restore_all(self, lost: Address, target: Address) -> None:
        contexts = [context for context in self._sessions.contexts.of(lost) if context.up_seid]
        if contexts:
            work = (self._restore(context, lost, target) for context in contexts)
            self._sessions.start(each(work, f"sessions of {lost[0]} restored on {target[0]}"))

    async def _restore(self, context: SmContext, lost: Address, target: Address) -> None:
        async with context.lock:
            if context not in self._sessions.contexts or not context.up_seid or context.upf != lost:
                return
            former = context.uplink
            is_idle = context.up_cnx_state == "DEACTIVATED"
            wanted = former if target == lost else None
            plan = replace(self._sessions.plan(context), restored=wanted, gnb=context.downlink, notifies=is_idle)
            try:
                context.up_seid, context.uplink = await self._sessions.n4.establish(target, context.cp_seid, plan)
            except N4_FAILURES as error:
                # Its UPF is lost again: the next association tries it again.
                log.warning("%s/%d not restored: %s", context.supi, context.pdu_session_id, error)
                return
            context.upf = target
        self.restored += 1
        if context.uplink != former and not is_idle:
            await self.change_tunnel(context)

    async def change_tunnel(self, context: SmContext) -> None:
        """Give the gNB the UPF's other tunnel (TS 38.413 clause 8.2.3); return when nobody sends to the former one."""
        state = context.n1n2
        if state is None or state.releasing is not None:
            return
        is_modified = False
        if context.downlink is not None:
            context.modifying = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(MODIFY_S):
                    await self._modify(context, state, context.modifying)
                    is_modified = await context.modifying
            except SbiError as error:
                note(error, context)
            except TimeoutError:
                log.warning("%s/%d: the gNB does not answer", context.supi, context.pdu_session_id)
            finally:
                context.modifying = None
        if not is_modified and context.up_cnx_state != "DEACTIVATED":
            # The gNB gets the tunnel with all the resources.
            context.up_cnx_state = "ACTIVATING"
            await self._wake(context)

    async def _modify(self, context: SmContext, state: N1N2State, answer: asyncio.Future[bool]) -> None:
        """Again while the UE is handed over (TS 23.502 clause 4.9.1.2.2), to the gNB that it is at then."""
        while context.downlink is not None and not answer.done():
            n2 = sm_messages.modify_request(context, context.downlink)
            try:
                await self._sessions.consumers.transfer(context, state.amf, n2=n2, n2_type=MODIFY)
                return
            except Refused as error:
                if error.status != 409:
                    raise
                await asyncio.sleep(HANDOVER_RETRY_S)


async def each(work: Iterable[Coroutine[None, None, None]], what: str) -> None:
    """Do the same for many sessions, some at a time."""
    waiting = iter(list(work))

    async def worker() -> None:
        for one in waiting:
            await one

    await asyncio.gather(*(worker() for _ in range(RESTORED_AT_ONCE)))
    log.info("%s", what)
