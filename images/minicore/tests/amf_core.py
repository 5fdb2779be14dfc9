# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other NFs as an AMF sees them, on one SBI server: they count, and they do what a test tells them to."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from minicore.sbi import multipart
from minicore.sbi.message import Problem, Request, Response, json_response
from minicore.sbi.router import Router
from minicore.sbi.server import SbiServer
from minicore.security import keys
from minicore.security.milenage import Milenage
from minicore.security.suci import supi_of_suci

K = bytes.fromhex("465b5ce8b199b49faa5f0a2ee238a6bc")
OPC = bytes.fromhex("cd63cb71954a9f4e48a5994e37a02baf")
SNN = "5G:mnc001.mcc001.3gppnetwork.org"
SERVICES = (
    "nausf-auth",
    "nudm-uecm",
    "nudm-sdm",
    "npcf-am-policy-control",
    "nnssf-nsselection",
    "nsmf-pdusession",
)
SETUP_TRANSFER, RELEASE_TRANSFER, SWITCH_TRANSFER = b"setup transfer", b"release transfer", b"switch transfer"


@dataclass
class FakeCore:
    """NRF, AUSF, UDM, PCF, NSSF and SMF. A fake, because a test makes each of them fail at a chosen request."""

    requests: Counter[str] = field(default_factory=Counter)
    """By method and first words of the path."""
    updates: list[tuple[str, dict[str, Any], dict[str, bytes]]] = field(default_factory=list)
    """Reference, JSON and parts of each SM context update."""
    created: list[dict[str, Any]] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    resynchronizations: list[dict[str, str]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    """N1N2 transfer failure notifications."""
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Status and cause by name of a request, as `requests` has it."""
    reject_session: bytes = b""
    """N1 message with which the SMF refuses a session."""
    sqn: int = 0
    dnns: list[str] = field(default_factory=lambda: ["internet"])
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set the SMF answers no update."""
    allowed: list[dict[str, Any]] = field(default_factory=lambda: [{"sst": 1}])

    def __post_init__(self) -> None:
        self.hold.set()
        self._ids = itertools.count(1)
        self._keys: dict[str, tuple[str, bytes, bytes]] = {}
        self._router = router = Router()
        router.add("PUT", "/nnrf-nfm/v1/nf-instances/{id}", self._register)
        router.add("PATCH", "/nnrf-nfm/v1/nf-instances/{id}", self._done)
        router.add("DELETE", "/nnrf-nfm/v1/nf-instances/{id}", self._done)
        router.add("GET", "/nnrf-disc/v1/nf-instances", self._discover)
        router.add("POST", "/nausf-auth/v1/ue-authentications", self._authenticate)
        router.add("PUT", "/nausf-auth/v1/ue-authentications/{id}/5g-aka-confirmation", self._confirm)
        router.add("PUT", "/nudm-uecm/v1/{supi}/registrations/amf-3gpp-access", self._created)
        router.add("PATCH", "/nudm-uecm/v1/{supi}/registrations/amf-3gpp-access", self._done)
        router.add("GET", "/nudm-sdm/v2/{supi}", self._data)
        router.add("POST", "/nudm-sdm/v2/{supi}/sdm-subscriptions", self._created)
        router.add("DELETE", "/nudm-sdm/v2/{supi}/sdm-subscriptions/{id}", self._done)
        router.add("POST", "/npcf-am-policy-control/v1/policies", self._created)
        router.add("DELETE", "/npcf-am-policy-control/v1/policies/{id}", self._done)
        router.add("GET", "/nnssf-nsselection/v2/network-slice-information", self._select)
        router.add("POST", "/nsmf-pdusession/v1/sm-contexts", self._create_session)
        router.add("POST", "/nsmf-pdusession/v1/sm-contexts/{ref}/modify", self._update_session)
        router.add("POST", "/nsmf-pdusession/v1/sm-contexts/{ref}/release", self._release_session)
        router.add("POST", "/failure", self._failure)
        self._server = SbiServer(self._answer)
        self.root = ""

    async def start(self) -> None:
        self.root = f"http://127.0.0.1:{await self._server.start('127.0.0.1', 0)}"

    def stop(self) -> None:
        self._server.stop()

    async def _answer(self, request: Request) -> Response:
        service = request.path.split("/")[1]
        name = f"{request.method} {service} {request.path.rsplit('/', 1)[1]}"
        if name.startswith("GET nudm-sdm"):
            name = "GET nudm-sdm"
        self.requests[name] += 1
        if name in self.refusals:
            status, cause = self.refusals[name]
            return Problem(status, cause).response()
        return await self._router(request)

    async def _register(self, request: Request, instance: str) -> Response:
        return json_response({**request.json_object(), "heartBeatTimer": 60}, 201)

    async def _done(self, request: Request, *values: str) -> Response:
        return Response(204)

    async def _created(self, request: Request, *values: str) -> Response:
        return json_response(request.json_object(), 201, {"location": f"{self.root}{request.path}/{next(self._ids)}"})

    async def _discover(self, request: Request) -> Response:
        port = int(self.root.rsplit(":", 1)[1])
        services = [
            {
                "serviceInstanceId": name,
                "serviceName": name,
                "versions": [{"apiVersionInUri": "v1", "apiFullVersion": "1.0.0"}],
                "scheme": "http",
                "nfServiceStatus": "REGISTERED",
                "ipEndPoints": [{"ipv4Address": "127.0.0.1", "port": port}],
            }
            for name in SERVICES
        ]
        profile = {"nfInstanceId": "fake", "nfStatus": "REGISTERED", "nfServices": services}
        return json_response({"validityPeriod": 100, "nfInstances": [profile]})

    async def _authenticate(self, request: Request) -> Response:
        data = request.json_object()
        identity = data["supiOrSuci"]
        supi = supi_of_suci(identity) if identity.startswith("suci") else identity
        if "resynchronizationInfo" in data:
            self.resynchronizations.append(data["resynchronizationInfo"])
            self.sqn += 1000
        self.sqn += 1
        number = str(next(self._ids))
        rand = number.encode().rjust(16, b"r")
        sqn = self.sqn.to_bytes(6, "big")
        milenage = Milenage(K, OPC)
        res, ck, ik, ak = milenage.f2345(rand)
        hidden = bytes(a ^ b for a, b in zip(sqn, ak, strict=True))
        autn = hidden + b"\x80\x00" + milenage.f1(rand, sqn, b"\x80\x00")
        res_star = keys.res_star(ck, ik, SNN, rand, res)
        k_seaf = keys.k_seaf(keys.k_ausf(ck, ik, SNN, hidden), SNN)
        self._keys[number] = (supi, res_star, k_seaf)
        path = f"{self.root}/nausf-auth/v1/ue-authentications/{number}/5g-aka-confirmation"
        return json_response(
            {
                "authType": "5G_AKA",
                "5gAuthData": {
                    "rand": rand.hex(),
                    "autn": autn.hex(),
                    "hxresStar": keys.hxres_star(rand, res_star).hex(),
                },
                "_links": {"5g-aka": {"href": path}},
            },
            201,
        )

    async def _confirm(self, request: Request, number: str) -> Response:
        supi, res_star, k_seaf = self._keys.pop(number)
        if bytes.fromhex(request.json_object()["resStar"]) != res_star:
            return json_response({"authResult": "AUTHENTICATION_FAILURE"})
        return json_response({"authResult": "AUTHENTICATION_SUCCESS", "supi": supi, "kseaf": k_seaf.hex()})

    async def _data(self, request: Request, supi: str) -> Response:
        assert request.query["dataset-names"] == "AM,SMF_SEL"
        am_data = {
            "nssai": {"defaultSingleNssais": [{"sst": 1}]},
            "subscribedUeAmbr": {"uplink": "1 Gbps", "downlink": "2 Gbps"},
        }
        smf_selection = {"subscribedSnssaiInfos": {"1": {"dnnInfos": [{"dnn": dnn} for dnn in self.dnns]}}}
        return json_response({"amData": am_data, "smfSelData": smf_selection})

    async def _select(self, request: Request) -> Response:
        allowed = [{"allowedSnssai": snssai} for snssai in self.allowed]
        return json_response({"allowedNssaiList": [{"allowedSnssaiList": allowed, "accessType": "3GPP_ACCESS"}]})

    async def _create_session(self, request: Request) -> Response:
        data, parts = multipart.decode(request.headers["content-type"], request.body)
        assert parts[data["n1SmMsg"]["contentId"]]
        self.created.append(data)
        if self.reject_session:
            content_type, body = multipart.encode(
                {"error": {"status": 403, "cause": "SUBSCRIPTION_DENIED"}, "n1SmMsg": {"contentId": "n1"}},
                {"n1": (multipart.N1_TYPE, self.reject_session)},
            )
            return Response(403, {"content-type": content_type}, body)
        location = f"{self.root}{request.path}/{len(self.created)}"
        return json_response({"pduSessionId": data["pduSessionId"]}, 201, {"location": location})

    async def _update_session(self, request: Request, ref: str) -> Response:
        data, parts = multipart.decode(request.headers["content-type"], request.body)
        self.updates.append((ref, data, parts))
        await self.hold.wait()
        if data.get("upCnxState") == "ACTIVATING":
            return _with_n2({"upCnxState": "ACTIVATING"}, "PDU_RES_SETUP_REQ", SETUP_TRANSFER)
        if data.get("n2SmInfoType") == "PATH_SWITCH_REQ":
            return _with_n2({"upCnxState": "ACTIVATED"}, "PATH_SWITCH_REQ_ACK", SWITCH_TRANSFER)
        return Response(204)

    async def _release_session(self, request: Request, ref: str) -> Response:
        self.released.append(ref)
        return Response(204)

    async def _failure(self, request: Request) -> Response:
        self.failures.append(request.json_object())
        return Response(204)


def _with_n2(data: dict[str, Any], kind: str, transfer: bytes) -> Response:
    content_type, body = multipart.encode(
        {**data, "n2SmInfo": {"contentId": "n2"}, "n2SmInfoType": kind}, {"n2": (multipart.N2_TYPE, transfer)}
    )
    return Response(200, {"content-type": content_type}, body)
