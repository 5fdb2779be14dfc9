# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration at the AMF: 5G-AKA, security mode, GUTI, and what refuses it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from minicore.nas import MmCause, gmm
from minicore.nas.capability import SecurityCapability
from minicore.nas.identity import Guti5g, IdentityType, Suci
from minicore.nas.security import HeaderType
from minicore.nas.slice import RejectedSlice, SNssai
from minicore.ngap.messages import DownlinkNasTransport
from minicore.ngap.values import Tai
from minicore.security.milenage import Milenage
from minicore.security.suci import suci_of

from images.minicore.tests.amf_core import OPC, K
from images.minicore.tests.amf_lab import AmfLab, run
from images.minicore.tests.amf_peers import LOCATION, ScriptedUe


async def expect_reject(ue: ScriptedUe, cause: MmCause) -> None:
    reject = await ue.downlink(gmm.RegistrationReject)
    assert reject.cause == cause
    assert (reject.t3346_s is not None) == (cause == MmCause.CONGESTION)
    await ue.released()


def test_a_ue_registers_with_its_suci() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        accept = await ue.register()
        await lab.until(lambda: lab.counters.registrations_total == 1)
        assert accept.guti is not None and accept.t3512_s == 3600
        assert accept.allowed_slices is not None and accept.allowed_slices[0].sst == 1
        state = lab.amf.state()
        assert state["ues"] == {"registered": 1, "connected": 1, "idle": 0}
        assert state["nas_counts_ok"]
        assert lab.ue(ue).former_tmsi is None
        asked = [name for name in lab.core.requests.elements() if "nnrf" not in name]
        assert len(asked) == 7, "the price of a registration at the other NFs"

    run(scenario)


def test_a_guti_of_nobody_is_asked_for_its_suci() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        ue.guti = Guti5g("00101", 1, 1, 0, 0xDEAD)
        request = ue.registration_request()
        ue.start(request.encode())
        asked = await ue.downlink(gmm.IdentityRequest)
        assert asked.identity_type == IdentityType.SUCI
        ue.uplink(gmm.IdentityResponse(identity=Suci.parse(suci_of(ue.supi))), HeaderType.PLAIN)
        await ue.secure(await ue.authenticate(), request)
        await ue.accepted()
        await lab.until(lambda: lab.counters.registrations_total == 1)

    run(scenario)


def test_a_ue_whose_context_is_lost_gets_a_new_key_set() -> None:
    """The AMF cannot check the protection of its messages; the identifier of its own key set is not used again."""

    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        await ue.register()
        await lab.until(lambda: lab.counters.registrations_total == 1)
        await ue.become_idle()
        lab.amf.ues.remove(lab.ue(ue))
        request = ue.registration_request()
        ue.start_protected(request)
        await ue.downlink(gmm.IdentityRequest)
        ue.uplink(gmm.IdentityResponse(identity=Suci.parse(suci_of(ue.supi))), HeaderType.INTEGRITY)
        challenge = await ue.downlink(gmm.AuthenticationRequest)
        assert challenge.ngksi not in (request.ngksi, 7)
        response, k_amf = ue.answer(challenge)
        ue.uplink(response, HeaderType.INTEGRITY)
        await ue.secure(k_amf, request)
        await ue.accepted()
        await lab.until(lambda: lab.counters.registrations_total == 2)

    run(scenario)


def test_auts_makes_the_ausf_resynchronise() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        request = ue.registration_request()
        ue.start(request.encode())
        challenge = await ue.downlink(gmm.AuthenticationRequest)
        auts = Milenage(K, OPC).f5_star(challenge.rand or b"") + b"12345678"
        ue.uplink(gmm.AuthenticationFailure(cause=MmCause.SYNCH_FAILURE, auts=auts), HeaderType.PLAIN)
        await ue.secure(await ue.authenticate(), request)
        await ue.accepted()
        assert lab.core.resynchronizations == [{"rand": (challenge.rand or b"").hex(), "auts": auts.hex()}]
        assert lab.counters.resynchronizations_total == 1

    run(scenario)


def test_a_ue_that_never_accepts_the_sqn_is_rejected() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        ue.start(ue.registration_request().encode())
        for _ in range(3):
            await ue.downlink(gmm.AuthenticationRequest)
            ue.uplink(gmm.AuthenticationFailure(cause=MmCause.SYNCH_FAILURE, auts=bytes(14)), HeaderType.PLAIN)
        await ue.downlink(gmm.AuthenticationReject)
        await ue.released()
        assert lab.counters.authentications_failed_total == 1

    run(scenario)


@pytest.mark.parametrize(
    "answer",
    [
        gmm.AuthenticationFailure(cause=MmCause.MAC_FAILURE),
        gmm.AuthenticationResponse(res_star=bytes(16)),
        gmm.AuthenticationResponse(),
    ],
    ids=["mac-failure", "wrong-res", "no-res"],
)
def test_who_fails_the_challenge_is_rejected(answer: gmm.AuthenticationResponse | gmm.AuthenticationFailure) -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        ue.start(ue.registration_request().encode())
        await ue.downlink(gmm.AuthenticationRequest)
        ue.uplink(answer, HeaderType.PLAIN)
        await ue.downlink(gmm.AuthenticationReject)
        await ue.released()
        await lab.until(lambda: lab.amf.ues.connection(ue.amf_id) is None)
        assert len(lab.amf.ues) == 0
        assert not any("confirmation" in name for name in lab.core.requests)

    run(scenario)


def test_the_context_of_a_known_ue_goes_on_without_authentication() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        first = await ue.register()
        await lab.until(lambda: lab.counters.registrations_total == 1)
        await ue.become_idle()
        await lab.until(lambda: lab.amf.state()["ues"]["idle"] == 1)
        digest, asked = lab.amf.state()["digest"], lab.core.requests.total()
        assert ue.security is not None
        count = ue.security.ul_count

        ue.start_protected(ue.registration_request(gmm.RegistrationType.PERIODIC))
        second = await ue.accepted()
        await ue.released()
        await lab.until(lambda: lab.amf.state()["ues"]["idle"] == 1)
        assert lab.counters.authentications_total == 1
        assert lab.core.requests.total() == asked, "a periodic registration asks no other NF"
        assert lab.ue(ue).describe()["ul_count"] == count + 2
        assert second.guti != first.guti
        assert lab.amf.state()["digest"] != digest, "the GUTI is new"
        assert lab.amf.state()["nas_counts_ok"]

    run(scenario)


def test_an_initial_registration_with_context_reads_the_subscription_again() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        await ue.register()
        await lab.session(ue)
        await ue.become_idle()
        ue.start_protected(ue.registration_request(gmm.RegistrationType.INITIAL))
        await ue.accepted()
        await lab.until(lambda: lab.counters.registrations_total == 2)
        assert lab.counters.authentications_total == 1
        assert lab.core.requests["GET nudm-sdm"] == 2
        assert lab.core.requests["POST npcf-am-policy-control policies"] == 1, "the association goes on"
        assert lab.core.released == ["1"] and not lab.ue(ue).sessions

    run(scenario)


def test_a_replayed_registration_is_authenticated() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        await ue.register()
        await ue.become_idle()
        request = ue.registration_request(gmm.RegistrationType.PERIODIC)
        ue.start_protected(request)
        await ue.accepted()
        await ue.released()
        digest = lab.amf.state()["digest"]

        thief = ScriptedUe(lab.gnb)
        assert ue.security is not None
        ue.security.ul_count -= 2
        thief.start(ue.security.protect_initial(request))
        # The former GUTI is nobody's any more; the new one leads to a challenge below.
        await thief.downlink(gmm.IdentityRequest)
        thief = ScriptedUe(lab.gnb)
        thief.start(ue.security.protect_initial(replace_identity(request, ue.guti)))
        ue.security.ul_count = 2
        challenge = await thief.downlink(gmm.AuthenticationRequest)
        thief.k = bytes(16)
        response, _ = thief.answer(challenge)
        thief.uplink(response, HeaderType.PLAIN)
        # It is asked who it is, since a GUTI may be wrong; its own SUCI does not help it either.
        await thief.downlink(gmm.IdentityRequest)
        thief.uplink(gmm.IdentityResponse(identity=Suci.parse(suci_of(ue.supi))), HeaderType.PLAIN)
        await thief.downlink(gmm.AuthenticationRequest)
        thief.uplink(response, HeaderType.PLAIN)
        await thief.downlink(gmm.AuthenticationReject)
        assert lab.amf.state()["digest"] == digest
        assert lab.ue(ue).is_registered

    run(scenario)


def replace_identity(request: gmm.RegistrationRequest, guti: Guti5g | None) -> gmm.RegistrationRequest:
    assert guti is not None
    return replace(request, identity=guti)


def test_a_new_authentication_keeps_one_context() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        await ue.register()
        await lab.session(ue)
        again = ScriptedUe(lab.gnb)
        await again.register()
        await ue.released()
        await lab.until(lambda: lab.counters.registrations_total == 2)
        assert lab.amf.state()["ues"]["registered"] == 1
        assert lab.core.released == ["1"]
        assert lab.core.requests["POST nudm-sdm sdm-subscriptions"] == 1
        await lab.session(again, 2)
        ue.start_protected(ue.service_request())
        assert (await ue.downlink(gmm.ServiceReject)).cause == MmCause.UE_IDENTITY_CANNOT_BE_DERIVED

    run(scenario)


@pytest.mark.parametrize(
    ("refused", "status", "cause"),
    [
        ("POST nausf-auth ue-authentications", 404, MmCause.ILLEGAL_UE),
        ("POST nausf-auth ue-authentications", 503, MmCause.CONGESTION),
        ("PUT nudm-uecm amf-3gpp-access", 403, MmCause.ILLEGAL_UE),
        ("GET nudm-sdm", 500, MmCause.CONGESTION),
        ("GET nnssf-nsselection network-slice-information", 403, MmCause.NO_NETWORK_SLICES_AVAILABLE),
    ],
)
def test_a_refusal_of_another_nf_becomes_a_cause(refused: str, status: int, cause: MmCause) -> None:
    async def scenario(lab: AmfLab) -> None:
        lab.core.refusals[refused] = (status, "USER_NOT_FOUND")
        ue = ScriptedUe(lab.gnb)
        request = ue.registration_request()
        ue.start(request.encode())
        if not refused.startswith("POST nausf"):
            await ue.secure(await ue.authenticate(), request)
        await expect_reject(ue, cause)
        await lab.until(lambda: len(lab.amf.ues) == 0)
        lab.core.refusals.clear()
        await ScriptedUe(lab.gnb).register()

    run(scenario)


def test_slices_that_the_ue_does_not_get_are_named() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        accept = await ue.register(requested_slices=(SNssai(1), SNssai(2, "0a0b0c")))
        assert accept.allowed_slices == (SNssai(1),)
        assert accept.rejected_slices == (RejectedSlice(SNssai(2, "0a0b0c"), 0),)
        await lab.until(lambda: lab.counters.registrations_total == 1)

        lab.core.allowed = []
        stranger = ScriptedUe(lab.gnb, 2)
        request = stranger.registration_request(requested_slices=(SNssai(7),))
        stranger.start(request.encode())
        await stranger.secure(await stranger.authenticate(), request)
        reject = await stranger.downlink(gmm.RegistrationReject)
        assert reject.cause == MmCause.NO_NETWORK_SLICES_AVAILABLE
        assert reject.rejected_slices == (RejectedSlice(SNssai(7), 0),)

    run(scenario)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"security_capability": None}, MmCause.INVALID_MANDATORY_INFORMATION),
        ({"security_capability": SecurityCapability.of((0,), (0,))}, MmCause.SECURITY_CAPABILITIES_MISMATCH),
        ({"registration_type": gmm.RegistrationType.EMERGENCY}, MmCause.SERVICES_NOT_ALLOWED),
    ],
)
def test_a_request_that_cannot_be_accepted_is_rejected(changes: dict[str, Any], cause: MmCause) -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        ue.start(replace(ue.registration_request(), **changes).encode())
        if cause == MmCause.SECURITY_CAPABILITIES_MISMATCH:
            await ue.authenticate()
        await expect_reject(ue, cause)

    run(scenario)


def test_a_tracking_area_of_another_amf_is_rejected() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        ue.location = replace(LOCATION, tai=Tai("00101", 2))
        ue.start(ue.registration_request().encode())
        await expect_reject(ue, MmCause.TRACKING_AREA_NOT_ALLOWED)

    run(scenario)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x7e\x00\x41", gmm.RegistrationReject),
        (b"\x7e\x00\x41\x79\x00\x0d\x01", gmm.RegistrationReject),
        (b"\x7e\x00\x4c\x10\x00\x01\xf4", gmm.ServiceReject),
        (b"\x7e\x00\xff", gmm.MmStatus),
        (b"\x7e", gmm.MmStatus),
        (b"\x00\x00\x00", gmm.MmStatus),
        (b"\x7e\x02" + bytes(20), gmm.MmStatus),
    ],
)
def test_a_malformed_first_message_is_answered_and_costs_nothing(data: bytes, kind: type) -> None:
    async def scenario(lab: AmfLab) -> None:
        good = ScriptedUe(lab.gnb, 2)
        request = good.registration_request()
        good.start(request.encode())
        bad = ScriptedUe(lab.gnb)
        bad.start(data)
        await bad.downlink(kind)
        await bad.released()
        await good.secure(await good.authenticate(), request)
        await good.accepted()
        assert lab.counters.nas_malformed_total == 1

    run(scenario)


def test_an_unanswered_challenge_is_sent_five_times() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        ue.start(ue.registration_request().encode())
        for _ in range(5):
            await ue.downlink(gmm.AuthenticationRequest)
        await ue.released()
        assert lab.counters.nas_retransmissions_total == 4
        assert not lab.gnb.waiting(DownlinkNasTransport)

    run(scenario, T3560_S="0.02")


def test_a_lost_complete_gets_the_accept_again() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        request = ue.registration_request()
        ue.start(request.encode())
        await ue.secure(await ue.authenticate(), request)
        first = await ue.downlink(gmm.RegistrationAccept)
        second = await ue.accepted()
        assert first == second
        await lab.until(lambda: lab.counters.registrations_total == 1)

    run(scenario, T3550_S="0.5")


def test_the_algorithms_are_the_first_that_both_have() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = ScriptedUe(lab.gnb)
        await ue.register()
        assert ue.security is not None and ue.security.algorithms == (0, 2)

    run(scenario, NEA="0,2")
