# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The N2 front between gNBs and AMFs. SCTP is a fake here, since the real one needs root (test_sctp.py)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from minicore.n2.front.app import Front, n2_address
from minicore.n2.front.relay import MAXIMUM_WAITING
from minicore.n2.sctp import kernel
from minicore.ngap import Cause
from minicore.ngap import messages as m
from minicore.ngap import session_messages as s
from minicore.ngap.values import (
    FiveGSTmsi,
    SecurityContext,
    SessionItem,
    Tai,
    UeIds,
)
from minicore.nrf.app import Nrf
from minicore.sbi.producers import Producers
from minicore.settings import Environment, Settings, SettingsError

from images.minicore.tests.front_lab import LOCATION, SETUP, SLICES, Amf, FakeSctp, initial, run, until


def test_messages_pass_in_both_directions() -> None:
    async def scenario(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        gnb, (amf,) = sctp.gnb(), amfs
        assert (await gnb.set_up()).amf_name == "amf-1"
        gnb.says(initial(5))
        association, message = await amf.got.get()
        assert message == initial(5)
        assert association.peer == "192.0.2.1:30000"
        downlink = m.DownlinkNasTransport(9, 5, b"accept")
        amf.says(association, downlink)
        assert await gnb.got.get() == downlink
        state = front.state()
        assert (state["gnbs"], state["ues"], state["amfs"][0]["ues"]) == (1, 1, 1)
        gnb.says(m.UeContextReleaseComplete(9, 5))
        await amf.got.get()
        assert front.state()["ues"] == 0
        gnb.abort("gone")
        await until(lambda: not amf.associations)
        assert front.state()["associations"] == []

    run(scenario)


def test_a_gnb_waits_for_an_amf_that_is_not_there_yet() -> None:
    async def scenario(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        gnb, (amf,) = sctp.gnb(), amfs
        gnb.says(SETUP)
        await amf.start()
        assert isinstance(await gnb.got.get(), m.NgSetupResponse)

    run(scenario, are_up=False)


def test_an_amf_comes_back_and_the_gnb_keeps_n2() -> None:
    async def scenario(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        gnb, (amf,) = sctp.gnb(), amfs
        await gnb.set_up()
        gnb.says(initial(5))
        association, _ = await amf.got.get()
        amf.says(association, m.DownlinkNasTransport(9, 5, b"x"))
        await gnb.got.get()
        await amf.server.stop()
        await until(lambda: not front.state()["amfs"][0]["up"])
        gnb.says(initial(6))
        assert front.state()["associations"][0]["waiting"] == 1
        await amf.start()
        # The gNB learns that the connection of UE 5 is gone; nobody but the front waits for its answer.
        assert await gnb.got.get() == m.NgReset((UeIds(9, 5),), Cause("transport", "transport-resource-unavailable"))
        gnb.says(m.NgResetAcknowledge((UeIds(9, 5),)))
        _, message = await amf.got.get()
        assert message == initial(6)
        assert amf.setups == 2
        gnb.says(initial(7))
        _, message = await amf.got.get()
        assert message == initial(7)
        assert gnb.got.empty() and not gnb.end.done()

    run(scenario)


def test_waiting_has_a_bound_in_messages_and_in_time() -> None:
    async def many(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        gnb = sctp.gnb()
        gnb.says(SETUP)
        for number in range(MAXIMUM_WAITING):
            gnb.says(initial(number))
        assert not gnb.end.done()
        gnb.says(initial(MAXIMUM_WAITING))
        assert "messages wait" in await gnb.end
        assert front.state()["counts"]["discarded"] == MAXIMUM_WAITING

    async def long(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        gnb, quiet = sctp.gnb(), sctp.gnb()
        gnb.says(SETUP)
        assert "no AMF answered" in await gnb.end
        assert not quiet.end.done()

    run(many, are_up=False)
    run(long, are_up=False, wait_s=0.1)


def test_an_amf_set_looks_like_one_amf() -> None:
    async def scenario(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        gnb, (one, two) = sctp.gnb(), amfs
        response = await gnb.set_up()
        assert {served.guami.pointer for served in response.guamis} == {1, 2}
        assert response.capacity == 30
        assert gnb.got.empty()
        for pointer, amf in ((2, two), (1, one), (2, two)):
            gnb.says(initial(pointer + 10, pointer))
            await amf.got.get()
        amf_of = {1: one, 2: two}
        for pointer, amf in amf_of.items():
            amf.says(amf.associations[0], m.DownlinkNasTransport(pointer + 100, pointer + 10, b"x"))
            await gnb.got.get()
        for pointer, amf in amf_of.items():
            uplink = m.UplinkNasTransport(pointer + 100, pointer + 10, b"y", LOCATION)
            gnb.says(uplink)
            assert (await amf.got.get())[1] == uplink
        # UEs without an AMF: by capacity, 20 to 10.
        for number in range(28):
            gnb.says(initial(1000 + number))
        await until(lambda: one.got.qsize() + two.got.qsize() == 28)
        assert (one.got.qsize(), two.got.qsize()) == (19, 9)
        # A request without a UE goes to both, one answer comes back.
        gnb.says(m.NgReset(None))
        gnb.says(m.NgReset((UeIds(1),)))
        await until(lambda: (one.got.qsize(), two.got.qsize()) == (21, 11))
        for acknowledge in (m.NgResetAcknowledge(), m.NgResetAcknowledge((UeIds(1),))):
            for amf in amfs:
                amf.says(amf.associations[0], acknowledge)
                amf.says(amf.associations[0], m.Paging(FiveGSTmsi(1, 1, 1), (Tai("00101", 1),)))
        kinds = [type(await gnb.got.get()) for _ in range(6)]
        assert kinds.count(m.NgResetAcknowledge) == 2 and kinds.count(m.Paging) == 4
        assert front.state()["ues"] == 0

    run(scenario, Amf(1, capacity=20), Amf(2, capacity=10))


def test_nothing_is_kept_of_a_message_that_no_amf_answers() -> None:
    async def scenario(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        gnb, (amf,) = sctp.gnb(), amfs
        await gnb.set_up()
        error = m.ErrorIndication(Cause("protocol", "semantic-error"))
        for _ in range(3):
            gnb.says(error)
            assert (await amf.got.get())[1] == error
        assert front.relay is not None
        (kept,) = front.relay.gnbs
        assert kept.asks == {}

    run(scenario)


def test_one_amf_of_a_set_is_enough() -> None:
    async def scenario(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        gnb, (one, two) = sctp.gnb(), amfs
        await gnb.set_up()
        await one.server.stop()
        await until(lambda: not front.state()["amfs"][0]["up"])
        gnb.says(initial(5, pointer=1))
        assert (await two.got.get())[1] == initial(5, pointer=1)

    run(scenario, Amf(1), Amf(2))


def test_a_refusal_reaches_the_gnb() -> None:
    async def scenario(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        gnb = sctp.gnb()
        for _ in range(2):
            gnb.says(SETUP)
            assert await gnb.got.get() == m.NgSetupFailure(Cause("misc", "unknown-PLMN-or-SNPN"))
        assert not gnb.end.done()
        assert front.state()["gnbs"] == 0

    run(scenario, Amf(refusal=Cause("misc", "unknown-PLMN-or-SNPN")))


def test_an_amf_that_refuses_when_it_is_back_ends_the_association() -> None:
    async def scenario(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        gnb, (amf,) = sctp.gnb(), amfs
        await gnb.set_up()
        await amf.server.stop()
        amf.refusal = Cause("misc", "unspecified")
        await amf.start()
        assert "refused" in await gnb.end

    run(scenario)


def test_a_path_switch_finds_the_amf_from_another_gnb() -> None:
    async def scenario(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        source, target, (_, two) = sctp.gnb(), sctp.gnb(), amfs
        await source.set_up()
        await target.set_up()
        source.says(initial(5, pointer=2))
        association, _ = await two.got.get()
        two.says(association, m.DownlinkNasTransport(9, 5, b"x"))
        await source.got.get()
        switch = s.PathSwitchRequest(77, 9, (SessionItem(1, b"t"),), LOCATION)
        target.says(switch)
        association, message = await two.got.get()
        assert message == switch
        failure = s.PathSwitchRequestFailure(9, 77, (SessionItem(1, b"t"),))
        error = m.ErrorIndication(Cause("radioNetwork", "unknown-local-UE-NGAP-ID"), 9, 78)
        for refusal in (failure, error):
            two.says(association, refusal)
            assert await target.got.get() == refusal
            assert [gnb["ues"] for gnb in front.state()["associations"]] == [1, 0]
        target.says(switch)
        association, message = await two.got.get()
        assert message == switch
        acknowledge = s.PathSwitchRequestAcknowledge(
            9, 77, SecurityContext(1, bytes(32)), SLICES, (SessionItem(1, b"t"),)
        )
        two.says(association, acknowledge)
        assert await target.got.get() == acknowledge
        assert [gnb["ues"] for gnb in front.state()["associations"]] == [0, 1]

    run(scenario, Amf(1), Amf(2))


def test_what_is_no_ngap_is_for_the_amf_to_refuse() -> None:
    async def scenario(front: Front, sctp: FakeSctp, amfs: list[Amf]) -> None:
        gnb, (amf,) = sctp.gnb(), amfs
        await gnb.set_up()
        gnb.handler.received(gnb, 0, b"\xff\xff")
        assert await amf.malformed.get() == b"\xff\xff"

    run(scenario)


def test_the_amfs_are_found_by_the_nrf() -> None:
    """Real NRF, registration as the AMF does it; N2 of a discovered AMF is at 38412, so on an address of its own."""

    async def whole() -> None:
        nrf_address, amf_address = "127.38.4.12", "127.38.4.13"
        nrf = Nrf(Settings.from_environment({"MINICORE_ADDRESS": nrf_address}), port=0)
        url = f"http://{nrf_address}:{await nrf.start()}"
        amf = Amf()
        amf.port = await amf.server.start(amf_address)
        sctp = FakeSctp()
        variables = {"MINICORE_ADDRESS": "127.0.0.1", "MINICORE_NRF": url}
        front = Front(Settings.from_environment(variables), Environment(variables), 0, sctp)
        instance = str(uuid.uuid4())
        profile = {
            "nfInstanceId": instance,
            "nfType": "AMF",
            "nfStatus": "REGISTERED",
            "ipv4Addresses": ["127.0.0.1"],
            "amfInfo": {
                "amfRegionId": "01",
                "amfSetId": "001",
                "guamiList": [{"plmnId": {"mcc": "001", "mnc": "01"}, "amfId": "010041"}],
                "n2InterfaceAmfInfo": {"ipv4EndpointAddress": [amf_address]},
            },
        }
        producers = Producers(url, "AMF")
        try:
            answer = await producers.request_at(url, "PUT", f"/nnrf-nfm/v1/nf-instances/{instance}", profile)
            assert answer.status == 201
            await front.start()
            gnb = sctp.gnb()
            assert (await gnb.set_up()).amf_name == "amf-1"
        finally:
            producers.close()
            await front.stop()
            await amf.server.stop()
            await nrf.stop()

    asyncio.run(asyncio.wait_for(whole(), 30))


@pytest.mark.parametrize(
    ("interface", "address"),
    [
        ({"ipv4EndpointAddress": ["192.0.2.2"]}, "192.0.2.2"),
        ({}, "192.0.2.1"),
        ([], "192.0.2.1"),
        ({"ipv4EndpointAddress": 5}, "192.0.2.1"),
    ],
)
def test_an_amf_with_a_strange_profile_is_no_fault(interface: Any, address: str) -> None:
    profile = {"ipv4Addresses": ["192.0.2.1"], "amfInfo": {"n2InterfaceAmfInfo": interface}}
    assert n2_address(profile) == address


def test_a_front_needs_to_know_where_amfs_are() -> None:
    variables = {"MINICORE_ADDRESS": "127.0.0.1"}
    with pytest.raises(SettingsError, match="MINICORE_AMF"):
        Front(Settings.from_environment(variables), Environment(variables))


@pytest.mark.skipif(kernel.is_there(), reason="this kernel has SCTP")
def test_missing_sctp_is_said_and_ends_the_process() -> None:
    variables = {"MINICORE_ADDRESS": "127.38.4.14", "MINICORE_AMF": "127.0.0.1", "MINICORE_SCTP": "kernel"}
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "minicore", "front"],
        env={**os.environ, **variables, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 64
    assert done.stderr.endswith("MINICORE_SCTP=kernel: this kernel has no SCTP: load its module sctp, or use usrsctp\n")
