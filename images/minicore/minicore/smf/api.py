# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources of Nsmf_PDUSession (TS 29.502 clause 6.1.3).

A create with an N1 part is one of a real UE. Without it N1 and N2 parts are JSON, as the load driver `ran` sends them.
"""

from __future__ import annotations

from typing import Any

from ..nas.qos import PduSessionType
from ..pfcp.codec import CodecError
from ..pfcp.ies import Cause, Teid, UeAddress
from ..sbi.fields import need
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.router import Router
from .contexts import PoolExhausted, SmContext
from .establishment import Establishment
from .modification import Modification
from .n4 import N4_FAILURES, N4Error, NoUpf
from .n4_rules import SessionPlan
from .resources import CONTEXT, CONTEXTS, PATH_SWITCH, SETUP_RESPONSE, UPDATES_HEADER
from .sessions import Sessions

__all__ = ["CONTEXTS", "SmfApi"]


class SmfApi:
    def __init__(self, sessions: Sessions, establishment: Establishment, modification: Modification) -> None:
        self._sessions = sessions
        self._establishment = establishment
        self._modification = modification
        self._contexts = sessions.contexts
        self._n4 = sessions.n4

    def add_routes(self, router: Router) -> None:
        router.add("POST", CONTEXTS, self.create)
        router.add("POST", CONTEXT + "/modify", self.modify)
        router.add("POST", CONTEXT + "/release", self.release)

    async def create(self, request: Request) -> Response:
        """Clause 5.2.2.2. A context of the same UE and PDU session id is replaced: its UE has forgotten it."""
        if "multipart/related" in request.headers.get("content-type", ""):
            return await self._establishment.create(request)
        data = request.json_object()
        supi, session_id = need(data, "supi", str), need(data, "pduSessionId", int)
        dnn = need(data, "dnn", str)
        snssai = need(data, "sNssai", dict)
        ref = self._contexts.allocate_ref()
        try:
            upf = self._n4.choose_upf()
            address = self._sessions.allocate(PduSessionType.IPV4).ipv4
        except NoUpf as error:
            raise Problem(504, "UPF_NOT_RESPONDING", "no PFCP association") from error
        except PoolExhausted as error:
            raise Problem(500, "INSUFFICIENT_RESOURCES", "no UE address is left") from error
        try:
            up_seid, uplink = await self._n4.establish(upf, ref, SessionPlan(UeAddress(address)))
        except N4_FAILURES as error:
            self._sessions.give_back(UeAddress(address))
            raise _n4_problem(error) from error
        slice_text = f"{snssai.get('sst')}-{snssai.get('sd', '')}"
        context = SmContext(str(ref), supi, session_id, dnn, slice_text, address, upf, ref, up_seid, uplink)
        context.up_cnx_state = "ACTIVATING"
        older = self._contexts.put(context)
        if older is not None:
            await self._sessions.drop(older)
        return json_response(
            {
                "pduSessionId": session_id,
                "sNssai": snssai,
                "upCnxState": context.up_cnx_state,
                "n1SmMsg": {"pduSessionType": "IPV4", "pduAddress": address},
                "n2SmInfoType": "PDU_RES_SETUP_REQ",
                "n2SmInfo": _uplink_info(context),
            },
            201,
            {"location": f"{self._sessions.root()}{CONTEXTS}/{ref}"},
        )

    async def modify(self, request: Request, ref: str) -> Response:
        """Clause 5.2.2.3: the gNB's tunnel (set-up response, path switch), or activation and deactivation."""
        context = self._find(ref)
        if context.n1n2 is not None:
            return await self._modification.modify(context, context.n1n2, request)
        data = request.json_object()
        kind = data.get("n2SmInfoType")
        async with context.lock:
            answer: dict[str, Any] = {}
            if kind in (SETUP_RESPONSE, PATH_SWITCH):
                await self._set_downlink(context, _read_tunnel(data))
                context.up_cnx_state = "ACTIVATED"
                if kind == PATH_SWITCH:
                    answer = {"n2SmInfoType": "PATH_SWITCH_REQ_ACK", "n2SmInfo": _uplink_info(context)}
            elif data.get("upCnxState") == "DEACTIVATED":
                await self._set_downlink(context, None)
                context.up_cnx_state = "DEACTIVATED"
            elif data.get("upCnxState") == "ACTIVATING":
                context.up_cnx_state = "ACTIVATING"
                answer = {"n2SmInfoType": "PDU_RES_SETUP_REQ", "n2SmInfo": _uplink_info(context)}
            else:
                raise Problem(400, "MANDATORY_IE_MISSING", "n2SmInfoType or upCnxState")
            context.updates += 1
            answer["upCnxState"] = context.up_cnx_state
            return json_response(answer, 200, {UPDATES_HEADER: str(context.updates)})

    async def release(self, request: Request, ref: str) -> Response:
        """Clause 5.2.2.4."""
        context = self._find(ref)
        self._contexts.remove(context)
        await self._sessions.drop(context)
        return Response(204)

    def _find(self, ref: str) -> SmContext:
        context = self._contexts.by_ref.get(ref)
        if context is None:
            raise Problem(404, "CONTEXT_NOT_FOUND", f"no SM context {ref}")
        return context

    async def _set_downlink(self, context: SmContext, gnb: Teid | None) -> None:
        try:
            await self._n4.set_downlink(context.upf, context.up_seid, gnb)
        except N4_FAILURES as error:
            raise _n4_problem(error) from error
        if gnb is not None:
            context.downlink = gnb


def _uplink_info(context: SmContext) -> dict[str, Any]:
    """The UPF's tunnel as TunnelInfo (clause 6.1.6.2.30)."""
    return {
        "ulNguUpTnlInformation": {
            "ipv4Addr": context.uplink.address,
            "gtpTeid": f"{context.uplink.teid:08x}",
        },
        "qosFlowIdentifier": 1,
    }


def _read_tunnel(data: dict[str, Any]) -> Teid:
    try:
        tunnel = data["n2SmInfo"]["dlNguUpTnlInformation"]
        return Teid(int(tunnel["gtpTeid"], 16), str(tunnel["ipv4Addr"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(400, "MANDATORY_IE_INCORRECT", "n2SmInfo.dlNguUpTnlInformation") from error


def _n4_problem(error: Exception) -> Problem:
    if isinstance(error, N4Error) and error.cause == Cause.SESSION_CONTEXT_NOT_FOUND:
        return Problem(404, "CONTEXT_NOT_FOUND", "the UPF has lost the session")
    if isinstance(error, (N4Error, CodecError)):
        return Problem(504, "NETWORK_FAILURE", str(error))
    return Problem(504, "UPF_NOT_RESPONDING", str(error) or "no PFCP association")
