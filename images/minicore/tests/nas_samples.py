# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message of each type with all its elements, and some with few, for the tests of the codec and for fuzzing."""

from __future__ import annotations

from minicore.nas import MmCause, NasMessage, SmCause, gmm, gsm
from minicore.nas.capability import Algorithms, SecurityCapability
from minicore.nas.identity import Guti5g, NoIdentity, Pei, STmsi, Suci
from minicore.nas.qos import PacketFilter, PduAddress, PduSessionType, QosFlow, QosRule, SessionAmbr
from minicore.nas.slice import RejectedSlice, SNssai
from minicore.nas.values import DEACTIVATED, Tai

SUCI = Suci("00101", "0000000001")
GUTI = Guti5g("310410", 0xCA, 0x3FE, 0x21, 0xDEADBEEF)
S_TMSI = STmsi(0x3FE, 0x21, 0xDEADBEEF)
CAPABILITY = SecurityCapability.of((0, 1, 2), (0, 2))
SLICES = (SNssai(1), SNssai(2, "0a0b0c"))
SESSIONS = frozenset({1, 5, 15})
REJECTED = (RejectedSlice(SNssai(3), 0), RejectedSlice(SNssai(4, "010203"), 1))
SESSION = {"pdu_session_id": 5, "pti": 1}
OPTIONS = bytes.fromhex("80000d00000a00")
"""Extended protocol configuration options that ask for DNS servers."""

GMM: tuple[NasMessage, ...] = (
    gmm.RegistrationRequest(
        registration_type=gmm.RegistrationType.INITIAL, identity=SUCI, security_capability=CAPABILITY
    ),
    gmm.RegistrationRequest(
        ngksi=3,
        follow_on=True,
        registration_type=gmm.RegistrationType.MOBILITY,
        identity=GUTI,
        mm_capability=b"\x07",
        security_capability=SecurityCapability(bytes.fromhex("f0f0f0f0")),
        requested_slices=SLICES,
        last_tai=Tai("00101", 1),
        uplink_data=SESSIONS,
        sessions=SESSIONS,
        mico=1,
        ue_status=b"\x01",
        additional_guti=GUTI,
        allowed_sessions=frozenset({2}),
        drx=b"\x02",
        eps_nas_container=b"\x07\x48",
        update_type=b"\x01",
        nas_container=b"\x7e\x00\x43",
    ),
    gmm.RegistrationAccept(),
    gmm.RegistrationAccept(
        result=9,
        guti=GUTI,
        equivalent_plmns=("00101", "310410"),
        tais=(Tai("00101", 1), Tai("00101", 7), Tai("310410", 0xABCDEF)),
        allowed_slices=SLICES,
        rejected_slices=REJECTED,
        configured_slices=SLICES,
        network_features=b"\x01\x00",
        sessions=SESSIONS,
        reactivation_result=frozenset({5}),
        reactivation_causes=((5, MmCause.INSUFFICIENT_USER_PLANE_RESOURCES),),
        mico=0,
        t3512_s=3600,
        t3502_s=720,
        drx=b"\x02",
    ),
    gmm.RegistrationComplete(),
    gmm.RegistrationReject(cause=MmCause.ILLEGAL_UE),
    gmm.RegistrationReject(
        cause=MmCause.NO_NETWORK_SLICES_AVAILABLE, t3346_s=60, t3502_s=DEACTIVATED, rejected_slices=REJECTED
    ),
    gmm.DeregistrationRequest(ngksi=1, switch_off=True, identity=GUTI),
    gmm.DeregistrationAccept(),
    gmm.NetworkDeregistrationRequest(reregistration=True, cause=MmCause.ILLEGAL_UE, t3346_s=60),
    gmm.NetworkDeregistrationAccept(),
    gmm.ServiceRequest(service_type=gmm.ServiceType.DATA, ngksi=0, s_tmsi=S_TMSI),
    gmm.ServiceRequest(
        service_type=gmm.ServiceType.MOBILE_TERMINATED,
        ngksi=6,
        s_tmsi=S_TMSI,
        uplink_data=SESSIONS,
        sessions=SESSIONS,
        allowed_sessions=SESSIONS,
        nas_container=b"\x7e\x00\x4c",
    ),
    gmm.ServiceReject(cause=MmCause.CONGESTION, sessions=SESSIONS, t3346_s=600),
    gmm.ServiceAccept(
        sessions=SESSIONS,
        reactivation_result=frozenset({5}),
        reactivation_causes=((5, MmCause.RESTRICTED_SERVICE_AREA),),
    ),
    gmm.ConfigurationUpdateCommand(
        indication=1,
        guti=GUTI,
        tais=(Tai("00101", 1),),
        allowed_slices=SLICES,
        configured_slices=SLICES,
        rejected_slices=REJECTED,
    ),
    gmm.ConfigurationUpdateComplete(),
    gmm.AuthenticationRequest(ngksi=2, abba=b"\0\0", rand=bytes(range(16)), autn=bytes(range(16, 32))),
    gmm.AuthenticationResponse(res_star=bytes(range(16))),
    gmm.AuthenticationReject(),
    gmm.AuthenticationFailure(cause=MmCause.MAC_FAILURE),
    gmm.AuthenticationFailure(cause=MmCause.SYNCH_FAILURE, auts=bytes(range(14))),
    gmm.IdentityRequest(identity_type=5),
    gmm.IdentityResponse(identity=SUCI),
    gmm.IdentityResponse(identity=Suci("310410", bytes(range(45)).hex(), "1234", 1, 27)),
    gmm.IdentityResponse(identity=Pei("490154203237518")),
    gmm.IdentityResponse(identity=Pei("4901542032375186")),
    gmm.IdentityResponse(identity=S_TMSI),
    gmm.IdentityResponse(identity=NoIdentity()),
    gmm.SecurityModeCommand(algorithms=Algorithms(2, 2), ngksi=0, security_capability=CAPABILITY),
    gmm.SecurityModeCommand(
        algorithms=Algorithms(0, 2),
        ngksi=5,
        security_capability=SecurityCapability(bytes.fromhex("f0f0f0f0")),
        imeisv_request=1,
        additional=2,
        abba=b"\0\0",
    ),
    gmm.SecurityModeComplete(imeisv=Pei("4901542032375186"), nas_container=b"\x7e\x00\x41"),
    gmm.SecurityModeReject(cause=MmCause.SECURITY_CAPABILITIES_MISMATCH),
    gmm.MmStatus(cause=MmCause.PROTOCOL_ERROR),
    gmm.UlNasTransport(
        payload=bytes.fromhex("2e0501d6"),
        pdu_session_id=5,
        old_pdu_session_id=4,
        request_type=gmm.RequestType.INITIAL,
        slice=SNssai(1, "0a0b0c"),
        dnn="internet.local",
    ),
    gmm.DlNasTransport(payload=bytes.fromhex("2e0501d6"), pdu_session_id=5),
    gmm.DlNasTransport(
        payload=bytes.fromhex("2e0501d6"), pdu_session_id=5, cause=MmCause.PAYLOAD_NOT_FORWARDED, back_off_s=90
    ),
)

GSM: tuple[NasMessage, ...] = (
    gsm.PduSessionEstablishmentRequest(**SESSION),
    gsm.PduSessionEstablishmentRequest(
        **SESSION,
        maximum_rate=b"\x00\xff",
        session_type=PduSessionType.IPV4,
        ssc_mode=1,
        sm_capability=b"\x01",
        maximum_filters=b"\x02\x00",
        always_on=1,
        dn_request=b"user",
        protocol_options=OPTIONS,
    ),
    gsm.PduSessionEstablishmentAccept(
        **SESSION,
        session_type=PduSessionType.IPV4,
        qos_rules=(QosRule(1, 9),),
        ambr=SessionAmbr(1_000_000_000, 500_000_000),
        cause=SmCause.ONLY_IPV4_ALLOWED,
        address=PduAddress("10.45.0.2"),
        reflective_qos_timer_s=60,
        slice=SNssai(1),
        always_on=0,
        qos_flows=(QosFlow(9, 9), QosFlow(1, 1, parameters=((2, b"\x06\x00\x10"),))),
        protocol_options=OPTIONS,
        dnn="internet",
    ),
    gsm.PduSessionEstablishmentAccept(
        **SESSION,
        session_type=PduSessionType.IPV4V6,
        qos_rules=(
            QosRule(1, 9, 200, False, (PacketFilter(1, 1, bytes.fromhex("100a2d0001ffffffff")), PacketFilter(2))),
        ),
        ambr=SessionAmbr(64_000, 256_000_000_000),
        address=PduAddress("10.45.0.2", bytes(range(8))),
    ),
    gsm.PduSessionEstablishmentAccept(
        **SESSION,
        session_type=PduSessionType.IPV6,
        qos_rules=(QosRule(1, 9),),
        ambr=SessionAmbr(1_000_000, 1_000_000),
        address=PduAddress(None, bytes(range(8))),
    ),
    gsm.PduSessionEstablishmentAccept(
        **SESSION,
        session_type=PduSessionType.ETHERNET,
        qos_rules=(QosRule(1, 9),),
        ambr=SessionAmbr(1_000_000, 1_000_000),
        dnn="lan",
    ),
    gsm.PduSessionEstablishmentReject(
        **SESSION, cause=SmCause.MISSING_OR_UNKNOWN_DNN, back_off_s=600, protocol_options=OPTIONS
    ),
    gsm.PduSessionReleaseRequest(**SESSION, cause=SmCause.REGULAR_DEACTIVATION, protocol_options=OPTIONS),
    gsm.PduSessionReleaseReject(**SESSION, cause=SmCause.INVALID_SESSION_IDENTITY, protocol_options=OPTIONS),
    gsm.PduSessionReleaseCommand(
        **SESSION, cause=SmCause.REGULAR_DEACTIVATION, back_off_s=30, protocol_options=OPTIONS
    ),
    gsm.PduSessionReleaseComplete(**SESSION, cause=SmCause.REGULAR_DEACTIVATION, protocol_options=OPTIONS),
    gsm.SmStatus(**SESSION, cause=SmCause.INVALID_SESSION_IDENTITY),
)

ALL = GMM + GSM
