# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PDU session establishment with real N1 and N2 (TS 23.502 clause 4.3.2.2.1, TS 29.502 clause 5.2.2.2)."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

from ..nas import NasDecodeError, SmCause
from ..nas.gsm import PduSessionEstablishmentRequest
from ..nas.values import MAX_SESSION_ID
from ..pfcp.ies import Teid
from ..sbi import multipart
from ..sbi.fields import SUPI, need, need_integer, need_matching, snssai
from ..sbi.message import Refused, Request, Response, SbiError, json_response
from . import sm_messages
from .consumers import N1_ID, SETUP
from .contexts import N1N2State, PoolExhausted, SmContext
from .n4 import N4_FAILURES, NoUpf
from .resources import CONTEXTS, POLICY_CALLBACK, part
from .sessions import Sessions, note
from .subscription import SmRejected

log = logging.getLogger(__name__)

_DNN = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
_NO_TUNNEL = Teid(0, "0.0.0.0")
_INTERFACE_ID = 1 << 32
"""Above it the interface identifiers begin, so that none is the router's."""


class Establishment:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def create(self, request: Request) -> Response:
        """201 as soon as the session is allowed; the accept follows by N1N2MessageTransfer.

        A context of the same UE and PDU session id is replaced: its UE has forgotten it.
        """
        data, parts = request.parts()
        need_matching(data, "supi", SUPI)
        session_id = need_integer(data, "pduSessionId", 1, MAX_SESSION_ID)
        snssai(need(data, "sNssai", dict), "sNssai")
        n1 = part(data, parts, "n1SmMsg")
        pti = 0
        try:
            message = sm_messages.read_n1(n1)
            pti = message.pti
            if not isinstance(message, PduSessionEstablishmentRequest):
                raise SmRejected(SmCause.MESSAGE_TYPE_NOT_COMPATIBLE, type(message).__name__, problem="N1_SM_ERROR")
            if message.pdu_session_id != session_id:
                raise SmRejected(SmCause.INVALID_SESSION_IDENTITY, str(session_id), problem="N1_SM_ERROR")
            context = await self._allow(data, message)
        except NasDecodeError as error:
            refused = SmRejected(SmCause(error.cause), str(error), problem="N1_SM_ERROR")
            return _refusal(refused, sm_messages.establishment_reject(session_id, sm_messages.pti_of(n1), error.cause))
        except SmRejected as error:
            log.info("%s/%d: %s", data["supi"], session_id, error)
            return _refusal(error, sm_messages.establishment_reject(session_id, pti, error.cause))
        older = self._sessions.contexts.put(context)
        if older is not None:
            self._sessions.start(self._sessions.drop(older, is_replaced=True))
        self._sessions.start(self._establish(context))
        return json_response(
            {"pduSessionId": session_id, "sNssai": context.slice_json(), "upCnxState": context.up_cnx_state},
            201,
            {"location": f"{self._sessions.root()}{CONTEXTS}/{context.ref}"},
        )

    async def _allow(self, data: dict[str, Any], message: PduSessionEstablishmentRequest) -> SmContext:
        """The context of a session that the subscription allows and for which there is an address and a UPF."""
        dnn = data.get("dnn")
        if not isinstance(dnn, str) or not _DNN.fullmatch(dnn):
            raise SmRejected(SmCause.MISSING_OR_UNKNOWN_DNN, "no DNN", problem="DNN_DENIED")
        try:
            subscription = await self._sessions.consumers.subscription(data["supi"], data["sNssai"], dnn)
        except SbiError as error:
            raise SmRejected(SmCause.NETWORK_FAILURE, str(error), 504, "NETWORK_FAILURE") from error
        session_type, type_cause = subscription.choose_type(message.session_type)
        ssc_mode = subscription.choose_ssc_mode(message.ssc_mode)
        try:
            upf = self._sessions.n4.choose_upf()
            address = self._sessions.allocate(session_type)
        except NoUpf as error:
            raise SmRejected(SmCause.NETWORK_FAILURE, "no PFCP association", 504, "UPF_NOT_RESPONDING") from error
        except PoolExhausted as error:
            detail = "no UE address is left"
            raise SmRejected(SmCause.INSUFFICIENT_RESOURCES, detail, 500, "INSUFFICIENT_RESOURCES") from error
        ref = self._sessions.contexts.allocate_ref()
        state = N1N2State(
            message.pti,
            str(data.get("servingNfId", "")),
            str(data.get("smContextStatusUri", "")),
            ssc_mode,
            subscription.qos,
            type_cause,
            (_INTERFACE_ID + ref).to_bytes(8, "big") if address.prefix else b"",
        )
        return SmContext(
            str(ref),
            data["supi"],
            message.pdu_session_id,
            dnn,
            f"{data['sNssai'].get('sst')}-{data['sNssai'].get('sd', '')}",
            address.ipv4,
            upf,
            ref,
            0,
            _NO_TUNNEL,
            up_cnx_state="ACTIVATING",
            pdu_type=session_type.name,
            ue_prefix=address.prefix,
            n1n2=state,
        )

    async def _establish(self, context: SmContext) -> None:
        """Policy, registration and N4, then the accept to the UE and the request to its gNB."""
        state = context.n1n2
        assert state is not None
        try:
            async with context.lock:
                await self._prepare(context, state)
                if not self._sessions.n4.is_usable(context.upf):
                    # It asked for its release since it was chosen.
                    context.upf = self._sessions.n4.choose_upf()
                context.up_seid, context.uplink = await self._sessions.n4.establish(
                    context.upf, context.cp_seid, self._sessions.plan(context)
                )
        except (SbiError, *N4_FAILURES) as error:
            is_denied = isinstance(error, Refused) and error.status == 403
            cause = SmCause.REQUEST_REJECTED if is_denied else SmCause.NETWORK_FAILURE
            await self._give_up(context, state, cause, error)
            return
        except Exception as error:  # nobody foresaw it: another NF's answer, for example; the UE must not wait for it
            log.exception("%s/%d", context.supi, context.pdu_session_id)
            await self._give_up(context, state, SmCause.NETWORK_FAILURE, error)
            return
        if context not in self._sessions.contexts:
            # Released or replaced meanwhile; whoever did it waits for the lock to delete the N4 session.
            return
        accept = sm_messages.establishment_accept(context, state)
        context.offer(asyncio.get_running_loop().time())
        try:
            await self._sessions.consumers.transfer(
                context, state.amf, n1=accept, n2=sm_messages.setup_request(context, state), n2_type=SETUP
            )
        except SbiError as error:
            log.warning("%s/%d is not accepted by the AMF: %s", context.supi, context.pdu_session_id, error)
            await self._sessions.end(context)

    async def _prepare(self, context: SmContext, state: N1N2State) -> None:
        callback = self._sessions.root() + POLICY_CALLBACK.format(smContextRef=context.ref)
        policy, registration = await asyncio.gather(
            self._sessions.consumers.policy(context, context.slice_json(), state.qos, callback),
            self._sessions.register(context),
            return_exceptions=True,
        )
        state.is_registered = registration is None
        if not isinstance(policy, BaseException):
            state.policy_uri, state.qos = policy
        for error in (policy, registration):
            if isinstance(error, BaseException):
                raise error

    async def _give_up(self, context: SmContext, state: N1N2State, cause: SmCause, error: Exception) -> None:
        """After the 201: the reject goes to the UE, the AMF is told to forget the session (step 11 and after)."""
        log.warning("%s/%d not established: %s", context.supi, context.pdu_session_id, error)
        if context not in self._sessions.contexts:
            return
        reject = sm_messages.establishment_reject(context.pdu_session_id, state.pti, cause)
        try:
            await self._sessions.consumers.transfer(context, state.amf, n1=reject)
        except SbiError as failure:
            note(failure, context)
        await self._sessions.end(context)


def _refusal(error: SmRejected, n1: bytes) -> Response:
    """SmContextCreateError (TS 29.502 clause 6.1.6.2.5) with the message for the UE."""
    problem = {"status": error.status, "cause": error.problem, "detail": error.detail}
    content_type, body = multipart.encode(
        {"error": problem, "n1SmMsg": {"contentId": N1_ID}}, {N1_ID: (multipart.N1_TYPE, n1)}
    )
    return Response(error.status, {"content-type": content_type}, body)
