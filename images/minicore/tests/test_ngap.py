# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest
from minicore.ngap import Cause, NgapError, decode, encode
from minicore.ngap import messages as m
from minicore.ngap import session_messages as s
from minicore.ngap import transfers as t
from minicore.ngap.peek import peek
from minicore.ngap.values import (
    BitRate,
    CriticalityDiagnostics,
    FiveGSTmsi,
    GlobalGnbId,
    Guami,
    IeDiagnostics,
    NrCgi,
    PlmnSupport,
    QosFlow,
    SecurityCapabilities,
    SecurityContext,
    ServedGuami,
    SessionItem,
    SessionSetup,
    Snssai,
    SupportedTa,
    Tai,
    Tunnel,
    UeIds,
    UserLocation,
)
from pycrate_asn1dir import NGAP

LOCATION = UserLocation(NrCgi("00101", 0x10), Tai("00101", 1))
SLICES = (Snssai(1), Snssai(2, "0000a1"))
GUAMI = Guami("001001", 2, 0x155, 5)
CAPABILITIES = SecurityCapabilities(0xE000, 0xC000)
ITEMS = (SessionItem(1, b"one"), SessionItem(255, b""))
SETUPS = (SessionSetup(1, SLICES[0], b"transfer", b"nas"), SessionSetup(2, SLICES[1], b"t"))
AMBR = BitRate(4_000_000_000_000, 1)
DIAGNOSTICS = CriticalityDiagnostics(21, "initiating-message", "reject", (IeDiagnostics("reject", 27, "missing"),))
AMF_ID, RAN_ID = 2**40 - 1, 2**32 - 1

MESSAGES: list[m.Message] = [
    m.NgSetupRequest(
        GlobalGnbId("00101", 0x2A, 24), (SupportedTa(1, (PlmnSupport("00101", SLICES),)),), "gnb-1", "v32"
    ),
    m.NgSetupResponse(
        "amf", (ServedGuami(GUAMI, "other"), ServedGuami(GUAMI)), (PlmnSupport("00101", SLICES),), 7, DIAGNOSTICS
    ),
    m.NgSetupFailure(Cause("misc", "unknown-PLMN-or-SNPN"), "v10s", CriticalityDiagnostics()),
    m.InitialUeMessage(RAN_ID, b"nas", LOCATION, "mt-Access", FiveGSTmsi(0x3FF, 0x3F, 0xDEADBEEF), True, SLICES),
    m.InitialUeMessage(0, b"n" * 300, LOCATION),
    m.UplinkNasTransport(AMF_ID, RAN_ID, b"u", LOCATION),
    m.DownlinkNasTransport(0, 0, b"d" * 128),
    m.InitialContextSetupRequest(1, 2, GUAMI, SLICES, CAPABILITIES, bytes(range(32)), AMBR, SETUPS, b"accept"),
    m.InitialContextSetupRequest(1, 2, GUAMI, SLICES[:1], CAPABILITIES, bytes(32)),
    m.InitialContextSetupResponse(1, 2, ITEMS, ITEMS[:1], DIAGNOSTICS),
    m.InitialContextSetupFailure(1, 2, Cause("radioNetwork", "radio-resources-not-available"), ITEMS),
    m.UeContextReleaseRequest(1, 2, Cause("radioNetwork", "user-inactivity"), (1, 255)),
    m.UeContextReleaseCommand(UeIds(AMF_ID, 3), Cause("nas", "deregister")),
    m.UeContextReleaseCommand(UeIds(300)),
    m.UeContextReleaseComplete(1, 2, LOCATION, (5,), DIAGNOSTICS),
    m.Paging(FiveGSTmsi(1, 2, 3), (Tai("00101", 1), Tai("310410", 0xFFFFFF)), "v256"),
    m.NgReset(None, Cause("misc", "om-intervention")),
    m.NgReset((UeIds(1, 2), UeIds(None, 4), UeIds(5))),
    m.NgResetAcknowledge((UeIds(1, 2),), DIAGNOSTICS),
    m.NgResetAcknowledge(),
    m.ErrorIndication(Cause("protocol", "semantic-error"), 1, 2, DIAGNOSTICS),
    m.ErrorIndication(),
    m.AmfStatusIndication((GUAMI,)),
    s.PduSessionResourceSetupRequest(1, 2, SETUPS, b"nas", AMBR),
    s.PduSessionResourceSetupResponse(1, 2, ITEMS, ITEMS, DIAGNOSTICS),
    s.PduSessionResourceModifyRequest(1, 2, ITEMS),
    s.PduSessionResourceModifyResponse(1, 2, ITEMS, ITEMS, LOCATION, DIAGNOSTICS),
    s.PduSessionResourceReleaseCommand(1, 2, ITEMS, b"nas"),
    s.PduSessionResourceReleaseResponse(1, 2, ITEMS, LOCATION, DIAGNOSTICS),
    s.PathSwitchRequest(1, 2, ITEMS, LOCATION, CAPABILITIES, ITEMS),
    s.PathSwitchRequestAcknowledge(
        1, 2, SecurityContext(7, bytes(range(32))), SLICES, ITEMS, ITEMS, CAPABILITIES, DIAGNOSTICS
    ),
    s.PathSwitchRequestFailure(1, 2, ITEMS, DIAGNOSTICS),
]
TRANSFERS: list[t.Transfer] = [
    t.SetupRequestTransfer(
        Tunnel("10.0.0.1", 1), (QosFlow(1, 9), QosFlow(63, 5, 15, True, True)), "ipv4v6", BitRate(1, 2)
    ),
    t.SetupRequestTransfer(Tunnel("2001:db8::1", 0xFFFFFFFF), (QosFlow(0, 255),), "ethernet"),
    t.SetupResponseTransfer(Tunnel("0.0.0.1", 2), (1, 2)),
    t.SetupUnsuccessfulTransfer(Cause("transport", "unspecified")),
    t.ModifyRequestTransfer(Tunnel("10.0.0.1", 5), Tunnel("10.0.0.2", 6)),
    t.ModifyResponseTransfer(),
    t.ModifyResponseTransfer(Tunnel("10.0.0.2", 6), Tunnel("10.0.0.1", 5)),
    t.ModifyUnsuccessfulTransfer(Cause("transport", "unspecified")),
    t.ReleaseCommandTransfer(Cause("nas", "normal-release")),
    t.ReleaseResponseTransfer(),
    t.PathSwitchRequestTransfer(Tunnel("10.0.0.2", 3), (9,)),
    t.PathSwitchAcknowledgeTransfer(),
    t.PathSwitchAcknowledgeTransfer(Tunnel("10.0.0.3", 4)),
    t.SwitchSetupFailedTransfer(),
    t.SwitchUnsuccessfulTransfer(),
]


def name_of(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize("message", MESSAGES, ids=name_of)
def test_messages_come_back(message: m.Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize("transfer", TRANSFERS, ids=name_of)
def test_transfers_come_back(transfer: t.Transfer) -> None:
    assert type(transfer).decode(transfer.encode()) == transfer


def test_every_message_is_in_the_list() -> None:
    kinds = {k for module in (m, s) for k in vars(module).values() if isinstance(k, type) and issubclass(k, m.Message)}
    assert {type(message) for message in MESSAGES} == kinds - {m.Message}


@pytest.mark.parametrize("kind", {type(message): None for message in MESSAGES}, ids=lambda kind: kind.__name__)
def test_tables_are_those_of_the_asn1(kind: type[m.Message]) -> None:
    asn1 = getattr(NGAP.NGAP_PDU_Contents, kind.NAME)
    rows: dict[int, Any] = {
        row["id"]: (row["criticality"], getattr(row["Value"]._typeref, "called", ("", ""))[1], row["presence"])
        for row in asn1._cont["protocolIEs"]._cont._cont["value"]._const_tab._val.root
    }
    for ie in kind.IES:
        criticality, name, presence = rows[ie.id]
        assert (ie.criticality, ie.kind.name) == (criticality, name)
        assert ie.is_mandatory == (presence == "mandatory")
    procedures = NGAP.NGAP_PDU_Descriptions.NGAP_ELEMENTARY_PROCEDURES._val
    (procedure,) = [row for row in procedures.root + (procedures.ext or []) if row["procedureCode"] == kind.PROCEDURE]
    alternative = ("InitiatingMessage", "SuccessfulOutcome", "UnsuccessfulOutcome")[kind.OUTCOME]
    assert procedure[alternative]._typeref.called[1] == kind.NAME
    assert procedure["criticality"] == kind.CRITICALITY


@pytest.mark.parametrize("message", MESSAGES, ids=name_of)
def test_peek_reads_the_ids(message: m.Message) -> None:
    seen = peek(encode(message))
    assert seen is not None
    assert (seen.outcome, seen.procedure_code) == (message.OUTCOME, message.PROCEDURE)
    ids = getattr(message, "ids", UeIds(getattr(message, "amf_ue_ngap_id", None)))
    assert seen.amf_ue_ngap_id == ids.amf_ue_ngap_id
    assert seen.ran_ue_ngap_id == getattr(message, "ran_ue_ngap_id", None)
    if isinstance(message, m.InitialUeMessage) and message.tmsi:
        assert seen.amf_set_and_pointer == (message.tmsi.set_id, message.tmsi.pointer)


def refused(data: bytes) -> NgapError:
    with pytest.raises(NgapError) as caught:
        decode(data)
    return caught.value


def test_bytes_after_the_end_are_refused() -> None:
    assert refused(encode(MESSAGES[5]) + b"\0").cause.value == "transfer-syntax-error"
    with pytest.raises(NgapError):
        t.ReleaseResponseTransfer.decode(t.ReleaseResponseTransfer().encode() + b"\0")


def test_a_prefix_never_gives_the_message_before() -> None:
    data = encode(m.UplinkNasTransport(7, 8, b"nas", LOCATION))
    decode(data)
    for length in range(len(data)):
        assert refused(data[:length]).cause.value == "transfer-syntax-error"
    error = refused(data[:-1])
    assert (error.procedure_code, error.triggering) == (46, "initiating-message")
    assert (error.amf_ue_ngap_id, error.ran_ue_ngap_id) == (7, 8)


def ie(number: int, criticality: int, content: bytes) -> bytes:
    return number.to_bytes(2, "big") + bytes((criticality << 6, len(content))) + content


def pdu(head: bytes, *ies: bytes) -> bytes:
    body = b"\0" + len(ies).to_bytes(2, "big") + b"".join(ies)
    return head + bytes((len(body),)) + body


DOWNLINK_NAS = bytes((0, 4, 0x40))
AMF, RAN, NAS = ie(10, 0, b"\0\x07"), ie(85, 0, b"\0\x08"), ie(38, 0, b"\x01A")


def test_what_is_written_out_by_hand() -> None:
    assert pdu(DOWNLINK_NAS, AMF, RAN, NAS) == encode(m.DownlinkNasTransport(7, 8, b"A"))


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (pdu(DOWNLINK_NAS, AMF, RAN), "abstract-syntax-error-reject"),
        (pdu(DOWNLINK_NAS, AMF, RAN, NAS, ie(999, 0, b"\0")), "abstract-syntax-error-reject"),
        (pdu(DOWNLINK_NAS, AMF, RAN, NAS, ie(36, 0, b"\0")), "abstract-syntax-error-reject"),
        (pdu(DOWNLINK_NAS, AMF, RAN, ie(38, 0, b"\x02A")), "transfer-syntax-error"),
        (pdu(DOWNLINK_NAS, AMF, RAN, ie(38, 0, b"\x00A")), "transfer-syntax-error"),
        (b"\x60" + pdu(DOWNLINK_NAS, AMF, RAN, NAS)[1:], "transfer-syntax-error"),
        (pdu(DOWNLINK_NAS, RAN, AMF, NAS), "abstract-syntax-error-falsely-constructed-message"),
        (pdu(DOWNLINK_NAS, AMF, AMF, RAN, NAS), "abstract-syntax-error-falsely-constructed-message"),
        (pdu(bytes((0, 200, 0)), AMF), "abstract-syntax-error-reject"),
        (b"", "transfer-syntax-error"),
    ],
)
def test_causes(data: bytes, cause: str) -> None:
    error = refused(data)
    assert error.cause == Cause("protocol", cause)
    assert error.is_reported


@pytest.mark.parametrize("criticality", [1, 2])
def test_unknown_ies_that_may_be_ignored_are(criticality: int) -> None:
    data = pdu(DOWNLINK_NAS, AMF, ie(999, criticality, b"\0"), RAN, NAS)
    assert decode(data) == m.DownlinkNasTransport(7, 8, b"A")


def test_an_unknown_procedure_with_criticality_ignore_is_not_reported() -> None:
    assert not refused(pdu(bytes((0, 200, 0x40)), AMF)).is_reported


def test_values_that_ngap_cannot_carry_are_refused() -> None:
    for message in (m.DownlinkNasTransport(2**40, 1, b""), m.DownlinkNasTransport(-1, 1, b"")):
        with pytest.raises(ValueError):
            encode(message)


def decodes_or_refuses(data: bytes) -> None:
    """Anything but NgapError fails the test."""
    with contextlib.suppress(NgapError):
        decode(data)


def test_fuzz() -> None:
    rng = random.Random(38413)
    for message in MESSAGES:
        data = encode(message)
        for _ in range(60):
            changed = bytearray(data)
            for _ in range(rng.randint(1, 3)):
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            decodes_or_refuses(bytes(changed))
            peek(bytes(changed))
        decodes_or_refuses(data[: rng.randrange(len(data))])
    for _ in range(300):
        data = rng.randbytes(rng.randrange(60))
        decodes_or_refuses(data)
        decodes_or_refuses(bytes((rng.choice((0, 32, 64)), rng.randrange(80), 0, len(data))) + data)
        peek(data)
    for transfer in TRANSFERS:
        data = transfer.encode()
        for _ in range(60):
            changed = bytearray(data or b"\0")
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            with contextlib.suppress(NgapError):
                type(transfer).decode(bytes(changed)).encode()
