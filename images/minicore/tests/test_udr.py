# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UDR by its resources; notifications over real HTTP/2 are in test_udm.py and test_pcf.py."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import random
import time
from typing import Any

import pytest
from minicore.sbi.message import Request, Response
from minicore.sbi.router import Handler, Router
from minicore.settings import Environment, Settings
from minicore.udr import documents
from minicore.udr.app import Udr
from minicore.udr.changes import change_items

K, OPC = "465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf"
SUPI = "imsi-001010000000001"
DATA = "/nudr-dr/v2/subscription-data"
AUTH = f"{DATA}/{SUPI}/authentication-data/authentication-subscription"
AMF = f"{DATA}/{SUPI}/context-data/amf-3gpp-access"
VARIABLES = {"MINICORE_ADDRESS": "127.0.0.1", "MINICORE_NRF": "http://127.0.0.1:1"}


class Routes(Router):
    """Remembers what was added."""

    def __init__(self) -> None:
        super().__init__()
        self.patterns: list[tuple[str, str]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        super().add(method, pattern, handler)
        self.patterns.append((method, pattern))


class Rig:
    """A UDR whose requests come without a network."""

    def __init__(self) -> None:
        self.router = Routes()
        self.udr = Udr(Settings.from_environment(VARIABLES), Environment(VARIABLES))
        self.udr.root = "http://127.0.0.1:8000"
        self.udr.add_routes(self.router)

    def __call__(self, method: str, path: str, body: Any = None) -> Response:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return asyncio.run(self.router(Request(method, path, body=content)))


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    assert rig("PUT", f"/minicore/v1/subscribers/{SUPI}", {"k": K, "opc": OPC, "sqn": "000000000020"}).status == 201
    return rig


def test_keys_leave_by_one_resource_only(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    subscription = rig("GET", AUTH).json()
    assert (subscription["encPermanentKey"], subscription["encOpcKey"]) == (K, OPC)
    assert subscription["sequenceNumber"] == {"sqnScheme": "NON_TIME_BASED", "sqn": "000000000020", "indLength": 5}
    assert (subscription["authenticationManagementField"], subscription["authenticationMethod"]) == ("8000", "5G_AKA")
    shown = rig("GET", f"/minicore/v1/subscribers/{SUPI}").json()
    assert shown["am"] == documents.AM_DATA and shown["sm"] == documents.SM_DATA
    wrong = rig("PUT", "/minicore/v1/subscribers/imsi-1", {"k": K, "opc": OPC})
    elsewhere = [json.dumps(shown), json.dumps(rig.udr.state()), repr(rig.udr.store.get(SUPI)), caplog.text]
    elsewhere.append(wrong.body.decode())
    assert wrong.status == 400
    assert not any(secret in text for text in elsewhere for secret in (K, OPC))


def test_sqn_is_changed_all_or_nothing(rig: Rig) -> None:
    def item(operation: str, sqn: str) -> dict[str, str]:
        return {"op": operation, "path": "/sequenceNumber/sqn", "value": sqn}

    faster, slower = "000000000041", "000000000061"
    assert rig("PATCH", AUTH, [item("test", "000000000020"), item("replace", faster)]).status == 204
    late = rig("PATCH", AUTH, [item("test", "000000000020"), item("replace", slower)])
    assert (late.status, late.json()["cause"]) == (409, "MODIFICATION_NOT_ALLOWED")
    forbidden = rig("PATCH", AUTH, [item("replace", slower), {"op": "replace", "path": "/encPermanentKey", "value": K}])
    assert (forbidden.status, forbidden.json()["cause"]) == (403, "MODIFICATION_NOT_ALLOWED")
    assert rig("PATCH", AUTH, [item("replace", slower), item("replace", "00000000006")]).status == 400
    assert rig("PATCH", AUTH, [item("remove", faster)]).status == 403
    assert rig("GET", AUTH).json()["sequenceNumber"]["sqn"] == faster
    whole = {"op": "replace", "path": "/sequenceNumber", "value": {"sqn": slower}}
    assert rig("PATCH", AUTH, [whole]).status == 204
    assert rig("GET", AUTH).json()["sequenceNumber"]["sqn"] == slower


def test_a_known_subscriber_keeps_what_is_not_given(rig: Rig) -> None:
    path = f"/minicore/v1/subscribers/{SUPI}"
    am = {**documents.AM_DATA, "rfspIndex": 7}
    assert rig("PUT", path, {"am": am}).status == 204
    assert rig("GET", AUTH).json()["encPermanentKey"] == K
    assert rig("GET", f"{DATA}/{SUPI}/00101/provisioned-data/am-data").json()["rfspIndex"] == 7
    assert documents.AM_DATA["rfspIndex"] == 1
    assert rig("PUT", path, {"sqn": 0}).status == 204
    assert rig("GET", f"{DATA}/{SUPI}/00101/provisioned-data/am-data").json()["rfspIndex"] == 7
    assert rig("DELETE", path).status == 204
    for gone in (path, AUTH, f"/nudr-dr/v2/policy-data/ues/{SUPI}/am-data"):
        assert (rig("GET", gone).status, rig("GET", gone).json()["cause"]) == (404, "USER_NOT_FOUND")


def test_contexts(rig: Rig) -> None:
    assert rig("GET", AMF).json()["cause"] == "CONTEXT_NOT_FOUND"
    first, second = {"amfInstanceId": "a"}, {"amfInstanceId": "b"}
    created = rig("PUT", AMF, first)
    assert (created.status, created.headers["location"]) == (201, "http://127.0.0.1:8000" + AMF)
    assert rig("PUT", AMF, second).json() == first
    assert rig("GET", AMF).json() == second
    smf = f"{DATA}/{SUPI}/context-data/smf-registrations"
    assert rig("PUT", smf + "/5", {"smfInstanceId": "s"}).status == 201
    assert rig("PUT", smf + "/5", {"smfInstanceId": "t"}).status == 204
    assert rig("GET", smf).json() == [rig("GET", smf + "/5").json()] == [{"smfInstanceId": "t"}]
    assert [rig("DELETE", smf + "/5").status for _ in range(2)] == [204, 404]
    assert rig("PUT", smf + "/256", {"smfInstanceId": "t"}).status == 400
    status = f"{DATA}/{SUPI}/authentication-data/authentication-status"
    assert rig("GET", status).status == 404
    assert rig("PUT", status, {"success": True}).status == 204
    assert rig("GET", status).json() == {"success": True}


def test_digest_follows_every_change(rig: Rig) -> None:
    seen = [rig.udr.state()["digest"]]
    assert rig.udr.state()["digest"] == seen[0]
    changes: list[tuple[str, str, Any]] = [
        ("PATCH", AUTH, [{"op": "replace", "path": "/sequenceNumber/sqn", "value": "000000000041"}]),
        ("PUT", AMF, {"amfInstanceId": "a"}),
        ("PUT", f"/minicore/v1/subscribers/{SUPI}", {"k": OPC, "opc": K}),
        ("PUT", f"/minicore/v1/subscribers/{SUPI}", {"sm_policy": {"smPolicySnssaiData": {}}}),
        ("POST", f"{DATA}/subs-to-notify", {"callbackReference": "http://h/c", "monitoredResourceUris": [DATA]}),
        ("DELETE", f"{DATA}/subs-to-notify/1", None),
        ("DELETE", f"/minicore/v1/subscribers/{SUPI}", None),
    ]
    for method, path, body in changes:
        assert rig(method, path, body).status < 300
        seen.append(rig.udr.state()["digest"])
    assert seen[5] != seen[4] == seen[6]
    assert len(set(seen)) == len(seen) - 1


def test_a_range_is_quick_and_small(rig: Rig) -> None:
    import tracemalloc

    block = {"first": "imsi-001010000000000", "count": 10000, "k": K, "opc": OPC}
    begin = time.process_time()
    answer = rig("POST", "/minicore/v1/subscribers", {"range": block})
    cpu_s = time.process_time() - begin
    assert answer.json() == {"created": 9999, "changed": 1, "subscribers": 10000}
    assert cpu_s < 2, "0.05 s where it was written"
    tracemalloc.start()
    rig("POST", "/minicore/v1/subscribers", {"range": {**block, "first": "imsi-001010000500000"}})
    per_subscriber = tracemalloc.get_traced_memory()[0] / 10000
    tracemalloc.stop()
    assert per_subscriber < 500, "bytes"
    sets = rig("GET", f"{DATA}/imsi-001010000509999/00101/provisioned-data").json()
    assert sets == {"amData": documents.AM_DATA, "smfSelData": documents.SMF_SELECTION, "smData": documents.SM_DATA}
    last = f"{DATA}/imsi-001010000509999/00101/provisioned-data/sm-data"
    assert rig("GET", last).json()[0]["dnnConfigurations"]["internet"]["5gQosProfile"]["5qi"] == 9
    assert rig("DELETE", "/minicore/v1/subscribers").status == 204
    assert rig.udr.state()["subscribers"] == 0


def test_a_range_keeps_what_is_known(rig: Rig) -> None:
    rig("PUT", AMF, {"amfInstanceId": "a"})
    rig("PUT", f"/minicore/v1/subscribers/{SUPI}", {"am": {"rfspIndex": 5}})
    block = {"first": SUPI, "count": 2, "k": OPC, "opc": K}
    assert rig("POST", "/minicore/v1/subscribers", {"range": block}).json()["changed"] == 1
    assert rig("GET", AMF).json() == {"amfInstanceId": "a"}
    assert rig("GET", f"{DATA}/{SUPI}/00101/provisioned-data/am-data").json() == {"rfspIndex": 5}
    subscription = rig("GET", AUTH).json()
    assert (subscription["encPermanentKey"], subscription["sequenceNumber"]["sqn"]) == (OPC, "000000000020")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"subscribers": [], "range": {}},
        {"subscribers": [1]},
        {"subscribers": [{"supi": "imsi-00101", "k": K, "opc": OPC}, {"supi": "imsi-x", "k": K, "opc": OPC}]},
        {"subscribers": [{"supi": "imsi-00101", "k": K, "opk": OPC}]},
        {"subscribers": [{"supi": "imsi-00101", "k": K, "opc": OPC, "sqn": 1 << 48}]},
        {"subscribers": [{"supi": "imsi-00101", "k": K, "opc": OPC, "am": []}]},
        {"range": {"first": "imsi-00101", "count": True, "k": K, "opc": OPC}},
        {"range": {"first": "imsi-00101", "count": 10**30, "k": K, "opc": OPC}},
        {"range": {"first": "imsi-999999999999999", "count": 2, "k": K, "opc": OPC}},
        {"range": {"first": "imsi-00101", "count": 2, "k": K}},
    ],
)
def test_wrong_provisioning_changes_nothing(rig: Rig, body: Any) -> None:
    before = rig.udr.state()
    assert rig("POST", "/minicore/v1/subscribers", body).status == 400
    assert rig.udr.state() == before


def test_change_items() -> None:
    old, new = {"a": 1, "b": 2, "c/d": 3}, {"a": 1, "b": 4, "e": 5}
    assert change_items(old, new) == [
        {"op": "REPLACE", "path": "/b", "origValue": 2, "newValue": 4},
        {"op": "REMOVE", "path": "/c~1d", "origValue": 3},
        {"op": "ADD", "path": "/e", "newValue": 5},
    ]
    assert change_items([1], [2]) == [{"op": "REPLACE", "path": "", "origValue": [1], "newValue": [2]}]


def test_what_is_kept_is_not_deep(rig: Rig) -> None:
    deep = b'{"amfInstanceId": "a", "x": ' + b"[" * 900 + b"]" * 900 + b"}"
    refused = rig("PUT", AMF, deep)
    assert (refused.status, refused.json()["cause"]) == (400, "INVALID_MSG_FORMAT")


def test_nothing_that_is_sent_is_a_fault_of_the_udr(rig: Rig) -> None:
    chance = random.Random(15)
    odd: list[Any] = [None, True, -1, 10**40, 1e308, "", "x" * 5000, "\ud800", "\n", [], {}, [[]], {"a": {}}, SUPI, K]
    names = ["k", "opc", "amf", "sqn", "am", "sm", "supi", "range", "subscribers", "first", "count", "op", "path"]
    names += [
        "value",
        "callbackReference",
        "monitoredResourceUris",
        "amfInstanceId",
        "success",
        "ueId",
        "sdmSubscription",
    ]

    def value(levels: int = 3) -> Any:
        if levels and chance.random() < 0.4:
            return {chance.choice(names): value(levels - 1) for _ in range(chance.randrange(4))}
        if levels and chance.random() < 0.2:
            return [value(levels - 1) for _ in range(3)]
        return chance.choice(odd)

    subjects = [SUPI, "imsi-1", "%00", "x" * 3000, "\u00fc", "subs-to-notify"]
    whole = [b"", b"{", b"\xff", b"[" * 100000, b'{"a":' * 50000, b"9" * 5000, b"nan"]
    for _ in range(4000):
        method, pattern = chance.choice(rig.router.patterns)
        path = "/".join(chance.choice([*subjects, "5"]) if part[:1] == "{" else part for part in pattern.split("/"))
        body = chance.choice(whole) if chance.random() < 0.2 else json.dumps(value()).encode()
        response = rig(method, path, body)
        assert response.status < 500, (method, path, body[:200], response.body[:200])
        rig.udr.state()


def test_fingerprints_tell_keys_apart_and_give_none_away(rig: Rig) -> None:
    def fingerprints(salt: str) -> dict[str, str]:
        request = Request("GET", "/minicore/v1/subscribers", query={"salt": salt})
        found: dict[str, str] = asyncio.run(rig.router(request)).json()["fingerprints"]
        return found

    rig("PUT", "/minicore/v1/subscribers/imsi-00101", {"k": K, "opc": OPC, "amf": "8001"})
    rig("PUT", "/minicore/v1/subscribers/imsi-00102", {"k": K, "opc": OPC})
    found = fingerprints("00" * 16)
    expected = hmac.new(bytes(16), bytes.fromhex(K + OPC + "8000"), "sha256").hexdigest()
    assert found[SUPI] == found["imsi-00102"] == expected
    assert found["imsi-00101"] != expected
    assert fingerprints("01" * 16)[SUPI] != expected
    assert "fingerprints" not in rig("GET", "/minicore/v1/subscribers").json()
    wrong = Request("GET", "/minicore/v1/subscribers", query={"salt": "1"})
    assert asyncio.run(rig.router(wrong)).status == 400
