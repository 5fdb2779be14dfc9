# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of the NFs and how one NF reaches another."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from minicore.nf import NetworkFunction
from minicore.nrf.app import Nrf
from minicore.nrf_consumer import NrfConsumer
from minicore.sbi.client import Connection
from minicore.sbi.message import Problem, Refused, Request, Response, SbiError, json_response
from minicore.sbi.router import Router
from minicore.sbi.server import SbiServer
from minicore.settings import Environment, Settings

NOBODY = Environment({})


class Ausf(NetworkFunction):
    nf_type = "AUSF"
    services = ("nausf-auth",)
    echoes = 0

    def add_routes(self, router: Router) -> None:
        router.add("POST", "/nausf-auth/v1/echo", self.echo)
        router.add("GET", "/nausf-auth/v1/refuse", self.refuse)

    def state(self) -> dict[str, Any]:
        return {"authentications": 0}

    async def echo(self, request: Request) -> Response:
        self.echoes += 1
        return json_response({"body": request.json_object(), "query": request.query}, 201)

    async def refuse(self, request: Request) -> Response:
        raise Problem(403, "AUTHENTICATION_REJECTED", "no")


class Amf(NetworkFunction):
    nf_type = "AMF"


@dataclass
class Pair:
    nrf: Nrf
    ausf: Ausf
    amf: Amf


@contextlib.asynccontextmanager
async def pair(settings: Settings, until: Callable[..., Awaitable[None]]) -> AsyncIterator[Pair]:
    nrf = Nrf(settings, port=0)
    settings = replace(settings, nrf=f"http://127.0.0.1:{await nrf.start()}")
    ausf = Ausf(replace(settings, instance_id="00000000-0000-4000-8000-000000000001"), NOBODY, 0)
    amf = Amf(replace(settings, instance_id="00000000-0000-4000-8000-000000000002"), NOBODY, 0)
    await ausf.start()
    await amf.start()
    try:
        await until(lambda: len(nrf.registry.profiles()) == 2)
        yield Pair(nrf, ausf, amf)
    finally:
        await amf.stop()
        await ausf.stop()
        await nrf.stop()


def test_producers_of_the_best_priority_have_requests_in_turn(
    settings: Settings, until: Callable[..., Awaitable[None]]
) -> None:
    async def scenario() -> None:
        async with pair(settings, until) as nfs:
            nrf, producers = nfs.amf.settings.nrf, nfs.amf.producers
            twin = Ausf(replace(settings, nrf=nrf, instance_id="00000000-0000-4000-8000-000000000003"), NOBODY, 0)
            await twin.start()
            try:
                await until(lambda: len(nfs.nrf.registry.profiles()) == 3)
                for _ in range(6):
                    await producers.request("nausf-auth", "POST", "/nausf-auth/v1/echo", {})
                assert (nfs.ausf.echoes, twin.echoes) == (3, 3)
            finally:
                await twin.stop()
            await until(lambda: len(nfs.nrf.registry.profiles()) == 2)
            for _ in range(2):
                await producers.request("nausf-auth", "POST", "/nausf-auth/v1/echo", {})
            assert nfs.ausf.echoes == 5

    asyncio.run(scenario())


def test_a_producer_is_found_by_its_service(settings: Settings, until: Callable[..., Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with pair(settings, until) as nfs:
            producers = nfs.amf.producers
            answer = await producers.request(
                "nausf-auth", "POST", "/nausf-auth/v1/echo", {"supi": "imsi-1"}, query={"q": "a b&c"}
            )
            assert answer.require(201).json() == {"body": {"supi": "imsi-1"}, "query": {"q": "a b&c"}}
            assert nfs.ausf.root.startswith("http://127.0.0.1:")
            state = await producers.request_at(nfs.ausf.root + "/minicore/v1/state", "GET")
            assert (state.json()["authentications"], state.json()["nrf_registered"]) == (0, True)
            with pytest.raises(Refused, match="403 AUTHENTICATION_REJECTED: no") as refused:
                (await producers.request("nausf-auth", "GET", "/nausf-auth/v1/refuse")).require(200)
            assert (refused.value.status, refused.value.cause) == (403, "AUTHENTICATION_REJECTED")
            with pytest.raises(SbiError, match="no producer of nudm-sdm"):
                await producers.request("nudm-sdm", "GET", "/nudm-sdm/v2/imsi-1/nssai")

    asyncio.run(scenario())


def test_a_moved_producer_is_found_again(settings: Settings, until: Callable[..., Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with pair(settings, until) as nfs:
            producers = nfs.amf.producers
            await producers.request("nausf-auth", "POST", "/nausf-auth/v1/echo", {})
            former = nfs.ausf.root
            await nfs.ausf.stop()
            nfs.ausf = Ausf(nfs.ausf.settings, NOBODY, 0)
            await nfs.ausf.start()
            await until(lambda: nfs.ausf.full_state()["nrf_registered"])
            assert nfs.ausf.root != former
            assert (await producers.request("nausf-auth", "POST", "/nausf-auth/v1/echo", {})).status == 201

    asyncio.run(scenario())


class CountingAusf(Ausf):
    """Answers late, so that requests are always under way."""

    def __init__(self, settings: Settings, seen: list[int]) -> None:
        super().__init__(settings, NOBODY, 0)
        self.seen = seen
        self.answered = 0

    async def echo(self, request: Request) -> Response:
        self.seen.append(request.json_object()["number"])
        await asyncio.sleep(0.005)
        self.answered += 1
        return json_response({}, 201)


def test_no_request_is_lost_when_a_producer_leaves_under_load(
    settings: Settings, until: Callable[..., Awaitable[None]]
) -> None:
    async def scenario() -> None:
        nrf = Nrf(settings, port=0)
        common = replace(settings, nrf=f"http://127.0.0.1:{await nrf.start()}")
        seen: list[int] = []
        first, second = (
            CountingAusf(replace(common, instance_id=f"00000000-0000-4000-8000-00000000000{number}"), seen)
            for number in (1, 2)
        )
        amf = Amf(common, NOBODY, 0)
        for nf in (first, second, amf):
            await nf.start()
            await until(lambda nf=nf: nf.full_state()["nrf_registered"])
        numbers = iter(range(1000))

        async def load() -> None:
            for number in numbers:
                answer = await amf.producers.request("nausf-auth", "POST", "/nausf-auth/v1/echo", {"number": number})
                answer.require(201)

        workers = [asyncio.create_task(load()) for _ in range(30)]
        await until(lambda: first.answered + second.answered > 200)
        leaving = first if first.answered else second
        await leaving.stop()
        await asyncio.gather(*workers)
        # Each once: none failed, none was processed twice.
        assert sorted(seen) == list(range(1000))
        assert first.answered and second.answered
        for nf in (amf, second if leaving is first else first, nrf):
            await nf.stop()

    asyncio.run(scenario())


def test_the_priority_of_a_request_goes_on(settings: Settings, until: Callable[..., Awaitable[None]]) -> None:
    class Relay(Amf):
        def add_routes(self, router: Router) -> None:
            router.add("GET", "/relay", self.relay)

        async def relay(self, request: Request) -> Response:
            return await self.producers.request_at(request.query["to"], "GET")

    async def scenario() -> None:
        async def show(request: Request) -> Response:
            return json_response(request.headers.get("3gpp-sbi-message-priority"))

        relay = Relay(settings, NOBODY, 0)
        await relay.start()
        relay.router.add("GET", "/show", show)
        uri = f"{relay.root}/relay?to={relay.root}/show"
        headers = {"3gpp-Sbi-Message-Priority".lower(): "7"}
        assert (await relay.producers.request_at(uri, "GET", headers=headers)).json() == "7"
        assert (await relay.producers.request_at(uri, "GET")).json() is None
        await relay.stop()

    asyncio.run(scenario())


def test_a_deregistered_producer_leaves_the_caches_at_once(
    settings: Settings, until: Callable[..., Awaitable[None]]
) -> None:
    async def scenario() -> None:
        async with pair(settings, until) as nfs:
            producers = nfs.amf.producers
            (found,) = await producers.discover("nausf-auth")
            assert found.root == nfs.ausf.root
            await until(lambda: len(nfs.nrf.subscriptions) == 1)
            nfs.nrf.registry.deregister(nfs.ausf.settings.instance_id)
            await until(lambda: nfs.nrf.subscriptions.sent == 1)
            with pytest.raises(SbiError, match="no producer"):
                await producers.discover("nausf-auth")
            # A heartbeat later it is there again, and once more everybody learns it.
            profile = nfs.ausf.profile()
            nfs.nrf.registry.register(nfs.ausf.settings.instance_id, profile)
            assert len(await producers.discover("nausf-auth")) == 1
            await until(lambda: nfs.nrf.subscriptions.sent == 2)
            nfs.nrf.registry.register(nfs.ausf.settings.instance_id, {**profile, "priority": 3})
            await until(lambda: nfs.nrf.subscriptions.sent == 3)
            assert [one.priority for one in await producers.discover("nausf-auth")] == [3]
            # An NF's own subscriptions leave with it.
            await nfs.amf.stop()
            assert len(nfs.nrf.subscriptions) == 0

    asyncio.run(scenario())


def test_changes_of_a_watched_type_are_known_at_once(settings: Settings, until: Callable[..., Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with pair(settings, until) as nfs:
            changes: list[str] = []
            producers = nfs.amf.producers
            producers.watch("AUSF", lambda: changes.append("AUSF"))
            assert len(await producers.instances("AUSF")) == 1
            await until(lambda: len(nfs.nrf.subscriptions) == 1)
            await nfs.ausf.set_status("UNDISCOVERABLE")
            await until(lambda: len(changes) == 1)
            await nfs.ausf.stop()
            await until(lambda: len(changes) == 2)
            # An NRF that has lost its memory gets the subscription again with the next look.
            producers.forget_subscriptions()
            await producers.instances("AUSF")
            await until(lambda: len(nfs.nrf.subscriptions) == 2)

    asyncio.run(scenario())


def test_an_expired_cache_serves_while_the_nrf_does_not_answer(
    settings: Settings, until: Callable[..., Awaitable[None]]
) -> None:
    async def scenario() -> None:
        nrf = Nrf(settings, Environment({"MINICORE_NRF_VALIDITY_S": "0"}), port=0)
        common = replace(settings, nrf=f"http://127.0.0.1:{await nrf.start()}")
        ausf, amf = Ausf(common, NOBODY, 0), Amf(common, NOBODY, 0)
        await ausf.start()
        await until(lambda: ausf.full_state()["nrf_registered"])
        assert (await amf.producers.request("nausf-auth", "POST", "/nausf-auth/v1/echo", {})).status == 201
        await nrf.stop()
        for _ in range(3):
            assert (await amf.producers.request("nausf-auth", "POST", "/nausf-auth/v1/echo", {})).status == 201
        with pytest.raises(SbiError):
            await amf.producers.request("nudm-sdm", "GET", "/")
        await ausf.stop()
        amf.producers.close()

    asyncio.run(scenario())


def test_subscriptions_of_the_nrf(settings: Settings) -> None:
    async def scenario() -> None:
        nrf = Nrf(settings, port=0)
        connection = await Connection.open("127.0.0.1", await nrf.start())

        async def ask(method: str, path: str, value: Any) -> Response:
            return await connection.call(method, f"/nnrf-nfm/v1/subscriptions{path}", json.dumps(value).encode())

        good = {"nfStatusNotificationUri": "http://127.0.0.1:9/x", "validityTime": "2037-01-01T00:00:00Z"}
        made = await ask("POST", "", good)
        path = "/" + made.json()["subscriptionId"]
        assert (made.status, made.headers["location"].endswith(path)) == (201, True)
        for bad, param in (
            ({}, "/nfStatusNotificationUri"),
            ({"nfStatusNotificationUri": "ftp://x"}, "/nfStatusNotificationUri"),
            ({**good, "validityTime": "tomorrow"}, "/validityTime"),
            ({**good, "subscrCond": []}, "/subscrCond"),
            ({**good, "subscrCond": {"serviceName": ["nsmf-pdusession"]}}, "/subscrCond"),
            ({**good, "reqNotifEvents": "x"}, "/reqNotifEvents"),
        ):
            refused = await ask("POST", "", bad)
            assert (refused.status, refused.json()["invalidParams"][0]["param"]) == (400, param)
        later = {"op": "replace", "path": "/validityTime", "value": "2038-01-01T00:00:00Z"}
        assert (await ask("PATCH", path, [later])).json()["validityTime"] == later["value"]
        assert (await ask("PATCH", path, [{**later, "path": "/reqNfType"}])).status == 403
        assert (await ask("DELETE", path, None)).status == 204
        for method in ("PATCH", "DELETE"):
            gone = await ask(method, path, [later])
            assert (gone.status, gone.json()["cause"]) == (404, "SUBSCRIPTION_NOT_FOUND")
        connection.close()
        await nrf.stop()

    asyncio.run(scenario())


def test_an_nrf_without_memory_is_registered_and_subscribed_at_again(
    settings: Settings, until: Callable[..., Awaitable[None]]
) -> None:
    async def scenario() -> None:
        async with pair(replace(settings, nrf_heartbeat_s=2), until) as nfs:
            port = int(nfs.amf.settings.nrf.rpartition(":")[2])
            await nfs.amf.producers.discover("nausf-auth")
            await until(lambda: len(nfs.nrf.subscriptions) == 1)
            await nfs.nrf.stop()
            nfs.nrf = Nrf(replace(settings, nrf_heartbeat_s=2), Environment({"MINICORE_NRF_VALIDITY_S": "0"}), port)
            await nfs.nrf.start()
            await until(lambda: len(nfs.nrf.registry.profiles()) == 2, 20)
            await until(lambda: nfs.amf.full_state()["nrf_registrations"] >= 2)
            # What is in the cache is valid still, so ask for something else of the same NF type.
            await nfs.amf.producers.discover("nausf-auth", supi="imsi-001010000000001")
            await until(lambda: len(nfs.nrf.subscriptions) == 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("answer", [[], {"heartBeatTimer": 0}, {"heartBeatTimer": "soon"}])
def test_a_registration_with_a_strange_answer_is_tried_again(
    answer: Any, until: Callable[..., Awaitable[None]]
) -> None:
    async def scenario() -> None:
        answers = [answer, {"heartBeatTimer": 60}]

        async def nrf(request: Request) -> Response:
            return json_response(answers.pop(0), 201)

        server = SbiServer(nrf)
        root = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        consumer = NrfConsumer(root, {"nfType": "AMF", "nfInstanceId": "1"}, lambda: None)
        consumer.start()
        await until(lambda: consumer.registered and not answers)
        consumer.registered = False
        await consumer.stop()
        server.stop()

    asyncio.run(scenario())
