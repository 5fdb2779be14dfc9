# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slice selection by the NSSF's resource."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from minicore.nssf.app import INFORMATION, PDU_SESSION, REGISTRATION, Nssf
from minicore.sbi.message import Request, Response
from minicore.settings import Environment, Settings, SettingsError

VARIABLES = {"MINICORE_ADDRESS": "127.0.0.1", "MINICORE_NRF": "http://127.0.0.1:1"}
ONE, GOLD, OTHER = {"sst": 1}, {"sst": 1, "sd": "000001"}, {"sst": 2}


def nssf(**variables: str) -> Nssf:
    given = {**VARIABLES, **variables}
    one = Nssf(Settings.from_environment(given), Environment(given))
    one.add_routes(one.router)
    return one


def ask(one: Nssf, kind: str, info: Any, **more: str) -> Response:
    text = info if isinstance(info, str) else json.dumps(info)
    query = {"nf-type": "AMF", "nf-id": "a", kind: text, **more}
    return asyncio.run(one.router(Request("GET", INFORMATION, query)))


def subscribed(*slices: dict[str, Any], default: int = 0) -> list[dict[str, Any]]:
    return [{"subscribedSnssai": one, "defaultIndication": number == default} for number, one in enumerate(slices)]


def allowed(response: Response) -> list[dict[str, Any]]:
    (access,) = response.json()["allowedNssaiList"]
    return [one["allowedSnssai"] for one in access["allowedSnssaiList"]]


def test_registration() -> None:
    one = nssf()
    both = subscribed(ONE, GOLD)
    answer = ask(one, REGISTRATION, {"requestedNssai": [GOLD, OTHER], "subscribedNssai": both})
    assert allowed(answer) == [GOLD]
    assert answer.json()["rejectedNssaiInPlmn"] == [OTHER]
    assert answer.json()["targetAmfSet"] == "001-01-01-001"
    assert answer.json()["configuredNssai"] == [{"configuredSnssai": ONE}, {"configuredSnssai": GOLD}]
    # Nothing requested, or nothing of it subscribed: the default.
    assert allowed(ask(one, REGISTRATION, {"subscribedNssai": both})) == [ONE]
    assert allowed(ask(one, REGISTRATION, {"requestedNssai": [GOLD], "subscribedNssai": subscribed(ONE)})) == [ONE]
    assert allowed(ask(one, REGISTRATION, {"requestedNssai": [GOLD]})) == [GOLD]
    assert one.state()["answered"] == 4
    for info in ({"requestedNssai": [OTHER]}, {"subscribedNssai": subscribed(OTHER)}):
        refused = ask(one, REGISTRATION, info)
        assert (refused.status, refused.json()["cause"]) == (403, "SNSSAI_NOT_SUPPORTED")


def test_pdu_session() -> None:
    one = nssf(MINICORE_SLICES="2")
    info = {"sNssai": OTHER, "roamingIndication": "NON_ROAMING"}
    assert ask(one, PDU_SESSION, info).json()["nsiInformation"]["nsiId"] == "2"
    refused = ask(one, PDU_SESSION, {"sNssai": ONE})
    assert (refused.status, refused.json()["cause"]) == (403, "SNSSAI_NOT_SUPPORTED")


@pytest.mark.parametrize("slices", ["", "one", "256", "1-1", "1,,2"])
def test_wrong_configuration_is_named(slices: str) -> None:
    with pytest.raises(SettingsError, match="MINICORE_SLICES"):
        nssf(MINICORE_SLICES=slices)


def test_nothing_that_is_sent_is_a_fault_of_the_nssf(odd_bodies: Any) -> None:
    one = nssf()
    names = ["requestedNssai", "subscribedNssai", "subscribedSnssai", "sst", "sd", "sNssai", "defaultIndication"]
    for number, body in enumerate(odd_bodies(names, 2000)):
        kind = (REGISTRATION, PDU_SESSION)[number % 2]
        assert ask(one, kind, body.decode("latin-1")).status < 500, body[:300]
    for missing in ("nf-type", "nf-id"):
        assert ask(one, REGISTRATION, {}, **{missing: ""}).json()["cause"] == "MANDATORY_QUERY_PARAM_MISSING"
