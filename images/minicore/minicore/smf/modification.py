# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a session with real N1 and N2: user plane, path switch, release (TS 29.502 clause 5.2.2.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ..nas import NasDecodeError, SmCause
from ..nas.gsm import PduSessionReleaseComplete, PduSessionReleaseRequest, SmStatus
from ..ngap.errors import NgapError
from ..pfcp.ies import SEND_END_MARKERS, Teid
from ..sbi import multipart
from ..sbi.message import Problem, Request, Response, SbiError, json_response
from . import sm_messages
from .consumers import N1_ID, N2_ID, RELEASE, SETUP
from .contexts import N1N2State, SmContext
from .n4 import N4_FAILURES
from .resources import PATH_SWITCH, SETUP_RESPONSE, UPDATES_HEADER, part
from .sessions import Sessions, note

T3592_S = 16.0
"""How long a release command waits for the UE (TS 24.501 table 10.3.2); the session ends with it."""

_LOST_TUNNEL = frozenset({"PDU_RES_SETUP_FAIL", "PATH_SWITCH_SETUP_FAIL"})
_RELEASED = "PDU_RES_REL_RSP"
_MODIFIED, _NOT_MODIFIED = "PDU_RES_MOD_RSP", "PDU_RES_MOD_FAIL"


class Modification:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._change_tunnel: Callable[[SmContext], Coroutine[None, None, None]]

    def on_stale_tunnel(self, change_tunnel: Callable[[SmContext], Coroutine[None, None, None]]) -> None:
        """What to do with a session whose gNB was given a tunnel that is not there any more."""
        self._change_tunnel = change_tunnel

    async def modify(self, context: SmContext, state: N1N2State, request: Request) -> Response:
        """SmContextUpdateData with an N1 part, an N2 part, or the state of the user plane."""
        data, parts = request.parts()
        context.updates += 1
        if "n1SmMsg" in data:
            return await self._n1(context, state, part(data, parts, "n1SmMsg"))
        if "n2SmInfoType" in data:
            return await self._n2(context, state, str(data["n2SmInfoType"]), part(data, parts, "n2SmInfo"))
        match data.get("upCnxState"):
            case "DEACTIVATED":
                await self._set_downlink(context, None)
                return _answer(context)
            case "ACTIVATING":
                if state.releasing is not None:
                    raise Problem(403, "SESSION_RELEASING", "the UE was sent a release command")
                async with context.lock:
                    if context.up_cnx_state != "ACTIVATED":
                        context.up_cnx_state = "ACTIVATING"
                        context.offer(asyncio.get_running_loop().time())
                    return _answer(context, n2=sm_messages.setup_request(context, state), n2_type=SETUP)
        raise Problem(400, "MANDATORY_IE_MISSING", "n1SmMsg, n2SmInfoType or upCnxState")

    async def release_by_network(self, context: SmContext, cause: SmCause) -> None:
        """Network-requested release (TS 23.502 clause 4.3.4.2): stop the traffic, then tell UE and gNB."""
        state = context.n1n2
        if state is None or state.releasing is not None or context not in self._sessions.contexts:
            return
        command = await self._begin_release(context, state, 0, cause)
        try:
            await self._sessions.consumers.transfer(
                context, state.amf, n1=command, n2=sm_messages.release_transfer(), n2_type=RELEASE
            )
        except SbiError as error:
            note(error, context)
            await self._sessions.end(context)

    async def _n1(self, context: SmContext, state: N1N2State, n1: bytes) -> Response:
        session_id = context.pdu_session_id
        try:
            message = sm_messages.read_n1(n1)
        except NasDecodeError as error:
            return _answer(context, n1=sm_messages.status(session_id, sm_messages.pti_of(n1), error.cause))
        if isinstance(message, PduSessionReleaseRequest):
            # One that is repeated gets the command again (TS 24.501 clause 6.4.3.5).
            command = await self._begin_release(context, state, message.pti, SmCause.REGULAR_DEACTIVATION)
            return _answer(context, n1=command, n2=sm_messages.release_transfer(), n2_type=RELEASE)
        if isinstance(message, PduSessionReleaseComplete):
            if state.releasing is not None:
                self._sessions.start(self._sessions.end(context))
            return Response(204)
        if isinstance(message, SmStatus):
            return Response(204)
        cause = SmCause.MESSAGE_TYPE_NOT_COMPATIBLE
        return _answer(context, n1=sm_messages.status(session_id, message.pti, cause))

    async def _n2(self, context: SmContext, state: N1N2State, kind: str, n2: bytes) -> Response:
        try:
            if kind == SETUP_RESPONSE:
                offered = context.offered
                await self._set_downlink(context, sm_messages.read_setup_response(n2))
                if offered is not None and offered[0] != context.uplink:
                    # The session has moved to another UPF since.
                    self._sessions.start(self._change_tunnel(context))
                return _answer(context)
            if kind == PATH_SWITCH:
                await self._set_downlink(context, sm_messages.read_path_switch(n2), SEND_END_MARKERS)
                acknowledge = sm_messages.path_switch_acknowledge(context)
                return _answer(context, n2=acknowledge, n2_type="PATH_SWITCH_REQ_ACK")
        except NgapError as error:
            raise Problem(403, "N2_SM_ERROR", str(error)) from error
        if kind in _LOST_TUNNEL:
            await self._set_downlink(context, None)
            return _answer(context)
        if kind == _MODIFIED:
            context.modified(True)
            return _answer(context)
        if kind == _NOT_MODIFIED:
            context.modified(False)
            return _answer(context)
        if kind == _RELEASED:
            return Response(204)
        raise Problem(400, "MANDATORY_IE_INCORRECT", f"n2SmInfoType {kind}")

    async def _set_downlink(self, context: SmContext, gnb: Teid | None, flags: int = 0) -> None:
        """Forward to the gNB, or buffer and hear of the first packet; nothing if the session ends."""
        async with context.lock:
            if context.up_seid:
                try:
                    await self._sessions.n4.set_downlink(context.upf, context.up_seid, gnb, True, flags)
                except N4_FAILURES as error:
                    raise Problem(504, "UPF_NOT_RESPONDING", str(error)) from error
            context.downlink = gnb
            context.offered = None
            context.up_cnx_state = "DEACTIVATED" if gnb is None else "ACTIVATED"
            # Without a gNB, or with another one, nobody sends to the former tunnel of the UPF any more.
            context.modified(True)

    async def _begin_release(self, context: SmContext, state: N1N2State, pti: int, cause: SmCause) -> bytes:
        """Delete the N4 session and start T3592; return the release command."""
        async with context.lock:
            await self._sessions.end_n4(context)
            context.up_cnx_state = "DEACTIVATED"
        if state.releasing is None:
            loop = asyncio.get_running_loop()
            state.releasing = loop.call_later(T3592_S, self._expired, context)
        return sm_messages.release_command(context.pdu_session_id, pti, cause)

    def _expired(self, context: SmContext) -> None:
        self._sessions.start(self._sessions.end(context))


def _answer(context: SmContext, *, n1: bytes = b"", n2: bytes = b"", n2_type: str = "") -> Response:
    """SmContextUpdatedData (TS 29.502 clause 6.1.6.2.4)."""
    data: dict[str, Any] = {"upCnxState": context.up_cnx_state}
    headers = {UPDATES_HEADER: str(context.updates)}
    parts: dict[str, tuple[str, bytes]] = {}
    if n1:
        data["n1SmMsg"] = {"contentId": N1_ID}
        parts[N1_ID] = (multipart.N1_TYPE, n1)
    if n2:
        data["n2SmInfo"] = {"contentId": N2_ID}
        data["n2SmInfoType"] = n2_type
        parts[N2_ID] = (multipart.N2_TYPE, n2)
    if not parts:
        return json_response(data, 200, headers)
    headers["content-type"], body = multipart.encode(data, parts)
    return Response(200, headers, body)
