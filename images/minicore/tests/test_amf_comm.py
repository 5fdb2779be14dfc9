# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namf_Communication and the notifications that an AMF gets; its profile, settings and state."""

from __future__ import annotations

from typing import Any

import pytest
from minicore.amf.config import AmfConfig
from minicore.nas import gmm
from minicore.sbi import multipart
from minicore.settings import Environment, Settings, SettingsError

from images.minicore.tests.amf_core import SETUP_TRANSFER
from images.minicore.tests.amf_lab import AmfLab, run
from images.minicore.tests.amf_peers import ScriptedUe

N1_CONTAINER = {"n1MessageContainer": {"n1MessageClass": "SM", "n1MessageContent": {"contentId": "n1"}}}
N1_PART = {"n1": (multipart.N1_TYPE, b"n1")}


def n2_container(kind: object, psi: object = 1) -> dict[str, Any]:
    content = {"ngapIeType": kind, "ngapData": {"contentId": "n1"}}
    return {"n2InfoContainer": {"n2InformationClass": "SM", "smInfo": {"pduSessionId": psi, "n2InfoContent": content}}}


@pytest.mark.parametrize(
    ("data", "parts", "status"),
    [
        ({"pduSessionId": 1}, {}, 400),
        ({**N1_CONTAINER, "pduSessionId": 1}, {}, 400),
        ({**N1_CONTAINER, "pduSessionId": "1"}, N1_PART, 400),
        ({**N1_CONTAINER, "pduSessionId": 2}, N1_PART, 404),
        ({**N1_CONTAINER, "pduSessionId": 1, "n1n2FailureTxfNotifURI": 5}, N1_PART, 400),
        ({"n1MessageContainer": "x", "pduSessionId": 1}, N1_PART, 400),
        (n2_container("PATH_SWITCH_REQ"), N1_PART, 400),
        (n2_container(5), N1_PART, 400),
        (n2_container([]), N1_PART, 400),
        (n2_container("PDU_RES_SETUP_REQ", 3), N1_PART, 404),
        ({**N1_CONTAINER, "pduSessionId": 1}, N1_PART, 200),
    ],
)
def test_a_transfer_is_checked(data: dict[str, Any], parts: dict[str, tuple[str, bytes]], status: int) -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        content_type, body = multipart.encode(data, parts)
        path = f"/namf-comm/v1/ue-contexts/{ue.supi}/n1-n2-messages"
        answer = await lab.client.request("POST", path, body, {"content-type": content_type})
        assert answer.status == status, answer.body

    run(scenario)


def test_a_transfer_for_an_unknown_ue_or_in_no_format_is_refused() -> None:
    async def scenario(lab: AmfLab) -> None:
        answer = await lab.transfer(ScriptedUe(lab.gnb, 9), n1=b"x")
        assert (answer.status, answer.json()["cause"]) == (404, "CONTEXT_NOT_FOUND")
        ue = await lab.registered()
        path = f"/namf-comm/v1/ue-contexts/{ue.supi}/n1-n2-messages"
        for content_type in ("multipart/related", "multipart/related; boundary=x", "application/json"):
            answer = await lab.client.request("POST", path, b"--x", {"content-type": content_type})
            assert (answer.status, answer.json()["cause"]) == (400, "INVALID_MSG_FORMAT")

    run(scenario)


def test_a_transfer_during_registration_waits_for_its_end() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        await ue.become_idle()
        lab.core.hold.clear()
        ue.start_protected(ue.registration_request(gmm.RegistrationType.MOBILITY, uplink_data=frozenset({1})))
        await lab.until(lambda: lab.ue(ue).is_connected)
        assert (await lab.transfer(ue, n1=b"later")).status == 202
        lab.core.hold.set()
        await ue.accepted()
        assert (await ue.downlink(gmm.DlNasTransport)).payload == b"later"
        assert lab.counters.pagings_total == 0

    run(scenario)


@pytest.mark.parametrize(("reason", "purges"), [("UE_INITIAL_REGISTRATION", 0), ("SUBSCRIPTION_WITHDRAWN", 1)])
def test_the_udm_deregisters(reason: str, purges: int) -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        path = f"/namf-callback/v1/{ue.supi}/deregistration"
        answer = await lab.post(path, {"deregReason": reason, "accessType": "3GPP_ACCESS"})
        assert answer.status == 204
        if purges:
            await ue.downlink(gmm.NetworkDeregistrationRequest)
            ue.uplink(gmm.NetworkDeregistrationAccept())
        await ue.released()
        assert lab.amf.state()["ues"]["registered"] == 0
        assert lab.core.released == ["1"]
        assert lab.core.requests["PATCH nudm-uecm amf-3gpp-access"] == purges
        assert (await lab.post(path, {"deregReason": reason})).status == 204

    run(scenario)


def test_changed_data_is_read_again() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        lab.core.dnns = ["other"]
        path = f"/namf-callback/v1/{ue.supi}/subscriber-data"
        assert (await lab.post(path, {"notifyItems": []})).status == 204
        await lab.until(lambda: lab.core.requests["GET nudm-sdm"] == 2)
        await lab.until(lambda: "other" in str(lab.ue(ue).subscription))
        await ue.request_session()
        await lab.until(lambda: lab.core.created)
        assert lab.core.created[0]["dnn"] == "other"
        assert (await lab.post("/namf-callback/v1/imsi-1/subscriber-data", {})).status == 404

    run(scenario)


def test_the_pcf_ends_its_association() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        path = f"/namf-callback/v1/{ue.supi}/am-policy"
        assert (await lab.post(path + "/update", {})).status == 204
        assert (await lab.post(path + "/terminate", {"cause": "UE_SUBSCRIPTION"})).status == 204
        await lab.until(lambda: any(name.startswith("DELETE npcf-am") for name in lab.core.requests))
        assert not lab.ue(ue).policy

    run(scenario)


def test_state_shows_a_ue_without_its_keys() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        answer = (await lab.client.request("GET", f"/minicore/v1/ues/{ue.supi}")).json()
        assert ue.security is not None
        assert (answer["ul_count"], answer["dl_count"]) == (ue.security.ul_count, ue.security.dl_count)
        assert ue.security.k_amf.hex() not in str(answer)
        before = lab.amf.state()["digest"]
        await lab.session(ue)
        assert lab.amf.state()["digest"] != before
        state = (await lab.client.request("GET", "/minicore/v1/state")).json()
        assert state["counters"]["authentications_total"] == 1

    run(scenario)


def test_the_profile_says_where_n2_is() -> None:
    async def scenario(lab: AmfLab) -> None:
        profile = lab.amf.profile()
        info = profile["amfInfo"]
        assert info["guamiList"] == [{"plmnId": {"mcc": "001", "mnc": "01"}, "amfId": "020083"}]
        assert (info["amfRegionId"], info["amfSetId"]) == ("02", "002")
        assert info["n2InterfaceAmfInfo"]["ipv4EndpointAddress"] == ["127.0.0.1"]
        assert info["taiList"] == [{"plmnId": {"mcc": "001", "mnc": "01"}, "tac": "000001"}]

    run(scenario, AMF_REGION="2", AMF_SET="2", AMF_POINTER="3")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TAC", "-1"),
        ("TAC", "x"),
        ("AMF_SET", "1024"),
        ("AMF_POINTER", "64"),
        ("SLICES", "256"),
        ("SLICES", "1-xyz"),
        ("SLICES", ""),
        ("NIA", "1"),
        ("NEA", "2;0"),
        ("N2", "udp"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    variables = {"MINICORE_ADDRESS": "127.0.0.1", f"MINICORE_{name}": value}
    with pytest.raises(SettingsError, match=f"MINICORE_{name}"):
        AmfConfig.read(Settings.from_environment(variables), Environment(variables))


def test_a_downlink_for_a_released_session_is_dropped() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.registered()
        await lab.session(ue)
        await ue.become_idle()
        await lab.until(lambda: not lab.ue(ue).is_connected)
        assert (await lab.transfer(ue, n2=SETUP_TRANSFER, kind="PDU_RES_SETUP_REQ")).status == 202
        path = f"/namf-callback/v1/{ue.supi}/sm-contexts/{lab.ue(ue).sessions[1].number}"
        assert (await lab.post(path, {"statusInfo": {"resourceStatus": "RELEASED"}})).status == 204
        ue.start_protected(ue.service_request())
        await ue.downlink(gmm.ServiceAccept)
        assert ue.contexts[-1].sessions == ()

    run(scenario)
