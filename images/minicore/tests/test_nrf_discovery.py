# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which profiles the NRF takes and which it finds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from minicore.nrf import discovery
from minicore.nrf import profile as nf_profile
from minicore.sbi.message import Problem

ID = "00000000-0000-4000-8000-000000000001"
SERVICE = {
    "serviceInstanceId": "1",
    "serviceName": "nausf-auth",
    "versions": [{"apiVersionInUri": "v1", "apiFullVersion": "1.0.0"}],
    "scheme": "http",
    "nfServiceStatus": "REGISTERED",
    "ipEndPoints": [{"ipv4Address": "192.0.2.1", "port": 8000}],
}


def profile(nf_type: str, name: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "nfInstanceId": ID[:-1] + name,
        "nfType": nf_type,
        "nfStatus": "REGISTERED",
        "ipv4Addresses": ["192.0.2.1"],
        **more,
    }


def smf(name: str, sst: int, dnn: str, **more: Any) -> dict[str, Any]:
    item = {"sNssai": {"sst": sst}, "dnnSmfInfoList": [{"dnn": dnn}]}
    return profile("SMF", name, smfInfo={"sNssaiSmfInfoList": [item]}, **more)


def amf(name: str, set_id: str, amf_id: str) -> dict[str, Any]:
    guami = {"plmnId": {"mcc": "001", "mnc": "01"}, "amfId": amf_id}
    return profile("AMF", name, amfInfo={"amfRegionId": "02", "amfSetId": set_id, "guamiList": [guami]})


PROFILES = [
    smf("1", 1, "internet", priority=5),
    smf("2", 2, "internet", priority=1),
    smf("3", 1, "ims", plmnList=[{"mcc": "999", "mnc": "70"}]),
    profile("SMF", "4", nfStatus="SUSPENDED"),
    amf("5", "001", "020040"),
    amf("6", "002", "020080"),
    profile("AUSF", "7", nfServices=[SERVICE], ausfInfo={"supiRanges": [{"start": "00101", "end": "00199"}]}),
    profile("AUSF", "8", nfServiceList={"1": SERVICE}, ausfInfo={"routingIndicators": ["0000"]}, priority=9),
    profile("UDR", "9", allowedNfTypes=["UDM", "PCF"]),
    profile("AUSF", "0", nfServices=[{**SERVICE, "nfServiceStatus": "SUSPENDED"}]),
]


@pytest.mark.parametrize(
    ("nf_type", "query", "found"),
    [
        ("SMF", {}, "213"),
        ("SMF", {"limit": "1"}, "2"),
        ("SMF", {"dnn": "internet"}, "21"),
        ("SMF", {"dnn": "internet", "snssais": json.dumps([{"sst": 1}])}, "1"),
        ("SMF", {"snssais": json.dumps([{"sst": 1, "sd": "000001"}])}, ""),
        ("SMF", {"target-plmn-list": json.dumps([{"mcc": "001", "mnc": "01"}])}, "21"),
        ("SMF", {"target-nf-instance-id": PROFILES[0]["nfInstanceId"]}, "1"),
        ("SMF", {"of-another-release": "x"}, "213"),
        ("AMF", {"amf-set-id": "002"}, "6"),
        ("AMF", {"amf-region-id": "02"}, "56"),
        ("AMF", {"guami": json.dumps({"plmnId": {"mcc": "001", "mnc": "01"}, "amfId": "020040"})}, "5"),
        ("AUSF", {"service-names": "nausf-auth,nausf-other"}, "87"),
        ("AUSF", {"service-names": "nausf-other"}, ""),
        ("AUSF", {"supi": "imsi-00150", "service-names": "nausf-auth"}, "87"),
        ("AUSF", {"supi": "imsi-00250", "service-names": "nausf-auth"}, "8"),
        ("AUSF", {"routing-indicator": "17", "service-names": "nausf-auth"}, "7"),
        ("UDR", {}, ""),
    ],
)
def test_a_discovery_finds_what_fits(nf_type: str, query: dict[str, str], found: str) -> None:
    answer = discovery.find(PROFILES, {"target-nf-type": nf_type, "requester-nf-type": "AMF", **query})
    assert "".join(one["nfInstanceId"][-1] for one in answer) == found


@pytest.mark.parametrize("name", ["snssais", "guami", "target-plmn-list", "limit"])
@pytest.mark.parametrize("value", ["", "{", "[]", "[1]", "x", "-1", "[" * 100_000])
def test_a_bad_parameter_is_named(name: str, value: str) -> None:
    with pytest.raises(Problem) as refused:
        discovery.find(PROFILES, {"target-nf-type": "SMF", "requester-nf-type": "AMF", name: value})
    answer = refused.value.response().json()
    assert (answer["cause"], answer["invalidParams"][0]["param"]) == ("OPTIONAL_QUERY_PARAM_INCORRECT", name)


@pytest.mark.parametrize(
    ("changes", "cause", "params"),
    [
        ({"nfType": None, "ipv4Addresses": None}, "MANDATORY_IE_MISSING", ["/nfType", "/ipv4Addresses"]),
        ({"nfInstanceId": "a"}, "MANDATORY_IE_INCORRECT", ["/nfInstanceId", "/nfInstanceId"]),
        ({"nfStatus": "ALIVE"}, "MANDATORY_IE_INCORRECT", ["/nfStatus"]),
        ({"ipv4Addresses": ["1.2.3"]}, "OPTIONAL_IE_INCORRECT", ["/ipv4Addresses"]),
        ({"priority": 65536, "load": True}, "OPTIONAL_IE_INCORRECT", ["/priority", "/load"]),
        ({"plmnList": [{"mcc": "1", "mnc": "01"}]}, "OPTIONAL_IE_INCORRECT", ["/plmnList/0/mcc"]),
        ({"sNssais": [{"sd": "x"}, 1]}, "OPTIONAL_IE_INCORRECT", ["/sNssais/0/sst", "/sNssais/0/sd", "/sNssais/1"]),
        ({"nfServices": {}}, "OPTIONAL_IE_INCORRECT", ["/nfServices"]),
        ({"nfServices": [SERVICE, SERVICE]}, "OPTIONAL_IE_INCORRECT", ["/nfServices"]),
        ({"nfServices": [{**SERVICE, "scheme": "ftp"}]}, "OPTIONAL_IE_INCORRECT", ["/nfServices/0/scheme"]),
        ({"nfServiceList": {"x": {}}}, "OPTIONAL_IE_INCORRECT", 5),
        (
            {"nfServices": [{**SERVICE, "ipEndPoints": [{"port": 70000}]}]},
            "OPTIONAL_IE_INCORRECT",
            ["/nfServices/0/ipEndPoints/0/port"],
        ),
        ({"smfInfo": []}, "OPTIONAL_IE_INCORRECT", ["/smfInfo"]),
    ],
)
def test_a_bad_profile_is_refused_with_all_its_faults(
    changes: dict[str, Any], cause: str, params: list[str] | int
) -> None:
    bad = {name: value for name, value in {**profile("AUSF"), **changes}.items() if value is not None}
    with pytest.raises(Problem) as refused:
        nf_profile.check(bad, profile("AUSF")["nfInstanceId"])
    answer = refused.value.response().json()
    assert (refused.value.status, answer["cause"]) == (400, cause)
    found = [one["param"] for one in answer["invalidParams"]]
    assert found == params or len(found) == params


def test_good_profiles_are_taken() -> None:
    for one in PROFILES:
        nf_profile.check(one, one["nfInstanceId"])
