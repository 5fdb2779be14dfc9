# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indirect communication through an SCP between real servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from minicore.nf import NetworkFunction
from minicore.nrf.app import Nrf
from minicore.sbi.client import SbiClient
from minicore.sbi.message import Request, Response, SbiError, json_response
from minicore.sbi.router import Router
from minicore.sbi.server import SbiServer
from minicore.scp.app import Scp
from minicore.settings import Environment, Settings

NOBODY = Environment({})
TARGET = "3gpp-sbi-target-apiroot"
Until = Callable[..., Awaitable[None]]


class Udm(NetworkFunction):
    nf_type = "UDM"
    services = ("nudm-sdm",)
    versions: ClassVar[dict[str, str]] = {"nudm-sdm": "v2"}

    def add_routes(self, router: Router) -> None:
        router.add("POST", "/nudm-sdm/v2/{supi}", self.echo)

    async def echo(self, request: Request, supi: str) -> Response:
        shown = {name: value for name, value in request.headers.items() if name[0] != ":"}
        body = {"supi": supi, "query": request.query, "headers": shown, "size": len(request.body)}
        return json_response(body, 201, {"location": f"{self.root}/nudm-sdm/v2/{supi}", "x-own": "1"})


class Amf(NetworkFunction):
    nf_type = "AMF"


@dataclass
class Nfs:
    nrf: Nrf
    scp: Scp
    udm: Udm
    amf: Amf


@contextlib.asynccontextmanager
async def running(settings: Settings, until: Until) -> AsyncIterator[Nfs]:
    nrf = Nrf(settings, port=0)
    settings = replace(settings, nrf=f"http://127.0.0.1:{await nrf.start()}")
    scp = Scp(replace(settings, instance_id="00000000-0000-4000-8000-000000000001"), NOBODY, 0)
    await scp.start()
    settings = replace(settings, scp=scp.root)
    udm = Udm(replace(settings, instance_id="00000000-0000-4000-8000-000000000002"), NOBODY, 0)
    amf = Amf(replace(settings, instance_id="00000000-0000-4000-8000-000000000003"), NOBODY, 0)
    await udm.start()
    await amf.start()
    try:
        await until(lambda: len(nrf.registry.profiles()) == 3)
        yield Nfs(nrf, scp, udm, amf)
    finally:
        for nf in (amf, udm, scp, nrf):
            await nf.stop()


def test_requests_and_answers_go_through(settings: Settings, until: Until) -> None:
    async def scenario() -> None:
        async with running(settings, until) as nfs:
            answer = await nfs.amf.producers.request(
                "nudm-sdm",
                "POST",
                "/nudm-sdm/v2/imsi-1",
                b"\0" * 100_000,
                headers={"content-type": "application/octet-stream", "x-own": "2"},
                query={"dnn": "a b&c"},
            )
            shown = answer.require(201).json()
            assert (shown["supi"], shown["query"], shown["size"]) == ("imsi-1", {"dnn": "a b&c"}, 100_000)
            assert (shown["headers"]["user-agent"], shown["headers"]["x-own"]) == ("AMF", "2")
            assert TARGET not in shown["headers"]
            assert answer.headers["location"] == f"{nfs.udm.root}/nudm-sdm/v2/imsi-1"
            # A resource's URI goes through the SCP as well.
            assert (await nfs.amf.producers.request_at(answer.headers["location"], "POST")).status == 201
            state = nfs.scp.full_state()
            assert (state["forwarded"], state["failed"], state["targets"], state["in_flight"]) == (2, 0, 1, 0)
            (registered,) = [one for one in nfs.nrf.registry.profiles() if one["nfType"] == "SCP"]
            assert registered["scpInfo"]["scpPorts"]["http"] > 0
            # Its own resources are its own.
            own = await SbiClient(nfs.scp.root, "test").request("GET", "/minicore/v1/state")
            assert own.json()["nf_type"] == "SCP"

    asyncio.run(scenario())


def test_the_problems_of_the_scp(settings: Settings, until: Until) -> None:
    async def scenario() -> None:
        async def lose(request: Request) -> Response:
            for connection in list(server.connections):
                assert connection.transport is not None
                connection.transport.abort()
            return Response(204)

        server = SbiServer(lose)
        lost = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        async with running(settings, until) as nfs:
            client = SbiClient(nfs.scp.root, "AMF")
            for headers, status, cause in (
                ({}, 400, "MANDATORY_IE_MISSING"),
                ({TARGET: "udm"}, 400, "MANDATORY_IE_INCORRECT"),
                ({TARGET: "http://[::"}, 400, "MANDATORY_IE_INCORRECT"),
                ({TARGET: "http://a:99999"}, 400, "MANDATORY_IE_INCORRECT"),
                ({TARGET: "http://127.0.0.1:9"}, 504, "TARGET_NF_NOT_REACHABLE"),
                ({TARGET: lost}, 502, "INBOUND_SERVER_ERROR"),
                ({TARGET: lost, "3gpp-sbi-max-forward-hops": "0; nodetype=scp"}, 502, "MAX_SCP_HOPS_REACHED"),
            ):
                answer = await client.request("POST", "/nudm-sdm/v2/imsi-1", b"", headers)
                assert (answer.status, answer.problem()[0]) == (status, cause)
                assert answer.headers["server"].startswith("SCP-")
            hops = {TARGET: nfs.udm.root, "3gpp-sbi-max-forward-hops": "5; nodetype=scp"}
            answer = await client.request("POST", "/nudm-sdm/v2/imsi-1", b"", hops)
            assert answer.json()["headers"]["3gpp-sbi-max-forward-hops"] == "4; nodetype=scp"
            assert nfs.scp.full_state()["failed"] == 7
            client.close()
        server.stop()

    asyncio.run(scenario())


def test_an_unreached_producer_is_another_ones_chance(settings: Settings, until: Until) -> None:
    async def scenario() -> None:
        async with running(settings, until) as nfs:
            gone = {**nfs.udm.profile(), "nfInstanceId": "00000000-0000-4000-8000-000000000009", "priority": 1}
            gone["nfServices"] = [{**gone["nfServices"][0], "ipEndPoints": [{"ipv4Address": "127.0.0.1", "port": 9}]}]
            nfs.nrf.registry.register(gone["nfInstanceId"], gone)
            answer = await nfs.amf.producers.request("nudm-sdm", "POST", "/nudm-sdm/v2/imsi-1", {})
            assert answer.status == 201
            assert nfs.scp.full_state()["failed"] == 1
            await nfs.scp.stop()
            with pytest.raises(SbiError, match="the SCP is not reached"):
                await nfs.amf.producers.request("nudm-sdm", "POST", "/nudm-sdm/v2/imsi-1", {})

    asyncio.run(scenario())
