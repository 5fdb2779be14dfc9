# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nudm_UEContextManagement (TS 29.503 clause 5.3): which AMF serves a UE, and which SMF each PDU session."""

from __future__ import annotations

from typing import Any

from ..nf import NetworkFunction
from ..sbi.fields import document, need, need_integer, need_uri, optional, pdu_session_id, snssai
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.notifier import Notifier
from ..sbi.router import Router
from .store import Store

REGISTRATIONS = "/nudm-uecm/v1/{supi}/registrations"
AMF = REGISTRATIONS + "/amf-3gpp-access"
SMFS = REGISTRATIONS + "/smf-registrations"
SMF = SMFS + "/{pduSessionId}"


class UeContextManagement:
    def __init__(self, nf: NetworkFunction, store: Store, notifier: Notifier) -> None:
        self._nf = nf
        self._store = store
        self._notifier = notifier

    def add_routes(self, router: Router) -> None:
        router.add("PUT", AMF, self.register_amf)
        router.add("PATCH", AMF, self.update_amf)
        router.add("GET", AMF, self.get_amf)
        router.add("GET", SMFS, self.list_smfs)
        router.add("PUT", SMF, self.register_smf)
        router.add("GET", SMF, self.get_smf)
        router.add("DELETE", SMF, self.deregister_smf)

    async def register_amf(self, request: Request, supi: str) -> Response:
        """Amf3GppAccessRegistration (clause 5.3.2.2.2). The AMF that served the UE before is told to forget it."""
        data = document(request)
        instance = need(data, "amfInstanceId", str)
        need_uri(data, "deregCallbackUri")
        need(data, "guami", dict)
        need(data, "ratType", str)
        initial = optional(data, "initialRegistrationInd", bool)
        former = await self._store.put_amf(supi, data)
        if former is None:
            return json_response(data, 201, {"location": self._nf.root + AMF.format(supi=supi)})
        if former.get("amfInstanceId") != instance:
            reason = "UE_INITIAL_REGISTRATION" if initial else "UE_REGISTRATION_AREA_CHANGE"
            self._deregister(former, reason, data["guami"])
        return json_response(data)

    async def update_amf(self, request: Request, supi: str) -> Response:
        """Amf3GppAccessRegistrationModification (clause 5.3.2.6.2); `purgeFlag` ends the registration."""
        data = document(request)
        guami = need(data, "guami", dict)
        purge = optional(data, "purgeFlag", bool)
        registration = await self._amf(supi)
        if registration.get("guami") != guami:
            raise Problem(403, "INVALID_GUAMI", "another AMF serves the UE")
        if purge:
            await self._store.delete_amf(supi)
        else:
            await self._store.put_amf(supi, {**registration, **data})
        return Response(204)

    async def get_amf(self, request: Request, supi: str) -> Response:
        return json_response(await self._amf(supi))

    async def list_smfs(self, request: Request, supi: str) -> Response:
        """SmfRegistrationInfo (clause 5.3.2.5.4)."""
        registrations = await self._store.smfs(supi)
        if not registrations:
            raise Problem(404, "CONTEXT_NOT_FOUND", "no SMF is registered")
        return json_response({"smfRegistrationList": registrations})

    async def register_smf(self, request: Request, supi: str, session: str) -> Response:
        """SmfRegistration (clause 5.3.2.2.4)."""
        data = document(request)
        number = pdu_session_id(session)
        need(data, "smfInstanceId", str)
        if need_integer(data, "pduSessionId", 0, 255) != number:
            raise Problem(400, "MANDATORY_IE_INCORRECT", "pduSessionId differs from the resource")
        snssai(need(data, "singleNssai", dict), "singleNssai")
        if await self._store.put_smf(supi, number, data):
            location = self._nf.root + SMF.format(supi=supi, pduSessionId=number)
            return json_response(data, 201, {"location": location})
        return json_response(data)

    async def get_smf(self, request: Request, supi: str, session: str) -> Response:
        registration = await self._store.smf(supi, pdu_session_id(session))
        if registration is None:
            raise Problem(404, "CONTEXT_NOT_FOUND", f"no SMF is registered for PDU session {session}")
        return json_response(registration)

    async def deregister_smf(self, request: Request, supi: str, session: str) -> Response:
        """Clause 5.3.2.4.4."""
        if not await self._store.delete_smf(supi, pdu_session_id(session)):
            raise Problem(404, "CONTEXT_NOT_FOUND", f"no SMF is registered for PDU session {session}")
        return Response(204)

    async def _amf(self, supi: str) -> dict[str, Any]:
        registration = await self._store.amf(supi)
        if registration is None:
            raise Problem(404, "CONTEXT_NOT_FOUND", "no AMF is registered")
        return registration

    def _deregister(self, former: dict[str, Any], reason: str, new_guami: dict[str, Any]) -> None:
        """DeregistrationData to the AMF before (clause 5.3.2.3.2)."""
        uri = former.get("deregCallbackUri")
        if isinstance(uri, str):
            body = {"deregReason": reason, "accessType": "3GPP_ACCESS", "newGuami": new_guami}
            self._notifier.send(uri, body)
