# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registrations, subscriber data and their subscriptions, with both kinds of store, over real HTTP/2."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from minicore.sbi.message import Response
from minicore.udm.app import Udm
from minicore.udm.sdm_resources import monitored
from minicore.udr import documents
from minicore.udr.app import Udr

KEYS = {"k": "465b5ce8b199b49faa5f0a2ee238a6bc", "opc": "cd63cb71954a9f4e48a5994e37a02baf"}
SUPI = "imsi-001010000000001"
AMF = f"/nudm-uecm/v1/{SUPI}/registrations/amf-3gpp-access"
SMFS = f"/nudm-uecm/v1/{SUPI}/registrations/smf-registrations"
SDM = f"/nudm-sdm/v2/{SUPI}"
GUAMI = {"plmnId": {"mcc": "001", "mnc": "01"}, "amfId": "010041"}


class Rig:
    def __init__(self, nfs: list[Any]) -> None:
        self.consumer, self.udr, *self.udms = nfs

    async def ask(self, method: str, path: str, body: Any = None, udm: int = 0, **query: str) -> Response:
        text = "&".join(f"{name.replace('_', '-')}={value}" for name, value in query.items())
        target = self.udms[udm].root + path + (f"?{text}" if text else "")
        response: Response = await self.consumer.producers.request_at(target, method, body=body)
        return response

    async def provision(self, **parts: Any) -> None:
        path = f"/minicore/v1/subscribers/{SUPI}"
        (await self.consumer.producers.request_at(self.udr.root, "PUT", path, parts)).require(201, 204)

    def registration(self, instance: str, **more: Any) -> dict[str, Any]:
        callback = f"{self.consumer.root}/called/{instance}"
        return {
            "amfInstanceId": instance,
            "deregCallbackUri": callback,
            "guami": GUAMI,
            "ratType": "NR",
            **more,
        }

    def subscription(self, *names: str) -> dict[str, Any]:
        uris = [f"{SDM}/{name}" for name in names]
        return {
            "nfInstanceId": "a",
            "callbackReference": f"{self.consumer.root}/called/sdm",
            "monitoredResourceUris": uris,
        }


@pytest.fixture(params=["memory", "udr"])
def rig(request: pytest.FixtureRequest, nfs_on_loopback: Any, consumer_type: Any) -> Any:
    def run(scenario: Any, udms: int = 1) -> None:
        async def whole() -> None:
            variables = {"MINICORE_UDM_STORE": request.param}
            async with nfs_on_loopback(consumer_type, Udr, *[Udm] * udms, variables=variables) as nfs:
                rig = Rig(nfs)
                await rig.provision(**KEYS)
                await scenario(rig)

        asyncio.run(whole())

    return run


def test_amf_registration(rig: Any, until: Any) -> None:
    async def scenario(rig: Rig) -> None:
        missing = await rig.ask("GET", AMF)
        assert (missing.status, missing.json()["cause"]) == (404, "CONTEXT_NOT_FOUND")
        first = await rig.ask("PUT", AMF, rig.registration("one"))
        assert (first.status, first.headers["location"]) == (201, rig.udms[0].root + AMF)
        assert (await rig.ask("PUT", AMF, rig.registration("one"))).status == 200
        assert (await rig.ask("GET", AMF)).json()["amfInstanceId"] == "one"
        assert (await rig.ask("PUT", AMF, rig.registration("two", initialRegistrationInd=True))).status == 200
        await until(lambda: rig.consumer.called)
        assert rig.consumer.called == [
            ("one", {"deregReason": "UE_INITIAL_REGISTRATION", "accessType": "3GPP_ACCESS", "newGuami": GUAMI})
        ]
        other = {"guami": {**GUAMI, "amfId": "020041"}, "purgeFlag": True}
        refused = await rig.ask("PATCH", AMF, other)
        assert (refused.status, refused.json()["cause"]) == (403, "INVALID_GUAMI")
        assert (await rig.ask("PATCH", AMF, {"guami": GUAMI, "imsVoPs": "HOMOGENEOUS_SUPPORT"})).status == 204
        assert (await rig.ask("GET", AMF)).json()["imsVoPs"] == "HOMOGENEOUS_SUPPORT"
        assert (await rig.ask("PATCH", AMF, {"guami": GUAMI, "purgeFlag": True})).status == 204
        assert (await rig.ask("GET", AMF)).status == 404
        unknown = await rig.ask("PUT", AMF.replace(SUPI, "imsi-001019999999999"), rig.registration("one"))
        assert (unknown.status, unknown.json()["cause"]) == (404, "USER_NOT_FOUND")

    rig(scenario)


def test_smf_registrations(rig: Any) -> None:
    async def scenario(rig: Rig) -> None:
        body = {"smfInstanceId": "s", "pduSessionId": 5, "singleNssai": {"sst": 1}, "dnn": "internet"}
        assert (await rig.ask("GET", SMFS)).status == 404
        assert [(await rig.ask("PUT", SMFS + "/5", body)).status for _ in range(2)] == [201, 200]
        assert (await rig.ask("GET", SMFS + "/5")).json() == body
        assert (await rig.ask("GET", SMFS)).json() == {"smfRegistrationList": [body]}
        assert (await rig.ask("PUT", SMFS + "/6", body)).status == 400
        assert (await rig.ask("PUT", SMFS + "/5", {**body, "singleNssai": {"sst": 256}})).status == 400
        assert [(await rig.ask("DELETE", SMFS + "/5")).status for _ in range(2)] == [204, 404]

    rig(scenario)


def test_subscriber_data(rig: Any) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.ask("GET", SDM + "/am-data")).json() == documents.AM_DATA
        assert (await rig.ask("GET", SDM + "/smf-select-data")).json() == documents.SMF_SELECTION
        assert (await rig.ask("GET", SDM + "/nssai")).json() == documents.AM_DATA["nssai"]
        sets = (await rig.ask("GET", SDM, dataset_names="AM,SMF_SEL")).json()
        assert sets == {"amData": documents.AM_DATA, "smfSelData": documents.SMF_SELECTION}
        assert (await rig.ask("GET", SDM, dataset_names="AM,XX")).status == 400
        assert (await rig.ask("GET", SDM)).json()["cause"] == "MANDATORY_QUERY_PARAM_MISSING"
        slice_text = json.dumps({"sst": 1}, separators=(",", ":"))
        found = await rig.ask("GET", SDM + "/sm-data", single_nssai=slice_text, dnn="internet")
        assert found.json() == documents.SM_DATA
        for nothing in (
            await rig.ask("GET", SDM + "/sm-data", single_nssai='{"sst":2}'),
            await rig.ask("GET", SDM + "/sm-data", dnn="ims"),
        ):
            assert (nothing.status, nothing.json()["cause"]) == (404, "DATA_NOT_FOUND")
        assert (await rig.ask("GET", SDM + "/sm-data", single_nssai="[")).status == 400
        assert (await rig.ask("GET", SDM.replace("imsi", "nai") + "/am-data")).json()["cause"] == "USER_NOT_FOUND"

    rig(scenario)


def test_changes_are_notified(rig: Any, until: Any) -> None:
    async def scenario(rig: Rig) -> None:
        created = await rig.ask("POST", SDM + "/sdm-subscriptions", rig.subscription("am-data", "nssai"))
        assert created.status == 201
        await rig.ask("GET", SDM + "/am-data")
        await rig.provision(am={**documents.AM_DATA, "rfspIndex": 9})
        await until(lambda: len(rig.consumer.called) == 1)
        name, body = rig.consumer.called.pop()
        change = {"op": "REPLACE", "path": "/rfspIndex", "origValue": 1, "newValue": 9}
        assert (name, body) == (
            "sdm",
            {"notifyItems": [{"resourceId": f"{rig.udms[0].root}{SDM}/am-data", "changes": [change]}]},
        )
        assert (await rig.ask("GET", SDM + "/am-data")).json()["rfspIndex"] == 9

        nssai = {"defaultSingleNssais": [{"sst": 2}]}
        await rig.provision(am={**documents.AM_DATA, "rfspIndex": 9, "nssai": nssai})
        await until(lambda: len(rig.consumer.called) == 1)
        items = rig.consumer.called.pop()[1]["notifyItems"]
        assert [item["resourceId"].rsplit("/", 1)[1] for item in items] == ["am-data", "nssai"]
        assert [item["changes"][0]["path"] for item in items] == ["/nssai", ""]

        # What is not monitored is not notified, and after the end nothing is.
        await rig.provision(smf_selection={})
        location = created.headers["location"]
        assert (await rig.consumer.producers.request_at(location, "DELETE")).status == 204
        assert (await rig.consumer.producers.request_at(location, "DELETE")).json()["cause"] == "SUBSCRIPTION_NOT_FOUND"
        await rig.provision(am=documents.AM_DATA)
        second = await rig.ask("POST", SDM + "/sdm-subscriptions", rig.subscription("sm-data"))
        assert second.status == 201
        await rig.provision(sm=[])
        await until(lambda: rig.consumer.called)
        assert [body["notifyItems"][0]["resourceId"].rsplit("/", 1)[1] for _, body in rig.consumer.called] == [
            "sm-data"
        ]

    rig(scenario)


def test_a_withdrawn_subscription_deregisters_the_ue(rig: Any, until: Any) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.ask("PUT", AMF, rig.registration("one"))
        await rig.ask("POST", SDM + "/sdm-subscriptions", rig.subscription("am-data"))
        await rig.consumer.producers.request_at(rig.udr.root, "DELETE", f"/minicore/v1/subscribers/{SUPI}")
        # A stateless UDM does not know the AMF any more: it was in the UDR. The AMF gets the change of the data.
        expected = {"sdm", "one"} if rig.udms[0].kind == "memory" else {"sdm"}
        await until(lambda: {name for name, _ in rig.consumer.called} == expected)
        reasons = [body.get("deregReason") for name, body in rig.consumer.called if name == "one"]
        assert reasons == ["SUBSCRIPTION_WITHDRAWN"] * (len(expected) - 1)
        assert (await rig.ask("GET", AMF)).json()["cause"] == "USER_NOT_FOUND"
        assert rig.udms[0].state()["subscriptions"] == 0
        assert rig.udr.state()["subscriptions"] == len(expected) - 1  # that of the stateful UDM to all UEs

    rig(scenario)


def test_a_notification_is_sent_again(rig: Any, until: Any) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.ask("POST", SDM + "/sdm-subscriptions", rig.subscription("am-data"))
        rig.consumer.answers = 503
        await rig.provision(am={})
        await until(lambda: rig.consumer.called)
        rig.consumer.answers = 204
        await until(lambda: len(rig.consumer.called) == 2)
        assert rig.consumer.called[0] == rig.consumer.called[1]
        assert rig.udms[0].state()["notifications_failed"] == 0

    rig(scenario)


def test_state(rig: Any) -> None:
    async def scenario(rig: Rig) -> None:
        udm = rig.udms[0]
        before = udm.full_state()
        assert before["registrations"] == before["subscriptions"] == 0 and before["nrf_registered"]
        await rig.ask("PUT", AMF, rig.registration("one"))
        await rig.ask("POST", SDM + "/sdm-subscriptions", rig.subscription("am-data"))
        kept = (udm.state()["registrations"], udm.state()["subscriptions"])
        at_udr = (rig.udr.state()["amf_registrations"], rig.udr.state()["subscriptions"])
        if udm.kind == "memory":
            assert (kept, at_udr) == ((1, 1), (0, 1)) and udm.state()["digest"] != before["digest"]
        else:
            assert (kept, at_udr) == ((0, 0), (1, 1)) and udm.state()["digest"] == before["digest"]

    rig(scenario)


def test_stateless_udms_answer_alike(nfs_on_loopback: Any, consumer_type: Any, until: Any) -> None:
    async def scenario() -> None:
        variables = {"MINICORE_UDM_STORE": "udr"}
        async with nfs_on_loopback(consumer_type, Udr, Udm, Udm, variables=variables) as nfs:
            rig = Rig(nfs)
            await rig.provision(**KEYS)
            assert (await rig.ask("PUT", AMF, rig.registration("one"), udm=0)).status == 201
            assert (await rig.ask("PUT", AMF, rig.registration("two"), udm=1)).status == 200
            await until(lambda: [name for name, _ in rig.consumer.called] == ["one"])
            seen = [(await rig.ask("GET", AMF, udm=udm)).json() for udm in (0, 1)]
            assert seen[0] == seen[1] == rig.registration("two")
            created = await rig.ask("POST", SDM + "/sdm-subscriptions", rig.subscription("am-data"), udm=0)
            await rig.provision(am={"rfspIndex": 3})
            await until(lambda: len(rig.consumer.called) == 2)
            # The other one ends the subscription, and reads the new data.
            path = created.headers["location"].removeprefix(rig.udms[0].root)
            assert (await rig.ask("DELETE", path, udm=1)).status == 204
            assert (await rig.ask("GET", SDM + "/am-data", udm=1)).json() == {"rfspIndex": 3}
            assert rig.udr.state()["subscriptions"] == 0

    asyncio.run(scenario())


def test_monitored_resources() -> None:
    assert monitored([f"http://udm:8000{SDM}/am-data", f"{SDM}/sm-data/"]) == ("am-data", "sm-data")
    assert monitored([SDM]) == ("am-data", "smf-select-data", "sm-data", "nssai")


def test_nothing_that_is_sent_is_a_fault_of_the_udm(rig: Any, odd_bodies: Any) -> None:
    names = ["amfInstanceId", "deregCallbackUri", "guami", "ratType", "purgeFlag", "smfInstanceId", "pduSessionId"]
    names += ["singleNssai", "sst", "nfInstanceId", "callbackReference", "monitoredResourceUris", "ueId", "notifyItems"]
    names += ["resourceId", "changes", "path", "servingNetworkName", "ausfInstanceId", "resynchronizationInfo", "rand"]
    names += ["auts", "success", "authRemovalInd", "sdmSubscription", "originalCallbackReference"]
    paths = [("PUT", "/nudm-uecm/v1/{}/registrations/amf-3gpp-access"), ("PUT", "/nudm-sdm/v2/{}/am-data")]
    paths += [("PATCH", "/nudm-uecm/v1/{}/registrations/amf-3gpp-access"), ("GET", "/nudm-sdm/v2/{}/am-data")]
    paths += [("PUT", "/nudm-uecm/v1/{}/registrations/smf-registrations/5"), ("GET", "/nudm-sdm/v2/{}")]
    paths += [("DELETE", "/nudm-uecm/v1/{}/registrations/smf-registrations/{}")]
    paths += [("POST", "/nudm-sdm/v2/{}/sdm-subscriptions"), ("DELETE", "/nudm-sdm/v2/{}/sdm-subscriptions/{}")]
    paths += [("POST", "/minicore/v1/udm/data-change"), ("PUT", "/nudm-ueau/v1/{}/auth-events/1")]
    paths += [("POST", "/nudm-ueau/v1/{}/auth-events")]
    paths += [("POST", "/nudm-ueau/v1/{}/security-information/generate-auth-data")]
    subjects = [SUPI, "imsi-1", "%0a", "%2F", "x" * 900, "suci-0-001-01-0-0-0-0000000001", "imsi-001019999999999"]

    async def scenario(rig: Rig) -> None:
        await rig.ask("POST", SDM + "/sdm-subscriptions", rig.subscription("am-data", "nssai"))
        for number, body in enumerate(odd_bodies(names, 1500)):
            method, template = paths[number % len(paths)]
            subject = subjects[number // len(paths) % len(subjects)] if number % 3 else SUPI
            path = template.format(subject, subject)
            target = rig.udms[0].root + path
            headers = {"content-type": "application/json"}
            response = await rig.consumer.producers.request_at(target, method, body=body, headers=headers)
            assert response.status < 500 or response.status == 501, (method, path, body[:300], response.body)
        rig.udms[0].state()

    rig(scenario)
