# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies for AMF and SMF from the UDR's policy data, over real HTTP/2."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from minicore.pcf.app import Pcf
from minicore.pcf.decisions import changes
from minicore.sbi.message import Response
from minicore.udr.app import Udr

KEYS = {"k": "465b5ce8b199b49faa5f0a2ee238a6bc", "opc": "cd63cb71954a9f4e48a5994e37a02baf"}
SUPI = "imsi-001010000000001"
AM = "/npcf-am-policy-control/v1/policies"
SM = "/npcf-smpolicycontrol/v1/sm-policies"
FAST, SLOW = {"uplink": "1 Gbps", "downlink": "2 Gbps"}, {"uplink": "1 Mbps", "downlink": "2 Mbps"}
QOS = {"5qi": 7, "arp": {"priorityLevel": 1, "preemptCap": "MAY_PREEMPT", "preemptVuln": "NOT_PREEMPTABLE"}}


class Rig:
    def __init__(self, nfs: list[Any]) -> None:
        self.consumer, self.udr, self.pcf = nfs

    async def ask(self, method: str, path: str, body: Any = None) -> Response:
        target = path if path.startswith("http") else self.pcf.root + path
        response: Response = await self.consumer.producers.request_at(target, method, body=body)
        return response

    async def provision(self, **parts: Any) -> None:
        path = f"/minicore/v1/subscribers/{SUPI}"
        (await self.consumer.producers.request_at(self.udr.root, "PUT", path, parts)).require(201, 204)

    async def create_am(self, **more: Any) -> Response:
        body = {"notificationUri": f"{self.consumer.root}/called/am", "supi": SUPI, "suppFeat": "0", **more}
        return await self.ask("POST", AM, body)

    async def create_sm(self, session: int = 5, **more: Any) -> Response:
        body = {
            "notificationUri": f"{self.consumer.root}/called/sm",
            "supi": SUPI,
            "pduSessionId": session,
            "pduSessionType": "IPV4",
            "dnn": "internet",
            "sliceInfo": {"sst": 1},
            "subsSessAmbr": FAST,
            "subsDefQos": QOS,
            **more,
        }
        return await self.ask("POST", SM, body)


@pytest.fixture
def rig(nfs_on_loopback: Any, consumer_type: Any) -> Any:
    def run(scenario: Any) -> None:
        async def whole() -> None:
            async with nfs_on_loopback(consumer_type, Udr, Pcf) as nfs:
                rig = Rig(nfs)
                await rig.provision(**KEYS)
                await scenario(rig)

        asyncio.run(whole())

    return run


def policy(**of_dnn: Any) -> dict[str, Any]:
    entry = {"snssai": {"sst": 1}, "smPolicyDnnData": {"internet": {"dnn": "internet", **of_dnn}}}
    return {"smPolicySnssaiData": {"1": entry}}


def test_am_policy(rig: Any, until: Any) -> None:
    async def scenario(rig: Rig) -> None:
        created = await rig.create_am(rfsp=4)
        assert created.status == 201
        body = created.json()
        assert (body["rfsp"], body["triggers"], body["request"]["supi"]) == (4, ["LOC_CH", "RFSP_CH"], SUPI)
        location = created.headers["location"]
        assert (await rig.ask("GET", location)).json() == body
        update = (await rig.ask("POST", location + "/update", {"triggers": ["RFSP_CH"], "rfsp": 6})).json()
        assert (update["rfsp"], update["resourceUri"]) == (6, location)
        restriction = {"restrictionType": "ALLOWED_AREAS", "areas": [{"tacs": ["000001"]}]}
        await rig.provision(am_policy={"rfsp": 2, "servAreaRes": restriction})
        await until(lambda: rig.consumer.called)
        name, notified = rig.consumer.called.pop()
        assert name == "am/update" and notified["resourceUri"] == location
        assert (notified["rfsp"], notified["servAreaRes"]) == (2, restriction)
        assert [(await rig.ask("DELETE", location)).status for _ in range(2)] == [204, 404]
        gone = await rig.ask("POST", location + "/update", {})
        assert (gone.status, gone.json()["cause"]) == (404, "POLICY_ASSOCIATION_NOT_FOUND")

    rig(scenario)


def test_sm_policy_follows_subscription_then_policy_data(rig: Any, until: Any) -> None:
    async def scenario(rig: Rig) -> None:
        created = await rig.create_sm()
        decision = created.require(201).json()
        rule = {"sessRuleId": "default", "authSessAmbr": FAST, "authDefQos": QOS}
        assert decision["sessRules"] == {"default": rule}
        assert decision["qosDecs"]["default"]["5qi"] == 7
        assert (
            decision["pccRules"]["default"]["flowInfos"][0]["flowDescription"] == "permit out ip from any to assigned"
        )
        location = created.headers["location"]
        updated = await rig.ask("POST", location + "/update", {"subsSessAmbr": SLOW, "pduSessionId": 9})
        assert updated.json() == {"sessRules": {"default": {**rule, "authSessAmbr": SLOW}}}
        assert (await rig.ask("GET", location)).json()["context"]["pduSessionId"] == 5

        before = rig.pcf.state()["digest"]
        video = {
            "pccRuleId": "video",
            "precedence": 10,
            "flowInfos": [{"flowDescription": "permit out 17 from any to any"}],
        }
        await rig.provision(sm_policy=policy(authSessAmbr=FAST, pccRules={"video": video}))
        await until(lambda: rig.consumer.called)
        name, notified = rig.consumer.called.pop()
        assert (name, notified["resourceUri"]) == ("sm/update", location)
        assert notified["smPolicyDecision"] == {
            "sessRules": {"default": rule},
            "pccRules": {"video": video, "default": None},
            "qosDecs": {"default": None},
        }
        assert rig.pcf.state()["digest"] != before
        # A session that comes later gets the same, another slice does not.
        assert (await rig.create_sm(6)).json()["pccRules"] == {"video": video}
        assert "default" in (await rig.create_sm(7, sliceInfo={"sst": 2})).json()["pccRules"]
        assert (
            "flowInfos"
            not in (await rig.create_sm(8, dnn="lan", pduSessionType="ETHERNET")).json()["pccRules"]["default"]
        )
        assert rig.pcf.state()["sm_policies"] == 4
        # One that the SMF asks for again replaces the one that it has forgotten.
        await rig.create_sm(8)
        assert rig.pcf.state()["sm_policies"] == 4
        assert [(await rig.ask("POST", location + "/delete", {})).status for _ in range(2)] == [204, 404]

    rig(scenario)


def test_a_session_after_a_registration_needs_no_udr(rig: Any) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.create_am()
        await rig.udr.stop()
        assert (await rig.create_sm()).status == 201

    rig(scenario)


def test_a_deleted_subscriber_ends_the_policies(rig: Any, until: Any) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.create_am()
        await rig.create_sm()
        await rig.consumer.producers.request_at(rig.udr.root, "DELETE", f"/minicore/v1/subscribers/{SUPI}")
        await until(lambda: len(rig.consumer.called) == 2)
        assert sorted(name for name, _ in rig.consumer.called) == ["am/terminate", "sm/terminate"]
        assert {body["cause"] for _, body in rig.consumer.called} == {"UE_SUBSCRIPTION"}
        refused = await rig.create_sm()
        assert (refused.status, refused.json()["cause"]) == (400, "USER_UNKNOWN")

    rig(scenario)


def test_wrong_requests(rig: Any) -> None:
    async def scenario(rig: Rig) -> None:
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"supi": "imsi-001019999999999"}, "USER_UNKNOWN"),
            ({"supi": "nai-a@b"}, "USER_UNKNOWN"),
            ({"pduSessionType": "IPX"}, "MANDATORY_IE_INCORRECT"),
            ({"pduSessionId": 256}, "MANDATORY_IE_INCORRECT"),
            ({"sliceInfo": {"sst": "1"}}, "MANDATORY_IE_INCORRECT"),
            ({"notificationUri": None}, "MANDATORY_IE_MISSING"),
            ({"subsSessAmbr": "1 Gbps"}, "OPTIONAL_IE_INCORRECT"),
        ]
        for change, cause in wrong:
            response = await rig.create_sm(**change)
            assert (response.status, response.json()["cause"]) == (400, cause)
        assert (await rig.create_am(rfsp=257)).json()["cause"] == "OPTIONAL_IE_INCORRECT"
        assert rig.pcf.state()["sm_policies"] == rig.pcf.state()["am_policies"] == 0
        await rig.udr.stop()
        assert (await rig.create_am()).json()["cause"] == "TARGET_NF_NOT_REACHABLE"

    rig(scenario)


def test_changes() -> None:
    old = {"sessRules": {"a": 1, "b": 2}, "suppFeat": "0"}
    assert changes(old, old) == {}
    assert changes(old, {"sessRules": {"a": 1, "c": 3}, "pccRules": {}}) == {"sessRules": {"b": None, "c": 3}}


def test_nothing_that_is_sent_is_a_fault_of_the_pcf(rig: Any, odd_bodies: Any) -> None:
    names = [
        "notificationUri",
        "supi",
        "suppFeat",
        "rfsp",
        "servAreaRes",
        "triggers",
        "pduSessionId",
        "sliceInfo",
        "sst",
    ]
    names += ["pduSessionType", "dnn", "subsSessAmbr", "subsDefQos", "ueId", "amPolicyData", "smPolicyData", "snssai"]
    names += ["delResources", "smPolicySnssaiData", "smPolicyDnnData", "internet", "pccRules"]

    async def scenario(rig: Rig) -> None:
        am = (await rig.create_am()).headers["location"]
        sm = (await rig.create_sm()).headers["location"]
        root = rig.pcf.root
        targets = [root + AM, root + SM, am + "/update", sm + "/update", f"{root}/minicore/v1/pcf/policy-data-change"]
        headers = {"content-type": "application/json"}
        for number, body in enumerate(odd_bodies(names, 1000)):
            target = targets[number % len(targets)]
            response = await rig.consumer.producers.request_at(target, "POST", body=body, headers=headers)
            assert response.status < 500, (target, body[:300], response.body)
        # Policy data as an operator may write them by mistake.
        for body in odd_bodies(names, 300, seed=16):
            path = f"/minicore/v1/subscribers/{SUPI}"
            text = b'{"sm_policy": {"smPolicySnssaiData": {"1": %s}}}' % (body if body[:1] == b"{" else b"1")
            await rig.consumer.producers.request_at(rig.udr.root + path, "PUT", body=text, headers=headers)
            assert (await rig.create_sm(9)).status == 201, text[:300]
        rig.pcf.state()

    rig(scenario)
