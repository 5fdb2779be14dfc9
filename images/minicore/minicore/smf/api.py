# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources of Nsmf_PDUSession (TS 29.502 clause 6.1.3). N1 and N2 parts are JSON here instead of NAS and NGAP."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from ..pfcp.codec import CodecError
from ..pfcp.endpoint import PfcpTimeout
from ..pfcp.ies import Cause, Teid, UeAddress
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.router import Router
from .contexts import AddressPool, ContextStore, PoolExhausted, SmContext
from .n4 import N4Client, N4Error, NoUpf
from .n4_rules import SessionPlan

log = logging.getLogger(__name__)

CONTEXTS = "/nsmf-pdusession/v1/sm-contexts"
CONTEXT = CONTEXTS + "/{smContextRef}"

# Not of 3GPP: how many updates this context has had; a copy that lags behind would tell a smaller number.
UPDATES_HEADER = "minicore-updates"

SETUP_RESPONSE, PATH_SWITCH = "PDU_RES_SETUP_RSP", "PATH_SWITCH_REQ"

T = TypeVar("T")


class SmfApi:
    def __init__(self, contexts: ContextStore, pool: AddressPool, n4: N4Client, root: Callable[[], str]) -> None:
        self._contexts = contexts
        self._pool = pool
        self._n4 = n4
        self._root = root

    def add_routes(self, router: Router) -> None:
        router.add("POST", CONTEXTS, self.create)
        router.add("POST", CONTEXT + "/modify", self.modify)
        router.add("POST", CONTEXT + "/release", self.release)

    async def create(self, request: Request) -> Response:
        """Clause 5.2.2.2. A context of the same UE and PDU session id is replaced: its UE has forgotten it."""
        data = request.json_object()
        supi, session_id = _need(data, "supi", str), _need(data, "pduSessionId", int)
        dnn = _need(data, "dnn", str)
        snssai = _need(data, "sNssai", dict)
        ref = self._contexts.allocate_ref()
        try:
            upf = self._n4.choose_upf()
            address = self._pool.allocate()
        except NoUpf as error:
            raise Problem(504, "UPF_NOT_RESPONDING", "no PFCP association") from error
        except PoolExhausted as error:
            raise Problem(500, "INSUFFICIENT_RESOURCES", "no UE address is left") from error
        try:
            up_seid, uplink = await self._n4.establish(upf, ref, SessionPlan(UeAddress(address)))
        except (PfcpTimeout, NoUpf, N4Error, CodecError) as error:
            self._pool.release(address)
            raise _n4_problem(error) from error
        slice_text = f"{snssai.get('sst')}-{snssai.get('sd', '')}"
        context = SmContext(str(ref), supi, session_id, dnn, slice_text, address, upf, ref, up_seid, uplink)
        context.up_cnx_state = "ACTIVATING"
        older = self._contexts.put(context)
        if older is not None:
            await self._drop(older)
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
            {"location": f"{self._root()}{CONTEXTS}/{ref}"},
        )

    async def modify(self, request: Request, ref: str) -> Response:
        """Clause 5.2.2.3: the gNB's tunnel (set-up response, path switch), or activation and deactivation."""
        context = self._find(ref)
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
        await self._drop(context)
        return Response(204)

    def forget_upf(self, contexts: list[SmContext]) -> None:
        """The sessions of a UPF that lost them."""
        for context in contexts:
            self._pool.release(context.ue_address)

    def _find(self, ref: str) -> SmContext:
        context = self._contexts.by_ref.get(ref)
        if context is None:
            raise Problem(404, "CONTEXT_NOT_FOUND", f"no SM context {ref}")
        return context

    async def _set_downlink(self, context: SmContext, gnb: Teid | None) -> None:
        try:
            await self._n4.set_downlink(context.upf, context.up_seid, gnb)
        except (PfcpTimeout, NoUpf, N4Error, CodecError) as error:
            raise _n4_problem(error) from error
        if gnb is not None:
            context.downlink = gnb

    async def _drop(self, context: SmContext) -> None:
        """Delete the N4 session of a context that is not in the store any more."""
        async with context.lock:
            try:
                await self._n4.delete(context.upf, context.up_seid)
            except (PfcpTimeout, NoUpf, N4Error, CodecError) as error:
                log.warning("N4 session %s not deleted: %s", context.up_seid, error)
        self._pool.release(context.ue_address)


def _need(data: dict[str, Any], name: str, kind: type[T]) -> T:
    value = data.get(name)
    if value is None:
        raise Problem(400, "MANDATORY_IE_MISSING", name)
    if not isinstance(value, kind):
        raise Problem(400, "MANDATORY_IE_INCORRECT", name)
    return value


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
