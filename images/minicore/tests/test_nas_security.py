# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security of NAS messages between a UE and an AMF that share a key."""

from __future__ import annotations

from random import Random

import pytest
from minicore import nas
from minicore.nas import NasDecodeError, gmm, security
from minicore.nas.capability import Algorithms, SecurityCapability
from minicore.nas.identity import Guti5g, STmsi
from minicore.nas.security import HeaderType, NasSecurityContext, NasSecurityError
from minicore.nas.slice import SNssai
from minicore.security import keys
from minicore.security.algorithms import DOWNLINK, UPLINK, nea2, nia2

K_AMF = bytes(range(32))
PLAIN = gmm.RegistrationComplete().encode()
AES = Algorithms(2, 2)
GUTI = Guti5g("00101", 1, 1, 0, 0x01020304)
FULL = gmm.RegistrationRequest(
    ngksi=0,
    registration_type=gmm.RegistrationType.PERIODIC,
    identity=GUTI,
    security_capability=SecurityCapability.of((0, 2), (2,)),
    requested_slices=(SNssai(1),),
    sessions=frozenset({1}),
)


def pair(algorithms: Algorithms = AES, count: int = 0) -> tuple[NasSecurityContext, NasSecurityContext]:
    """The context of the UE and that of the AMF."""
    ue, amf = (NasSecurityContext(0, K_AMF, algorithms, count, count) for _ in range(2))
    return ue, amf


def test_the_octets_are_those_of_ts_24_501_figure_9_1_1_2() -> None:
    ue, _amf = pair(count=0x1FE)
    message = ue.protect(PLAIN, HeaderType.CIPHERED, UPLINK)
    ciphered = nea2(keys.nas_key(K_AMF, "enc", 2), 0x1FE, 1, 0, PLAIN)
    mac = nia2(keys.nas_key(K_AMF, "int", 2), 0x1FE, 1, 0, b"\xfe" + ciphered)
    assert message == b"\x7e\x02" + mac + b"\xfe" + ciphered


@pytest.mark.parametrize("algorithms", [AES, Algorithms(0, 2), Algorithms(0, 0)])
@pytest.mark.parametrize("header_type", list(HeaderType)[1:])
@pytest.mark.parametrize("direction", [UPLINK, DOWNLINK])
def test_what_one_protects_the_other_reads(algorithms: Algorithms, header_type: HeaderType, direction: int) -> None:
    ue, amf = pair(algorithms, 250)
    sender, receiver = (ue, amf) if direction == UPLINK else (amf, ue)
    for _ in range(300):
        assert receiver.unprotect(sender.protect(PLAIN, header_type, direction), direction) == PLAIN
    assert sender == receiver
    assert {sender.ul_count, sender.dl_count} == {250, 550}


def test_a_count_is_accepted_once() -> None:
    ue, amf = pair()
    first, second, third = (ue.protect(PLAIN, HeaderType.INTEGRITY, UPLINK) for _ in range(3))
    amf.unprotect(first, UPLINK)
    amf.unprotect(third, UPLINK)
    for old in (first, second, third):
        with pytest.raises(NasSecurityError, match="MAC is wrong, or COUNT"):
            amf.unprotect(old, UPLINK)
    assert amf.ul_count == 3
    assert amf.unprotect(ue.protect(PLAIN, HeaderType.INTEGRITY, UPLINK), UPLINK) == PLAIN


def test_lost_messages_may_wrap_the_sequence_number_once() -> None:
    ue, amf = pair(count=200)
    for _ in range(200):
        ue.protect(PLAIN, HeaderType.CIPHERED, UPLINK)
    assert amf.unprotect(ue.protect(PLAIN, HeaderType.CIPHERED, UPLINK), UPLINK) == PLAIN
    assert amf.ul_count == 401


def test_the_last_count_is_used_and_none_after_it() -> None:
    ue, amf = pair(count=(1 << 24) - 1)
    assert amf.unprotect(ue.protect(PLAIN, HeaderType.CIPHERED, UPLINK), UPLINK) == PLAIN
    with pytest.raises(NasSecurityError, match="used up"):
        ue.protect(PLAIN, HeaderType.CIPHERED, UPLINK)
    with pytest.raises(NasSecurityError, match="used up"):
        amf.unprotect(b"\x7e\x02" + bytes(6), UPLINK)


def test_every_changed_byte_behind_the_header_type_is_seen() -> None:
    ue, amf = pair()
    message = ue.protect(FULL.encode(), HeaderType.CIPHERED, UPLINK)
    for place in range(2, len(message)):
        for bit in range(8):
            changed = bytearray(message)
            changed[place] ^= 1 << bit
            with pytest.raises(NasSecurityError):
                amf.unprotect(bytes(changed), UPLINK)
    assert amf.ul_count == 0
    assert amf.unprotect(message, UPLINK) == FULL.encode()


def test_another_direction_and_another_key_are_refused() -> None:
    ue, amf = pair()
    message = ue.protect(PLAIN, HeaderType.INTEGRITY, UPLINK)
    with pytest.raises(NasSecurityError):
        amf.unprotect(message, DOWNLINK)
    with pytest.raises(NasSecurityError):
        NasSecurityContext(0, bytes(32), AES).unprotect(message, UPLINK)


def test_random_bytes_are_refused() -> None:
    random = Random(24501)
    _ue, amf = pair()
    for _ in range(2000):
        data = random.randbytes(random.randrange(20))
        with pytest.raises(NasSecurityError):
            amf.unprotect(b"\x7e" + data, UPLINK)
        with pytest.raises(NasSecurityError):
            amf.unprotect(data, UPLINK)


def test_the_security_mode_procedure() -> None:
    """The UE learns the algorithms from a command that they protect (TS 24.501 clause 5.4.2)."""
    amf = NasSecurityContext(1, K_AMF, AES)
    capability = SecurityCapability.of((0, 2), (2,))
    command = gmm.SecurityModeCommand(algorithms=AES, ngksi=1, security_capability=capability, additional=2)
    sent = amf.protect(command.encode(), HeaderType.INTEGRITY_NEW_CONTEXT, DOWNLINK)

    received = gmm.SecurityModeCommand.decode(security.split(sent).payload)
    ue = NasSecurityContext(received.ngksi, K_AMF, received.algorithms)
    assert ue.unprotect(sent, DOWNLINK) == command.encode()
    answer = gmm.SecurityModeComplete(nas_container=FULL.encode()).encode()
    protected = ue.protect(answer, HeaderType.CIPHERED_NEW_CONTEXT, UPLINK)

    complete = gmm.SecurityModeComplete.decode(amf.unprotect(protected, UPLINK))
    assert complete.nas_container is not None
    assert nas.decode(complete.nas_container) == FULL
    assert ue.k_gnb() == amf.k_gnb() == keys.k_gnb(K_AMF, 0)


def test_k_gnb_is_of_the_message_that_made_the_ue_connected() -> None:
    """Later messages do not change it, another initial message does (TS 33.501 clause 6.8.1.2)."""
    ue, amf = pair(count=40)
    request = gmm.ServiceRequest(service_type=gmm.ServiceType.DATA, ngksi=0, s_tmsi=STmsi(1, 0, 7))
    for expected in (40, 42):
        amf.unprotect(ue.protect_initial(request), UPLINK)
        amf.unprotect(ue.protect(PLAIN, HeaderType.CIPHERED, UPLINK), UPLINK)
        ue.unprotect(amf.protect(PLAIN, HeaderType.INTEGRITY, DOWNLINK), DOWNLINK)
        assert ue.k_gnb() == amf.k_gnb() == keys.k_gnb(K_AMF, expected)


@pytest.mark.parametrize("algorithms", [AES, Algorithms(0, 2)])
def test_an_initial_message_hides_what_is_no_cleartext(algorithms: Algorithms) -> None:
    ue, amf = pair(algorithms, 77)
    sent = ue.protect_initial(FULL)
    assert security.header_type(sent) == HeaderType.INTEGRITY
    outer = gmm.RegistrationRequest.decode(amf.unprotect(sent, UPLINK))
    assert (outer.identity, outer.requested_slices, outer.sessions) == (GUTI, None, None)
    assert (outer.nas_container == FULL.encode()) == (algorithms.ciphering == 0)
    assert amf.open_container(outer) == FULL


def test_an_initial_message_of_cleartext_only_has_no_container() -> None:
    ue, amf = pair()
    request = gmm.ServiceRequest(service_type=gmm.ServiceType.SIGNALLING, ngksi=0, s_tmsi=STmsi(1, 0, 7))
    outer = gmm.ServiceRequest.decode(amf.unprotect(ue.protect_initial(request), UPLINK))
    assert outer == request
    assert amf.open_container(outer) == request


def test_a_container_with_another_message_is_refused() -> None:
    ue, amf = pair()
    outer = gmm.ServiceRequest(service_type=gmm.ServiceType.DATA, ngksi=0, s_tmsi=STmsi(1, 0, 7))
    outer.nas_container = nea2(ue.k_nas_enc, 0, 1, UPLINK, PLAIN)
    amf.unprotect(ue.protect(outer.encode(), HeaderType.INTEGRITY, UPLINK), UPLINK)
    with pytest.raises(NasDecodeError, match="RegistrationComplete is no ServiceRequest"):
        amf.open_container(outer)
