# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nudm_UEAuthentication (TS 29.503 clause 5.4): authentication vectors, resynchronisation, results."""

from __future__ import annotations

import re
from typing import Any

from ..nf import NetworkFunction
from ..sbi.fields import SUPI, document, need, need_octets, optional
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.router import Router
from ..security.keys import serving_network_name
from ..security.suci import supi_of_suci
from .store import Store
from .vectors import (
    AuthenticationSubscription,
    AutsRejected,
    Vector,
    generate,
    next_sqn,
    resynchronised_sqn,
    sqn_of_auts,
)

UEAU = "/nudm-ueau/v1/{supi}"
EVENT_ID = "1"
"""A UE has one authentication result at a time."""
ATTEMPTS = 32
"""Each time that the SQN was taken, another request for the same UE has its vector; a UE does not ask so often."""
_SUCI = re.compile(r"suci-0-[0-9]{3}-[0-9]{2,3}-[0-9]{1,4}-([0-9a-fA-F])-[0-9]{1,3}-([0-9a-fA-F]+)")


class UeAuthentication:
    def __init__(self, nf: NetworkFunction, store: Store) -> None:
        self._nf = nf
        self._store = store
        self._serving_network = serving_network_name(nf.settings.mcc, nf.settings.mnc)

    def add_routes(self, router: Router) -> None:
        router.add("POST", UEAU + "/security-information/generate-auth-data", self.generate)
        router.add("POST", UEAU + "/auth-events", self.create_event)
        router.add("PUT", UEAU + "/auth-events/{authEventId}", self.delete_event)

    async def generate(self, request: Request, identity: str) -> Response:
        """AuthenticationInfoRequest to AuthenticationInfoResult (clauses 5.4.2.2 and 6.3.6.2)."""
        data = request.json_object()
        network = need(data, "servingNetworkName", str)
        need(data, "ausfInstanceId", str)
        resynchronisation = optional(data, "resynchronizationInfo", dict)
        auts = None
        if resynchronisation is not None:
            auts = need_octets(resynchronisation, "rand", 16), need_octets(resynchronisation, "auts", 14)
        supi = de_concealed(identity)
        if network != self._serving_network:
            raise Problem(403, "SERVING_NETWORK_NOT_AUTHORIZED", network[:80])
        vector = await self._vector(supi, network, auts)
        return json_response(
            {
                "authType": "5G_AKA",
                "authenticationVector": {
                    "avType": "5G_HE_AKA",
                    "rand": vector.rand.hex(),
                    "autn": vector.autn.hex(),
                    "xresStar": vector.xres_star.hex(),
                    "kausf": vector.k_ausf.hex(),
                },
                "supi": supi,
            }
        )

    async def create_event(self, request: Request, supi: str) -> Response:
        """AuthEvent (clauses 5.4.2.3 and 6.3.6.2.7)."""
        event = document(request)
        need(event, "success", bool)
        for name in ("nfInstanceId", "timeStamp", "authType", "servingNetworkName"):
            need(event, name, str)
        await self._store.put_event(supi, event)
        location = f"{self._nf.root}{UEAU.format(supi=supi)}/auth-events/{EVENT_ID}"
        return json_response(event, 201, {"location": location})

    async def delete_event(self, request: Request, supi: str, event_id: str) -> Response:
        """Removal of the result with `authRemovalInd` (clause 5.4.2.4)."""
        if not need(request.json_object(), "authRemovalInd", bool):
            raise Problem(400, "MANDATORY_IE_INCORRECT", "authRemovalInd")
        await self._store.put_event(supi, None)
        return Response(204)

    async def _vector(self, supi: str, network: str, auts: tuple[bytes, bytes] | None) -> Vector:
        """A vector whose SQN nobody else has, also not another UDM."""
        for _ in range(ATTEMPTS):
            subscription = await self._store.authentication(supi)
            sqn = next_sqn(_after(subscription, auts))
            if await self._store.replace_sqn(subscription, sqn):
                return generate(subscription, sqn, network)
        raise Problem(500, "AV_GENERATION_PROBLEM", f"the SQN was taken {ATTEMPTS} times")


def de_concealed(identity: str) -> str:
    """The SUPI of a SUPI or SUCI (TS 33.501 clause 6.12.5, null scheme)."""
    if SUPI.fullmatch(identity):
        return identity
    match = _SUCI.fullmatch(identity)
    if match is None:
        raise Problem(404, "USER_NOT_FOUND", "neither a SUPI nor a SUCI of an IMSI")
    if match[1] != "0":
        raise Problem(501, "UNSUPPORTED_PROTECTION_SCHEME", match[1])
    try:
        return supi_of_suci(identity)
    except ValueError as error:
        raise Problem(403, "INVALID_SCHEME_OUTPUT", match[2][:20]) from error


def _after(subscription: AuthenticationSubscription, auts: Any) -> int:
    """The SQN after which the next one comes."""
    if auts is None:
        return subscription.sqn
    try:
        return resynchronised_sqn(subscription.sqn, sqn_of_auts(subscription, *auts))
    except AutsRejected as error:
        raise Problem(403, "AUTHENTICATION_REJECTED", str(error)) from error
