# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PDU sessions: what passes between UE, gNB and SMF (TS 23.502 clauses 4.3.2 to 4.3.4)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from ..nas import MmCause, gmm
from ..nas.values import MAX_SESSION_ID
from ..ngap.values import SessionItem, SessionSetup, Snssai
from ..sbi.message import SbiError
from . import slices
from .callbacks import Callbacks
from .counters import Counters
from .deliveries import Deliveries
from .n1 import N1
from .smf_consumer import SmAnswer, SmfConsumer, SmRefused
from .ue_context import Delivery, SmContext, UeContext

log = logging.getLogger(__name__)

DEFAULT_DNN = "internet"
"""Of a slice for which the subscription names no DNN."""


class Sessions:
    def __init__(
        self, smf: SmfConsumer, n1: N1, deliveries: Deliveries, counters: Counters, callbacks: Callbacks
    ) -> None:
        self._smf = smf
        self._n1 = n1
        self._deliveries = deliveries
        self._counters = counters
        self._callbacks = callbacks

    async def uplink(self, ue: UeContext, message: gmm.UlNasTransport) -> None:
        """UL NAS TRANSPORT with N1 SM information (TS 24.501 clause 5.4.5.2.5)."""
        psi = message.pdu_session_id
        if message.payload_type != gmm.PayloadType.N1_SM or psi is None or not 1 <= psi <= MAX_SESSION_ID:
            self._not_forwarded(ue, message, MmCause.PAYLOAD_NOT_FORWARDED)
            return
        session = ue.sessions.get(psi)
        if message.request_type == gmm.RequestType.INITIAL:
            if session is not None:
                # The UE has forgotten it (clause 5.4.5.2.5, case a.1.ii).
                await self.release(ue, [session], "REL_DUE_TO_DUPLICATE_SESSION_ID")
            await self._create(ue, psi, message)
        elif session is None:
            self._not_forwarded(ue, message, MmCause.PAYLOAD_NOT_FORWARDED)
        else:
            try:
                await self._update(ue, session, n1=message.payload)
            except SbiError as error:
                log.info("%s, PDU session %d: %s", ue.supi, psi, error)
                self._not_forwarded(ue, message, MmCause.PAYLOAD_NOT_FORWARDED)

    async def _create(self, ue: UeContext, psi: int, message: gmm.UlNasTransport) -> None:
        snssai = self._slice(ue, slices.one_from_nas(message.slice))
        dnn = self._dnn(ue, snssai, message.dnn or "")
        if snssai is None or dnn is None:
            self._not_forwarded(ue, message, MmCause.DNN_NOT_SUPPORTED_IN_SLICE)
            return
        session = SmContext(psi, dnn, snssai)
        # Known before the SMF answers: its first N1N2MessageTransfer may be faster than its answer.
        ue.sessions[psi] = session
        try:
            async with session.lock:
                await self._smf.create(ue, session, message.payload, self._callbacks.session(ue.supi, session.number))
        except SbiError as error:
            log.info("%s, PDU session %d: %s", ue.supi, psi, error)
            self.forget(ue, session)
            if isinstance(error, SmRefused) and error.n1:
                self._n1.send(ue, gmm.DlNasTransport(payload=error.n1, pdu_session_id=psi))
            else:
                self._not_forwarded(ue, message, MmCause.PAYLOAD_NOT_FORWARDED)
            return
        self._counters.sessions_total += 1

    async def n2_answer(self, ue: UeContext, items: Iterable[SessionItem], n2_type: str, is_active: bool) -> None:
        """What a gNB answered about sessions goes to their SMFs."""
        await asyncio.gather(*(self._n2_answer(ue, item, n2_type, is_active) for item in items))

    async def activate(self, ue: UeContext, psis: Iterable[int]) -> tuple[list[SessionSetup], list[int]]:
        """Ask for the user plane of sessions; return what the gNB has to set up, and the sessions that got none."""
        sessions = [ue.sessions[psi] for psi in psis if psi in ue.sessions]
        answers = await asyncio.gather(*(self._activate(ue, session) for session in sessions))
        setups = [setup for setup in answers if setup is not None]
        failed = [session.psi for session, setup in zip(sessions, answers, strict=True) if setup is None]
        return setups, failed

    async def deactivate(self, ue: UeContext) -> None:
        """The UE is CM-IDLE: its sessions have no user plane to a gNB any more (TS 23.502 clause 4.2.6)."""
        active = [session for session in ue.sessions.values() if session.is_active]
        for session in active:
            session.is_active = False
        await asyncio.gather(*(self._deactivate(ue, session) for session in active))

    async def release(self, ue: UeContext, sessions: Iterable[SmContext], cause: str) -> None:
        """Release at the SMF without a word to the UE."""
        released = list(sessions)
        for session in released:
            self.forget(ue, session)
        await asyncio.gather(*(self._release(ue, session, cause) for session in released))

    async def switch(
        self, ue: UeContext, items: Iterable[SessionItem], failed: Iterable[SessionItem]
    ) -> dict[int, bytes]:
        """Path switch: the new gNB's tunnels to the SMFs; return their transfers for it by PDU session.

        A session that the new gNB did not take over has no user plane any more (TS 23.502 clause 4.9.1.2.2).
        """
        wanted = list(items)
        transfers = await asyncio.gather(*(self._switch(ue, item) for item in wanted))
        await self.n2_answer(ue, failed, "PATH_SWITCH_SETUP_FAIL", False)
        taken = {item.session_id for item in wanted}
        for session in ue.sessions.values():
            if session.is_active and session.psi not in taken:
                session.is_active = False
                await self._deactivate(ue, session)
        return {item.session_id: transfer for item, transfer in zip(wanted, transfers, strict=True) if transfer}

    def forget(self, ue: UeContext, session: SmContext) -> None:
        if ue.sessions.get(session.psi) is session:
            del ue.sessions[session.psi]

    async def _update(
        self, ue: UeContext, session: SmContext, *, n1: bytes = b"", n2: bytes = b"", n2_type: str = ""
    ) -> None:
        """Pass one message on; what the SMF answers goes to the UE and its gNB."""
        async with session.lock:
            answer = await self._smf.update(session, {}, n1=n1, n2=n2, n2_type=n2_type)
        self._forward(ue, session, answer)

    def _forward(self, ue: UeContext, session: SmContext, answer: SmAnswer) -> None:
        if answer.n1 or answer.n2:
            self._deliveries.submit(ue, Delivery(session.psi, answer.n1, answer.n2, answer.n2_type))

    async def _n2_answer(self, ue: UeContext, item: SessionItem, n2_type: str, is_active: bool) -> None:
        session = ue.sessions.get(item.session_id)
        if session is None:
            return
        session.is_active = is_active
        try:
            await self._update(ue, session, n2=item.transfer, n2_type=n2_type)
        except SbiError as error:
            log.info("%s, PDU session %d: %s", ue.supi, session.psi, error)

    async def _activate(self, ue: UeContext, session: SmContext) -> SessionSetup | None:
        try:
            async with session.lock:
                answer = await self._smf.update(session, {"upCnxState": "ACTIVATING"})
        except SbiError as error:
            log.info("%s, PDU session %d: %s", ue.supi, session.psi, error)
            if isinstance(error, SmRefused) and error.status == 404:
                self.forget(ue, session)
            return None
        return SessionSetup(session.psi, session.snssai, answer.n2) if answer.n2 else None

    async def _switch(self, ue: UeContext, item: SessionItem) -> bytes:
        session = ue.sessions.get(item.session_id)
        if session is None:
            return b""
        try:
            async with session.lock:
                answer = await self._smf.update(
                    session, {"toBeSwitched": True}, n2=item.transfer, n2_type="PATH_SWITCH_REQ"
                )
        except SbiError as error:
            log.info("%s, PDU session %d: %s", ue.supi, session.psi, error)
            session.is_active = False
            return b""
        session.is_active = True
        return answer.n2 if answer.n2_type == "PATH_SWITCH_REQ_ACK" else b""

    async def _deactivate(self, ue: UeContext, session: SmContext) -> None:
        try:
            async with session.lock:
                await self._smf.update(session, {"upCnxState": "DEACTIVATED"})
        except SbiError as error:
            log.info("%s, PDU session %d: %s", ue.supi, session.psi, error)

    async def _release(self, ue: UeContext, session: SmContext, cause: str) -> None:
        try:
            async with session.lock:
                if session.uri:
                    await self._smf.release(session, cause)
        except SbiError as error:
            log.info("%s, PDU session %d: %s", ue.supi, session.psi, error)

    def _not_forwarded(self, ue: UeContext, message: gmm.UlNasTransport, cause: int) -> None:
        """Clause 5.4.5.3.1 case h: the message goes back with a cause."""
        self._n1.send(
            ue,
            gmm.DlNasTransport(
                payload_type=message.payload_type,
                payload=message.payload,
                pdu_session_id=message.pdu_session_id,
                cause=cause,
            ),
        )

    @staticmethod
    def _slice(ue: UeContext, requested: Snssai | None) -> Snssai | None:
        """The UE's choice if it is allowed, or the first allowed one."""
        if requested is None:
            return ue.allowed_nssai[0] if ue.allowed_nssai else None
        return requested if requested in ue.allowed_nssai else None

    @staticmethod
    def _dnn(ue: UeContext, snssai: Snssai | None, requested: str) -> str | None:
        """The UE's choice if it is subscribed, or the default DNN of the slice."""
        if snssai is None:
            return None
        subscribed = () if ue.subscription is None else ue.subscription.dnns.get(snssai, ())
        if not subscribed:
            return requested or DEFAULT_DNN
        if not requested:
            return subscribed[0]
        return next((dnn for dnn in subscribed if dnn in (requested, "*")), None) and requested
