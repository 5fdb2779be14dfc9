# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AUSF: Nausf_UEAuthentication (TS 29.509 clause 5.2) with 5G AKA."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from datetime import UTC, datetime
from typing import Any

from ..nf import NetworkFunction
from ..sbi.fields import need, need_matching, need_octets, optional
from ..sbi.message import Problem, Request, Response, SbiError, json_response
from ..sbi.router import Router
from ..security import keys
from ..settings import SBI_PORT, Environment, Settings
from .contexts import AuthenticationContext, ContextStore

log = logging.getLogger(__name__)

AUTHENTICATIONS = "/nausf-auth/v1/ue-authentications"
CONFIRMATION = AUTHENTICATIONS + "/{authCtxId}/5g-aka-confirmation"
CONTENT_TYPE = "application/3gppHal+json"
"""Media type of UEAuthenticationCtx (TS 29.509 clause 6.1.2.2.2)."""
LIFETIME_S = 60.0
"""The AMF waits 6 s for the UE four times (T3560 of TS 24.501 clause 10.2); the rest is for a move in between."""
_IDENTITY = re.compile(r"imsi-[0-9]{5,15}|suci-[0-9]-[0-9A-Za-z.-]{1,200}")
RELAYED = frozenset({403, 404, 501})
"""Statuses of the UDM that are the AUSF's as well, with their causes (TS 29.509 table 6.1.7.3-1)."""


class Ausf(NetworkFunction):
    """`MINICORE_AUSF_CONTEXT_S`: how long an authentication context lives."""

    nf_type = "AUSF"
    services = ("nausf-auth",)

    def __init__(self, settings: Settings, environment: Environment, sbi_port: int = SBI_PORT) -> None:
        super().__init__(settings, environment, sbi_port)
        self.contexts = ContextStore(environment.number("AUSF_CONTEXT_S", LIFETIME_S))
        self._serving_network = keys.serving_network_name(settings.mcc, settings.mnc)
        self._events: set[asyncio.Task[None]] = set()
        self._failed = 0

    def add_routes(self, router: Router) -> None:
        router.add("POST", AUTHENTICATIONS, self.authenticate)
        router.add("PUT", CONFIRMATION, self.confirm)
        router.add("DELETE", CONFIRMATION, self.delete)

    def state(self) -> dict[str, Any]:
        return {
            "authentications": len(self.contexts),
            "confirmed": self.contexts.confirmed(),
            "expired": self.contexts.expired,
            "failed": self._failed,
            "digest": self.contexts.digest(),
        }

    async def stop(self) -> None:
        self.contexts.stop()
        for task in self._events:
            task.cancel()
        await super().stop()

    async def authenticate(self, request: Request) -> Response:
        """AuthenticationInfo to UEAuthenticationCtx (clause 5.2.2.2.2)."""
        data = request.json_object()
        identity = need_matching(data, "supiOrSuci", _IDENTITY)
        network = need(data, "servingNetworkName", str)
        resynchronisation = optional(data, "resynchronizationInfo", dict)
        if resynchronisation is not None:
            need_octets(resynchronisation, "rand", 16)
            need_octets(resynchronisation, "auts", 14)
        if network != self._serving_network:
            raise Problem(403, "SERVING_NETWORK_NOT_AUTHORIZED", network[:80])
        vector = await self._vector(identity, network, resynchronisation)
        try:
            supi, av = str(vector["supi"]), vector["authenticationVector"]
            rand, autn = bytes.fromhex(av["rand"]), bytes.fromhex(av["autn"])
            xres_star, k_ausf = bytes.fromhex(av["xresStar"]), bytes.fromhex(av["kausf"])
        except (KeyError, TypeError, ValueError) as error:
            raise Problem(500, "AV_GENERATION_PROBLEM", "the UDM's vector is malformed") from error
        context = self.contexts.add(supi, network, rand, xres_star, keys.k_seaf(k_ausf, network))
        location = f"{self.root}{AUTHENTICATIONS}/{context.context_id}"
        body = {
            "authType": "5G_AKA",
            "5gAuthData": {
                "rand": rand.hex(),
                "autn": autn.hex(),
                "hxresStar": keys.hxres_star(rand, xres_star).hex(),
            },
            "_links": {"5g-aka": {"href": f"{location}/5g-aka-confirmation"}},
            "servingNetworkName": network,
        }
        return json_response(body, 201, {"location": location, "content-type": CONTENT_TYPE})

    async def confirm(self, request: Request, context_id: str) -> Response:
        """ConfirmationData to ConfirmationDataResponse (clause 5.2.2.2.2). A null RES* reports a failure.

        A success that is asked for again is answered again: the first answer may have been lost. A failure ends the
        context.
        """
        context = self._find(context_id)
        data = request.json_object()
        if "resStar" not in data:
            raise Problem(400, "MANDATORY_IE_MISSING", "resStar")
        res_star = None if data["resStar"] is None else need_octets(data, "resStar", 16)
        if res_star is None or not hmac.compare_digest(res_star, context.xres_star):
            self.contexts.remove(context_id)
            self._failed += 1
            self._report(context, success=False)
            return json_response({"authResult": "AUTHENTICATION_FAILURE"})
        if not context.confirmed:
            context.confirmed = True
            self._report(context, success=True)
        return json_response(
            {"authResult": "AUTHENTICATION_SUCCESS", "supi": context.supi, "kseaf": context.k_seaf.hex()}
        )

    async def delete(self, request: Request, context_id: str) -> Response:
        """Removal of the result (clause 5.2.2.2.5): the context ends here, and the UDM forgets the event."""
        context = self._find(context_id)
        self.contexts.remove(context_id)
        if context.confirmed:
            self._in_background("PUT", f"/nudm-ueau/v1/{context.supi}/auth-events/1", self._event(context, True, True))
        return Response(204)

    def _find(self, context_id: str) -> AuthenticationContext:
        context = self.contexts.get(context_id)
        if context is None:
            raise Problem(404, "CONTEXT_NOT_FOUND", "no such authentication, or it has ended")
        return context

    async def _vector(self, identity: str, network: str, resynchronisation: dict[str, Any] | None) -> dict[str, Any]:
        """AuthenticationInfoResult of the UDM (TS 29.503 clause 5.4.2.2)."""
        body: dict[str, Any] = {"servingNetworkName": network, "ausfInstanceId": self.settings.instance_id}
        if resynchronisation is not None:
            body["resynchronizationInfo"] = {name: resynchronisation[name] for name in ("rand", "auts")}
        path = f"/nudm-ueau/v1/{identity}/security-information/generate-auth-data"
        try:
            response = await self.producers.request("nudm-ueau", "POST", path, body)
            answer = response.json()
        except (SbiError, ValueError) as error:
            raise Problem(504, "UPSTREAM_SERVER_ERROR", f"UDM: {error}") from error
        if not isinstance(answer, dict):
            answer = {}
        if response.status in RELAYED:
            raise Problem(response.status, str(answer.get("cause", "AUTHENTICATION_REJECTED")), "refused by the UDM")
        if response.status != 200:
            raise Problem(504, "UPSTREAM_SERVER_ERROR", f"UDM: status {response.status}")
        return answer

    def _report(self, context: AuthenticationContext, success: bool) -> None:
        """Tell the UDM the result (TS 33.501 clause 6.1.4.1a); the AMF does not wait for it."""
        self._in_background("POST", f"/nudm-ueau/v1/{context.supi}/auth-events", self._event(context, success, False))

    def _event(self, context: AuthenticationContext, success: bool, removal: bool) -> dict[str, Any]:
        event: dict[str, Any] = {
            "nfInstanceId": self.settings.instance_id,
            "success": success,
            "timeStamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "authType": "5G_AKA",
            "servingNetworkName": context.serving_network_name,
        }
        if removal:
            event["authRemovalInd"] = True
        return event

    def _in_background(self, method: str, path: str, body: dict[str, Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._send_event(method, path, body))
        self._events.add(task)
        task.add_done_callback(self._events.discard)

    async def _send_event(self, method: str, path: str, body: dict[str, Any]) -> None:
        try:
            (await self.producers.request("nudm-ueau", method, path, body)).require(200, 201, 204)
        except SbiError as error:
            log.warning("result of an authentication not reported to the UDM: %s", error)
