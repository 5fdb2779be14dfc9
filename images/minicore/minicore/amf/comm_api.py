# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namf_Communication, and the notifications that the AMF asked for (TS 29.518 clause 6.1)."""

from __future__ import annotations

import itertools
from typing import Any

from ..sbi import multipart
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.router import Router
from . import callbacks
from .callbacks import Callbacks
from .deliveries import MODIFY, N2_TYPES, Deliveries
from .deregistration import Deregistration
from .lifecycle import Lifecycle
from .sessions import Sessions
from .ue_context import Delivery, UeContext, UeStore

UE_CONTEXT = "/namf-comm/v1/ue-contexts/{ueContextId}"


class CommApi:
    def __init__(
        self,
        ues: UeStore,
        deliveries: Deliveries,
        sessions: Sessions,
        deregistration: Deregistration,
        lifecycle: Lifecycle,
        addresses: Callbacks,
    ) -> None:
        self._ues = ues
        self._deliveries = deliveries
        self._sessions = sessions
        self._deregistration = deregistration
        self._lifecycle = lifecycle
        self._addresses = addresses
        self._numbers = itertools.count(1)

    def add_routes(self, router: Router) -> None:
        router.add("POST", UE_CONTEXT + "/n1-n2-messages", self.transfer)
        router.add("GET", "/minicore/v1/ues/{supi}", self.show)
        router.add("POST", callbacks.DEREGISTRATION, self.deregistered)
        router.add("POST", callbacks.SUBSCRIBER_DATA, self.data_changed)
        router.add("POST", callbacks.POLICY + "/update", self.policy_changed)
        router.add("POST", callbacks.POLICY + "/terminate", self.policy_ended)
        router.add("POST", callbacks.SESSION, self.session_changed)

    async def transfer(self, request: Request, supi: str) -> Response:
        """N1N2MessageTransfer (clause 5.2.2.3.1)."""
        ue = self._find(supi)
        delivery = self._read(ue, request)
        if delivery.n2_type == MODIFY and ue.connection is not None and ue.connection.is_switching:
            # Table 6.1.7.3-1: the SMF has to try it again.
            raise Problem(409, "TEMPORARY_REJECT_HANDOVER_ONGOING", supi)
        if self._deliveries.submit(ue, delivery):
            return json_response({"cause": "N1_N2_TRANSFER_INITIATED"})
        return json_response({"cause": "ATTEMPTING_TO_REACH_UE"}, 202, {"location": delivery.reference})

    async def show(self, request: Request, supi: str) -> Response:
        """Not of 3GPP: what a test compares before and after a migration."""
        return json_response(self._find(supi).describe())

    async def deregistered(self, request: Request, supi: str) -> Response:
        """DeregistrationData of the UDM (TS 29.503 clause 6.2.6.2.5): another AMF serves the UE, or nobody may."""
        reason = str(request.json_object().get("deregReason", ""))
        ue = self._ues.by_supi(supi)
        if ue is not None:
            self._lifecycle.begin(ue, self._deregistration.by_udm(ue, reason))
        return Response(204)

    async def data_changed(self, request: Request, supi: str) -> Response:
        """ModificationNotification of the UDM (TS 29.503 clause 6.1.6.2.21): the data is read again."""
        request.json_object()
        ue = self._ues.by_supi(supi)
        if ue is None:
            raise Problem(404, "CONTEXT_NOT_FOUND", supi)
        self._lifecycle.data_changed(ue)
        return Response(204)

    async def policy_changed(self, request: Request, supi: str) -> Response:
        """PolicyUpdate (TS 29.507 clause 4.2.4.2): there is nothing in it that this AMF enforces."""
        self._find(supi)
        return Response(204)

    async def policy_ended(self, request: Request, supi: str) -> Response:
        """TerminationNotification (TS 29.507 clause 4.2.4.3)."""
        self._lifecycle.policy_ended(self._find(supi))
        return Response(204)

    async def session_changed(self, request: Request, supi: str, number: str) -> Response:
        """SmContextStatusNotification (TS 29.502 clause 6.1.6.2.8)."""
        status = request.json_object().get("statusInfo")
        ue = self._ues.by_supi(supi)
        if ue is not None and isinstance(status, dict) and status.get("resourceStatus") == "RELEASED":
            for session in [session for session in ue.sessions.values() if str(session.number) == number]:
                self._sessions.forget(ue, session)
        return Response(204)

    def _find(self, supi: str) -> UeContext:
        ue = self._ues.by_supi(supi)
        if ue is None or not ue.is_registered:
            raise Problem(404, "CONTEXT_NOT_FOUND", supi)
        return ue

    def _read(self, ue: UeContext, request: Request) -> Delivery:
        """N1N2MessageTransferReqData (clause 6.1.6.2.18) and its binary parts."""
        try:
            data, parts = multipart.decode(request.headers.get("content-type", ""), request.body)
        except multipart.MultipartError as error:
            raise Problem(400, "INVALID_MSG_FORMAT", str(error)) from error
        n1 = self._part(data, parts, "n1MessageContainer", ("n1MessageContent",))
        n2 = self._part(data, parts, "n2InfoContainer", ("smInfo", "n2InfoContent", "ngapData"))
        n2_type = ""
        psi = data.get("pduSessionId")
        if n2:
            info = data["n2InfoContainer"]["smInfo"]
            n2_type = info["n2InfoContent"].get("ngapIeType", "")
            psi = info.get("pduSessionId", psi)
        if not (n1 or n2):
            raise Problem(400, "MANDATORY_IE_MISSING", "n1MessageContainer or n2InfoContainer")
        if n2_type not in N2_TYPES or bool(n2) != bool(n2_type):
            raise Problem(400, "MANDATORY_IE_INCORRECT", "ngapIeType")
        if not isinstance(psi, int):
            raise Problem(400, "MANDATORY_IE_MISSING", "pduSessionId")
        if psi not in ue.sessions:
            raise Problem(404, "CONTEXT_NOT_FOUND", f"{ue.supi} has no PDU session {psi}")
        failure_uri = data.get("n1n2FailureTxfNotifURI", "")
        if not isinstance(failure_uri, str):
            raise Problem(400, "OPTIONAL_IE_INCORRECT", "n1n2FailureTxfNotifURI")
        reference = f"{self._addresses.root}{request.path}/{next(self._numbers)}"
        return Delivery(psi, n1, n2, n2_type, failure_uri, reference)

    @staticmethod
    def _part(data: dict[str, Any], parts: dict[str, bytes], container: str, path: tuple[str, ...]) -> bytes:
        value: Any = data.get(container)
        if value is None:
            return b""
        try:
            for name in path:
                value = value[name]
            return parts[value["contentId"]]
        except (KeyError, TypeError) as error:
            raise Problem(400, "MANDATORY_IE_INCORRECT", f"{container}: {error}") from error
