# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registry with a clock of our own, and the resources over real HTTP/2."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from minicore.nrf import json_patch
from minicore.nrf.app import Nrf
from minicore.nrf.registry import Registry
from minicore.sbi.client import Connection
from minicore.sbi.message import Problem, Response
from minicore.settings import Settings

ALIVE = [{"op": "replace", "path": "/nfStatus", "value": "REGISTERED"}]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def profile(nf_type: str, status: str = "REGISTERED") -> dict[str, Any]:
    return {
        "nfInstanceId": str(uuid.uuid4()),
        "nfType": nf_type,
        "nfStatus": status,
        "ipv4Addresses": ["192.0.2.1"],
    }


def service_of(name: str, **more: Any) -> dict[str, Any]:
    return {
        "serviceInstanceId": name,
        "serviceName": name,
        "versions": [{"apiVersionInUri": "v1", "apiFullVersion": "1.0.0"}],
        "scheme": "http",
        "nfServiceStatus": "REGISTERED",
        **more,
    }


def test_silence_expires_after_heartbeat_and_margin() -> None:
    clock = Clock()
    registry = Registry(clock, heartbeat_s=10)
    stored, created = registry.register("a", profile("SMF"))
    assert created and stored["heartBeatTimer"] == 10
    clock.now = 11.0
    assert registry.expire() == []
    clock.now = 11.001
    assert registry.expire() == ["a"]
    with pytest.raises(KeyError):
        registry.patch("a", ALIVE)


def test_each_heartbeat_restarts_the_timer() -> None:
    clock = Clock()
    registry = Registry(clock, heartbeat_s=10)
    registry.register("a", profile("SMF"))
    for now in (10, 20, 30):
        clock.now = now
        _, changed = registry.patch("a", ALIVE)
        assert not changed
    clock.now = 41
    assert registry.expire() == []
    assert registry.describe()[0]["heartbeats"] == 3
    clock.now = 41.1
    assert registry.expire() == ["a"]


def test_digest_reports_changes_only() -> None:
    registry = Registry(Clock(), heartbeat_s=10)
    smf = profile("SMF")
    registry.register(smf["nfInstanceId"], smf)
    before = registry.digest()
    registry.patch(smf["nfInstanceId"], ALIVE)
    assert registry.digest() == before
    registry.patch(smf["nfInstanceId"], [{"op": "add", "path": "/load", "value": 5}])
    assert registry.digest() != before
    with pytest.raises(Problem, match="/load is not"):
        registry.patch(smf["nfInstanceId"], [{"op": "add", "path": "/load", "value": 500}])
    assert registry.get(smf["nfInstanceId"])["load"] == 5


def test_json_patch() -> None:
    document = {"a": {"b~/": [1, 2]}, "c": 1}
    patched = json_patch.apply(
        document,
        [
            {"op": "test", "path": "/c", "value": 1},
            {"op": "add", "path": "/a/b~0~1/-", "value": 3},
            {"op": "remove", "path": "/a/b~0~1/0"},
            {"op": "remove", "path": "/c"},
        ],
    )
    assert patched == {"a": {"b~/": [2, 3]}}
    assert document == {"a": {"b~/": [1, 2]}, "c": 1}


@pytest.mark.parametrize(
    "patch",
    [
        {},
        [{"op": "replace", "path": "/missing", "value": 1}],
        [{"op": "move", "path": "/c"}],
        [{"op": "add", "path": "/c/d", "value": 1}],
        [{"op": "add", "path": "/c"}],
        [{"op": "test", "path": "/c", "value": 2}],
        [{"op": "remove", "path": "c"}],
    ],
)
def test_a_patch_that_does_not_fit(patch: Any) -> None:
    with pytest.raises(json_patch.PatchError):
        json_patch.apply({"c": 1}, patch)


def test_resources_over_http2(settings: Settings) -> None:
    async def scenario() -> None:
        nrf = Nrf(settings, port=0)
        connection = await Connection.open("127.0.0.1", await nrf.start())

        async def ask(method: str, path: str, value: Any = None) -> Response:
            return await connection.call(method, path, b"" if value is None else json.dumps(value).encode())

        smf, upf, gone = profile("SMF"), profile("UPF"), profile("UPF", "SUSPENDED")
        smf["nfServices"] = [service_of("nsmf-pdusession")]
        for one in (smf, upf, gone):
            response = await ask("PUT", f"/nnrf-nfm/v1/nf-instances/{one['nfInstanceId']}", one)
            assert response.status == 201
            assert response.headers["location"].endswith(one["nfInstanceId"])
        path = f"/nnrf-nfm/v1/nf-instances/{smf['nfInstanceId']}"
        assert (await ask("PUT", path, smf)).status == 200
        assert (await ask("PATCH", path, ALIVE)).status == 204
        changed = await ask("PATCH", path, [{"op": "add", "path": "/load", "value": 3}])
        assert (changed.status, changed.json()["load"]) == (200, 3)
        assert (await ask("GET", path)).json()["nfType"] == "SMF"
        listed = (await ask("GET", "/nnrf-nfm/v1/nf-instances?nf-type=UPF")).json()
        assert listed["totalItemCount"] == 2

        discovery = "/nnrf-disc/v1/nf-instances?requester-nf-type=AMF&target-nf-type="
        found = (await ask("GET", discovery + "UPF")).json()["nfInstances"]
        assert [one["nfInstanceId"] for one in found] == [upf["nfInstanceId"]]
        for service, count in (("nsmf-pdusession", 1), ("nsmf-other", 0)):
            found = (await ask("GET", f"{discovery}SMF&service-names={service}")).json()["nfInstances"]
            assert len(found) == count

        missing = await ask("GET", "/nnrf-disc/v1/nf-instances?target-nf-type=UPF")
        assert (missing.status, missing.json()["cause"]) == (400, "MANDATORY_QUERY_PARAM_MISSING")
        assert missing.headers["content-type"] == "application/problem+json"
        other = await ask("PUT", path, {**smf, "nfInstanceId": "other"})
        assert (other.status, other.json()["cause"]) == (400, "MANDATORY_IE_INCORRECT")
        assert (await ask("PUT", path, {"nfType": "SMF"})).json()["cause"] == "MANDATORY_IE_MISSING"
        assert (await connection.call("PUT", path, b"{")).json()["cause"] == "INVALID_MSG_FORMAT"
        assert (await connection.call("PUT", path, b"[]")).json()["cause"] == "INVALID_MSG_FORMAT"
        assert (await ask("PATCH", path, [{"op": "copy"}])).status == 400
        assert (await ask("DELETE", path)).status == 204
        for method in ("GET", "DELETE", "PATCH"):
            assert (await ask(method, path, ALIVE)).status == 404
        refused = await ask("POST", path)
        assert (refused.status, refused.headers["allow"]) == (405, "PUT, PATCH, GET, DELETE")
        state = (await ask("GET", "/minicore/v1/state")).json()
        assert (state["nf_type"], len(state["registrations"])) == ("NRF", 2)
        connection.close()
        await nrf.stop()

    asyncio.run(scenario())
