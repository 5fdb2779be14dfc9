# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NSSF: Nnssf_NSSelection (TS 29.531 clause 5.2)."""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar

from ..nf import NetworkFunction
from ..sbi.fields import snssai, snssai_object
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.router import Router
from ..settings import SBI_PORT, Environment, Settings, SettingsError

INFORMATION = "/nnssf-nsselection/v2/network-slice-information"
REGISTRATION, PDU_SESSION = "slice-info-request-for-registration", "slice-info-request-for-pdu-session"


class Nssf(NetworkFunction):
    """`MINICORE_SLICES`: S-NSSAIs as `SST` or `SST-SD`; `MINICORE_AMF_REGION`, `MINICORE_AMF_SET`: as the AMFs have."""

    nf_type = "NSSF"
    services = ("nnssf-nsselection",)
    versions: ClassVar[dict[str, str]] = {"nnssf-nsselection": "v2"}

    def __init__(self, settings: Settings, environment: Environment, sbi_port: int = SBI_PORT) -> None:
        super().__init__(settings, environment, sbi_port)
        try:
            offered = [snssai_object(one.strip()) for one in environment.text("SLICES", "1,1-000001").split(",")]
        except ValueError as error:
            raise SettingsError(f"MINICORE_SLICES: {error}") from error
        self._slices = {snssai(one): one for one in offered}
        region, amf_set = environment.integer("AMF_REGION", 1), environment.integer("AMF_SET", 1)
        self._amf_set = f"{settings.mcc}-{settings.mnc}-{region:02x}-{amf_set:03x}"
        self._answered = 0

    def add_routes(self, router: Router) -> None:
        router.add("GET", INFORMATION, self.get)

    def state(self) -> dict[str, Any]:
        configured = json.dumps([sorted(self._slices), self._amf_set])
        return {
            "slices": len(self._slices),
            "answered": self._answered,
            "digest": hashlib.sha256(configured.encode()).hexdigest(),
        }

    async def get(self, request: Request) -> Response:
        """AuthorizedNetworkSliceInfo (clause 6.1.6.2.2), for a registration or a PDU session."""
        query = request.query
        for name in ("nf-type", "nf-id"):
            if not query.get(name):
                raise Problem(400, "MANDATORY_QUERY_PARAM_MISSING", name)
        if REGISTRATION in query:
            answer = self._for_registration(_parameter(query, REGISTRATION))
        elif PDU_SESSION in query:
            answer = self._for_pdu_session(_parameter(query, PDU_SESSION))
        else:
            raise Problem(400, "MANDATORY_QUERY_PARAM_MISSING", f"{REGISTRATION} or {PDU_SESSION}")
        self._answered += 1
        return json_response(answer)

    def _for_registration(self, info: dict[str, Any]) -> dict[str, Any]:
        """Allowed NSSAI (TS 23.501 clause 5.15.5.2.1): what is requested, subscribed and offered; else the default."""
        subscribed = [
            (snssai(one.get("subscribedSnssai"), "subscribedSnssai"), one.get("defaultIndication") is True)
            for one in _objects(info, "subscribedNssai")
        ]
        requested = [snssai(one, "requestedNssai") for one in _objects(info, "requestedNssai")]
        known = [key for key, _ in subscribed] or list(self._slices)
        allowed = [key for key in dict.fromkeys(requested) if key in self._slices and key in known]
        if not allowed:
            defaults = [key for key, is_default in subscribed if is_default] or ([] if requested else known)
            allowed = [key for key in dict.fromkeys(defaults) if key in self._slices]
        if not allowed:
            raise Problem(403, "SNSSAI_NOT_SUPPORTED", ", ".join([*requested, *known])[:200])
        answer: dict[str, Any] = {
            "allowedNssaiList": [
                {
                    "allowedSnssaiList": [{"allowedSnssai": self._slices[key]} for key in allowed],
                    "accessType": "3GPP_ACCESS",
                }
            ],
            "configuredNssai": [{"configuredSnssai": self._slices[key]} for key in known if key in self._slices],
            "targetAmfSet": self._amf_set,
        }
        rejected = [snssai_object(key) for key in dict.fromkeys(requested) if key not in allowed]
        if rejected:
            answer["rejectedNssaiInPlmn"] = rejected
        return answer

    def _for_pdu_session(self, info: dict[str, Any]) -> dict[str, Any]:
        """The network slice instance and its NRF (clause 6.1.6.2.7)."""
        key = snssai(info.get("sNssai"))
        if key not in self._slices:
            raise Problem(403, "SNSSAI_NOT_SUPPORTED", key)
        return {"nsiInformation": {"nrfId": f"{self.settings.nrf}/nnrf-nfm/v1/nf-instances", "nsiId": key}}


def _parameter(query: dict[str, str], name: str) -> dict[str, Any]:
    """A query parameter that is a JSON object."""
    try:
        value = json.loads(query[name])
    except (ValueError, RecursionError) as error:
        raise Problem(400, "MANDATORY_QUERY_PARAM_INCORRECT", name) from error
    if not isinstance(value, dict):
        raise Problem(400, "MANDATORY_QUERY_PARAM_INCORRECT", name)
    return value


def _objects(info: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = info.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Problem(400, "OPTIONAL_QUERY_PARAM_INCORRECT", name)
    return value
