# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAS messages that are not as they should be (TS 24.501 clause 7): each is read, or refused with a cause."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random

import pytest
from minicore import nas
from minicore.nas import MmCause, NasDecodeError, NasMessage, gmm
from minicore.nas.identity import Suci
from minicore.nas.slice import SNssai

from images.minicore.tests.nas_samples import ALL, SUCI

CAUSES = {
    MmCause.INVALID_MANDATORY_INFORMATION,
    MmCause.MESSAGE_TYPE_NON_EXISTENT,
    MmCause.CONDITIONAL_IE_ERROR,
    MmCause.PROTOCOL_ERROR,
}


def take(data: bytes) -> NasMessage | None:
    """What is read must have an encoding, and that must be stable."""
    try:
        message = nas.decode(data)
    except NasDecodeError as e:
        assert e.cause in CAUSES
        return None
    encoded = message.encode()
    assert nas.decode(encoded).encode() == encoded
    return message


def damaged(data: bytes, random: Random) -> Iterator[bytes]:
    """All prefixes, each byte changed in some ways, and bytes taken out or put in."""
    for place in range(len(data)):
        yield data[:place]
        for value in (0, 0x7F, 0xFF, data[place] ^ 1 << random.randrange(8), random.randrange(256)):
            yield data[:place] + bytes((value,)) + data[place + 1 :]
        yield data[:place] + data[place + 1 :]
        yield data[:place] + random.randbytes(2) + data[place:]


@pytest.mark.parametrize("message", ALL, ids=lambda message: type(message).__name__)
def test_damaged_messages(message: NasMessage) -> None:
    random = Random(message.message_type)
    for data in damaged(message.encode(), random):
        take(data)


def test_random_elements_behind_each_header() -> None:
    random = Random(24501)
    headers = sorted({message.encode()[: 3 if message.epd == nas.EPD_MM else 4] for message in ALL})
    for header in headers:
        for _ in range(200):
            take(header + random.randbytes(random.randrange(60)))
    for _ in range(2000):
        take(random.randbytes(random.randrange(12)))


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        ("", MmCause.PROTOCOL_ERROR),
        ("7e", MmCause.PROTOCOL_ERROR),
        ("7e00", MmCause.PROTOCOL_ERROR),
        ("2e0501", MmCause.PROTOCOL_ERROR),
        ("000041", MmCause.PROTOCOL_ERROR),
        ("7e0141", MmCause.PROTOCOL_ERROR),
        ("7e0000", MmCause.MESSAGE_TYPE_NON_EXISTENT),
        ("2e0501c0", MmCause.MESSAGE_TYPE_NON_EXISTENT),
        ("7e0041", MmCause.INVALID_MANDATORY_INFORMATION),
        ("7e004171000d0100f110f0ff000010325476", MmCause.INVALID_MANDATORY_INFORMATION),
        ("7e004171000101", MmCause.INVALID_MANDATORY_INFORMATION),
        ("7e0044", MmCause.INVALID_MANDATORY_INFORMATION),
        ("7e004c000007f20040c0000353", MmCause.INVALID_MANDATORY_INFORMATION),
        ("7e005915", MmCause.CONDITIONAL_IE_ERROR),
        ("7e00670100042e0501d6", MmCause.CONDITIONAL_IE_ERROR),
        ("2e0501c201", MmCause.INVALID_MANDATORY_INFORMATION),
        ("2e0501c2010000", MmCause.INVALID_MANDATORY_INFORMATION),
    ],
)
def test_the_cause(data: str, cause: MmCause) -> None:
    with pytest.raises(NasDecodeError) as raised:
        nas.decode(bytes.fromhex(data))
    assert raised.value.cause == cause


def read(elements: str) -> gmm.RegistrationRequest:
    request = gmm.RegistrationRequest(registration_type=1, identity=SUCI).encode()
    return gmm.RegistrationRequest.decode(request + bytes.fromhex(elements))


def test_unknown_elements_are_skipped() -> None:
    """Clause 7.6.1: one octet, TLV and TLV-E by their IEI (TS 24.007 clause 11.2.4)."""
    assert read("c5 3f03010203 7d0002abcd 2f0201 01").requested_slices == (SNssai(1),)


def test_an_unknown_element_that_must_be_understood_is_refused() -> None:
    with pytest.raises(NasDecodeError, match="0x0c, which must be understood") as raised:
        read("0c0101")
    assert raised.value.cause == MmCause.INVALID_MANDATORY_INFORMATION


def test_the_first_of_repeated_elements_counts() -> None:
    """Clause 7.6.3."""
    assert read("2f020101 2f020102").requested_slices == (SNssai(1),)


def test_elements_out_of_sequence_are_ignored() -> None:
    """Clause 7.6.2: the UE security capability stands before the requested NSSAI."""
    message = read("2f020101 2e02e0e0 40020200")
    assert (message.requested_slices, message.security_capability) == ((SNssai(1),), None)
    assert message.uplink_data == frozenset({1})


@pytest.mark.parametrize("elements", ["2f0201", "2f", "2f0403010101", "2f0101", "2f00", "2e01e0", "770003f200f1"])
def test_syntactically_incorrect_optional_elements_are_absent(elements: str) -> None:
    """Clause 7.7.1."""
    assert read(elements) == gmm.RegistrationRequest(registration_type=1, identity=SUCI)


def test_elements_behind_an_incorrect_one_are_read() -> None:
    assert read("2e01e0 2f020101").requested_slices == (SNssai(1),)


def test_long_messages_take_little_time() -> None:
    """64 kB of what makes lists: slices, rules, flows, unknown elements."""
    messages = [
        bytes.fromhex("7e00417100010077ffff") + bytes(65535),
        bytes.fromhex("2e0501c211fffc") + b"\x01\x00\x01\x3f" * 16383,
        bytes.fromhex("2e0501c211fffc") + b"\xff" * 65532,
        gmm.RegistrationRequest(registration_type=1, identity=SUCI).encode() + b"\xc0" * 65000,
        bytes.fromhex("7e00420101") + b"\x3f\x00" * 32000,
    ]
    begin = time.process_time()
    for data in messages:
        take(data)
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    "wrong",
    [
        gmm.RegistrationReject(cause=256),
        gmm.RegistrationRequest(registration_type=8, identity=SUCI),
        gmm.RegistrationRequest(registration_type=1, identity=Suci("0010", "1")),
        gmm.RegistrationAccept(mico=16),
        gmm.RegistrationAccept(sessions=frozenset({16})),
        gmm.RegistrationAccept(t3512_s=-5),
        gmm.RegistrationAccept(tais=()),
        gmm.UlNasTransport(payload=b"x", pdu_session_id=1, dnn="a" * 64),
        gmm.AuthenticationRequest(rand=bytes(15), autn=bytes(16)),
    ],
    ids=lambda message: repr(message)[:40],
)
def test_a_value_without_an_encoding_is_refused_by_name(wrong: NasMessage) -> None:
    with pytest.raises(ValueError, match=f"^{type(wrong).__name__}, "):
        wrong.encode()
