# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SMF and UPF as they are, AMF, UDM and PCF as recorders on the same SBI, and a gNB's socket on N3."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from ipaddress import IPv4Interface
from typing import Any

import pytest
from minicore import gtpu, ip
from minicore.nas.gsm import (
    PduSessionEstablishmentRequest,
)
from minicore.nf import NetworkFunction
from minicore.ngap.transfers import (
    SetupResponseTransfer,
)
from minicore.ngap.values import Tunnel
from minicore.nrf.app import Nrf
from minicore.sbi import multipart
from minicore.sbi.message import Problem, Request, Response, json_response
from minicore.settings import Environment
from minicore.smf.app import Smf
from minicore.smf.resources import CONTEXTS

Until = Callable[..., Awaitable[None]]
SUPI = "imsi-001010000000001"
GNB = Tunnel("127.0.0.1", 0x70)
CONFIGURATION = {
    "pduSessionTypes": {"defaultSessionType": "IPV4", "allowedSessionTypes": ["IPV6", "IPV4V6", "ETHERNET"]},
    "sscModes": {"defaultSscMode": "SSC_MODE_1"},
    "5gQosProfile": {"5qi": 7, "arp": {"priorityLevel": 3, "preemptCap": "MAY_PREEMPT"}},
    "sessionAmbr": {"uplink": "100 Mbps", "downlink": "1 Gbps"},
}


class Udm(NetworkFunction):
    """Stands for the UDM."""

    nf_type = "UDM"
    services = ("nudm-sdm", "nudm-uecm")

    def __init__(self, *arguments: Any, **names: Any) -> None:
        super().__init__(*arguments, **names)
        self.registered: dict[str, Any] = {}
        self.may_delete = asyncio.Event()
        self.may_delete.set()
        self.data: list[dict[str, Any]] = [{"dnnConfigurations": {"internet": CONFIGURATION}}]

    def add_routes(self, router: Any) -> None:
        router.add("GET", "/nudm-sdm/v2/{supi}/sm-data", self.sm_data)
        path = "/nudm-uecm/v1/{supi}/registrations/smf-registrations/{session}"
        router.add("PUT", path, self.put)
        router.add("DELETE", path, self.delete)

    async def sm_data(self, request: Request, supi: str) -> Response:
        if request.query["single-nssai"] != '{"sst":1}':
            raise Problem(404, "DATA_NOT_FOUND")
        return json_response(self.data)

    async def put(self, request: Request, supi: str, session: str) -> Response:
        self.registered[f"{supi}/{session}"] = request.json_object()
        return json_response({}, 201)

    async def delete(self, request: Request, supi: str, session: str) -> Response:
        await self.may_delete.wait()
        del self.registered[f"{supi}/{session}"]
        return Response(204)


class Pcf(NetworkFunction):
    """Stands for the PCF."""

    nf_type = "PCF"
    services = ("npcf-smpolicycontrol",)

    def __init__(self, *arguments: Any, **names: Any) -> None:
        super().__init__(*arguments, **names)
        self.policies: dict[str, Any] = {}
        self.created = 0
        self.ambr = {"uplink": "50 Mbps", "downlink": "60 Mbps"}

    def add_routes(self, router: Any) -> None:
        router.add("POST", "/npcf-smpolicycontrol/v1/sm-policies", self.create)
        router.add("POST", "/npcf-smpolicycontrol/v1/sm-policies/{id}/delete", self.delete)

    async def create(self, request: Request) -> Response:
        self.created += 1
        key = str(self.created)
        self.policies[key] = request.json_object()
        decision = {"sessRules": {"a": {"sessRuleId": "a", "authSessAmbr": self.ambr}}}
        return json_response(decision, 201, {"location": f"{self.root}/npcf-smpolicycontrol/v1/sm-policies/{key}"})

    async def delete(self, request: Request, key: str) -> Response:
        del self.policies[key]
        return Response(204)


class Amf(NetworkFunction):
    """Stands for the AMF: keeps what it gets, and is the client of the SMF."""

    nf_type = "AMF"
    services = ("namf-comm",)

    def __init__(self, *arguments: Any, **names: Any) -> None:
        super().__init__(*arguments, **names)
        self.messages: asyncio.Queue[tuple[dict[str, Any], bytes, bytes]] = asyncio.Queue()
        self.released: list[str] = []
        self.smf = ""
        self.answer = json_response({"cause": "N1_N2_TRANSFER_INITIATED"})

    def add_routes(self, router: Any) -> None:
        router.add("POST", "/namf-comm/v1/ue-contexts/{supi}/n1-n2-messages", self.transfer)
        router.add("POST", "/status/{session}", self.status)

    async def transfer(self, request: Request, supi: str) -> Response:
        data, parts = request.parts()
        self.messages.put_nowait((data, parts.get("n1", b""), parts.get("n2", b"")))
        return self.answer

    async def status(self, request: Request, session: str) -> Response:
        assert request.json_object()["statusInfo"]["resourceStatus"] == "RELEASED"
        self.released.append(session)
        return Response(204)

    async def next(self) -> tuple[dict[str, Any], bytes, bytes]:
        return await asyncio.wait_for(self.messages.get(), 30)

    async def create(self, n1: bytes, session: int = 1, **changes: Any) -> Response:
        data = {
            "supi": SUPI,
            "pduSessionId": session,
            "dnn": "internet",
            "sNssai": {"sst": 1},
            "servingNfId": self.settings.instance_id,
            "smContextStatusUri": f"{self.root}/status/{session}",
            "n1SmMsg": {"contentId": "n1"},
        }
        content_type, body = multipart.encode({**data, **changes}, {"n1": (multipart.N1_TYPE, n1)})
        headers = {"content-type": content_type}
        return await self.producers.request_at(self.smf, "POST", CONTEXTS, body, headers=headers)

    async def modify(self, uri: str, data: Any = None, *, n1: bytes = b"", n2: bytes = b"", kind: str = "") -> Response:
        data = dict(data or {})
        parts = {}
        if n1:
            data["n1SmMsg"], parts["n1"] = {"contentId": "n1"}, (multipart.N1_TYPE, n1)
        if n2:
            data |= {"n2SmInfo": {"contentId": "n2"}, "n2SmInfoType": kind}
            parts["n2"] = (multipart.N2_TYPE, n2)
        if not parts:
            return await self.producers.request_at(uri, "POST", "/modify", data)
        content_type, body = multipart.encode(data, parts)
        return await self.producers.request_at(uri, "POST", "/modify", body, headers={"content-type": content_type})

    async def session(self, session: int = 1, kind: int | None = None) -> str:
        """A session that is active; its URI."""
        created = await self.create(request_of(session, session_type=kind), session)
        assert created.status == 201
        await self.next()
        uri = created.headers["location"]
        answer = await self.modify(uri, n2=SetupResponseTransfer(GNB, (1,)).encode(), kind="PDU_RES_SETUP_RSP")
        assert answer.json()["upCnxState"] == "ACTIVATED"
        return uri


def request_of(session: int = 1, pti: int = 5, **fields: Any) -> bytes:
    return PduSessionEstablishmentRequest(pdu_session_id=session, pti=pti, **fields).encode()


class World:
    def __init__(self, nfs: list[Any], upf: Any, gnb: asyncio.Queue[gtpu.GtpMessage]) -> None:
        self.smf: Smf
        self.amf: Amf
        self.udm: Udm
        self.pcf: Pcf | None
        self.smf, self.amf, self.udm, *rest = nfs
        self.pcf = rest[0] if rest else None
        self.upf = upf
        self.upfs: list[Any] = []
        self.gnb = gnb

    async def packet(self) -> gtpu.GtpMessage:
        return await asyncio.wait_for(self.gnb.get(), 30)


@pytest.fixture
def world(settings: Any, upf_type: Any, until: Until, udp_port: int) -> Callable[..., Any]:
    @contextlib.asynccontextmanager
    async def run(
        has_pcf: bool = True, variables: dict[str, str] | None = None, n6: str = "10.45.0.1/16", **upf: Any
    ) -> AsyncIterator[World]:
        nrf = Nrf(settings, port=0)
        common = replace(
            settings, n6=IPv4Interface(n6), nrf=f"http://127.0.0.1:{await nrf.start()}", pfcp_heartbeat_s=0.05
        )
        upf_ = upf_type(gnb_port=udp_port, **upf)
        await upf_.start()
        kinds: list[type[Any]] = [Amf, Udm, *([Pcf] if has_pcf else [])]
        others = [kind(replace(common, instance_id=uuid_of(n)), Environment({}), 0) for n, kind in enumerate(kinds)]
        smf = Smf(common, Environment(variables or {}), sbi_port=0, upf=(upfs := [upf_.n4_address]), pfcp_port=0)
        for nf in (*others, smf):
            await nf.start()
        received: asyncio.Queue[gtpu.GtpMessage] = asyncio.Queue()

        class Gnb(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                received.put_nowait(gtpu.decode(data))

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Gnb, ("127.0.0.1", udp_port))
        found = World([smf, *others], upf_, received)
        found.amf.smf = smf.root
        found.upfs = upfs
        try:
            await until(lambda: all(nf.full_state()["nrf_registered"] for nf in (smf, *others)))
            await until(lambda: any(peer["up"] for peer in smf.state()["pfcp"]))
            yield found
        finally:
            for nf in (smf, *others):
                await nf.stop()
            transport.close()
            found.upf.stop()
            await nrf.stop()

    return run


def uuid_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def down(number: int) -> bytes:
    return ip.echo_request("10.45.0.1", "10.45.0.2", 1, number, bytes(8))
