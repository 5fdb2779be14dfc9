# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PFCP codec against scapy's."""

from __future__ import annotations

import pytest
from minicore.pfcp import ies
from minicore.pfcp.codec import CodecError, IeType, Message, MessageType, MissingIe, VersionError, decode
from scapy.contrib import pfcp as oracle

ESTABLISHMENT = Message(
    MessageType.SESSION_ESTABLISHMENT_REQUEST,
    0xABCDEF,
    0,
    [
        ies.node_id("10.0.0.34"),
        ies.f_seid(ies.Seid(0x1122334455667788, "10.0.0.34")),
        ies.group(
            IeType.CREATE_PDR,
            ies.number(IeType.PDR_ID, 1),
            ies.number(IeType.PRECEDENCE, 255),
            ies.group(
                IeType.PDI,
                ies.number(IeType.SOURCE_INTERFACE, ies.Interface.ACCESS),
                ies.f_teid(None),
                ies.ue_ip_address(ies.UeAddress("10.45.0.2"), destination=False),
            ),
            ies.number(IeType.OUTER_HEADER_REMOVAL, 0),
            ies.number(IeType.FAR_ID, 7),
        ),
        ies.group(
            IeType.CREATE_FAR,
            ies.number(IeType.FAR_ID, 7),
            ies.apply_action(ies.ApplyAction.FORWARD),
            ies.group(
                IeType.FORWARDING_PARAMETERS,
                ies.number(IeType.DESTINATION_INTERFACE, ies.Interface.CORE),
                ies.outer_header_creation(ies.Teid(0xDEADBEEF, "10.0.0.13")),
            ),
        ),
    ],
)


def test_what_we_send_is_what_the_oracle_reads() -> None:
    message = oracle.PFCP(ESTABLISHMENT.encode())
    assert (message.version, message.S, message.message_type) == (1, 1, 50)
    assert (message.seid, message.seq, message.length) == (0, 0xABCDEF, len(ESTABLISHMENT.encode()) - 4)
    node, seid, pdr, far = message[oracle.PFCPSessionEstablishmentRequest].IE_list
    assert (node.id_type, node.ipv4) == (0, "10.0.0.34")
    assert (seid.v4, seid.v6, seid.seid, seid.ipv4) == (1, 0, 0x1122334455667788, "10.0.0.34")
    pdr_id, precedence, pdi, removal, far_id = pdr.IE_list
    assert (pdr_id.id, precedence.precedence, removal.header, far_id.id) == (1, 255, 0, 7)
    source, f_teid, ue = pdi.IE_list
    assert source.interface == 0
    assert (f_teid.CH, f_teid.V4, f_teid.length) == (1, 1, 1)
    assert (ue.V4, ue.SD, ue.ipv4) == (1, 0, "10.45.0.2")
    _, action, forwarding = far.IE_list
    assert (action.FORW, action.DROP, action.BUFF) == (1, 0, 0)
    destination, creation = forwarding.IE_list
    assert destination.interface == 1
    assert (creation.GTPUUDPIPV4, creation.TEID, creation.ipv4) == (1, 0xDEADBEEF, "10.0.0.13")


def test_what_the_oracle_sends_is_what_we_read() -> None:
    data = bytes(
        oracle.PFCP(version=1, S=1, seid=42, seq=9)
        / oracle.PFCPSessionEstablishmentResponse(
            IE_list=[
                oracle.IE_NodeId(id_type=0, ipv4="10.0.0.35"),
                oracle.IE_Cause(cause=1),
                oracle.IE_FSEID(v4=1, seid=5, ipv4="10.0.0.35"),
                oracle.IE_CreatedPDR(
                    IE_list=[oracle.IE_PDR_Id(id=1), oracle.IE_FTEID(V4=1, TEID=77, ipv4="10.0.0.35")]
                ),
            ]
        )
    )
    message = decode(data)
    assert (message.type, message.seid, message.sequence) == (MessageType.SESSION_ESTABLISHMENT_RESPONSE, 42, 9)
    assert ies.read_node_id(message.need(IeType.NODE_ID)) == "10.0.0.35"
    assert ies.read_number(message.need(IeType.CAUSE)) == ies.Cause.ACCEPTED
    assert ies.read_f_seid(message.need(IeType.F_SEID)) == ies.Seid(5, "10.0.0.35")
    tunnel = ies.read_f_teid(message.need(IeType.CREATED_PDR).need(IeType.F_TEID))
    assert tunnel == ies.Teid(77, "10.0.0.35")


def test_node_messages_have_no_seid_and_ntp_time() -> None:
    ours = Message(
        MessageType.ASSOCIATION_SETUP_REQUEST,
        3,
        None,
        [ies.node_id("10.0.0.34"), ies.number(IeType.RECOVERY_TIME_STAMP, 3_900_000_000)],
    )
    message = oracle.PFCP(ours.encode())
    assert (message.S, message.seq) == (0, 3)
    assert message[oracle.IE_RecoveryTimeStamp].timestamp == 3_900_000_000
    assert decode(bytes(message)) == ours


def test_round_trip() -> None:
    assert decode(ESTABLISHMENT.encode()) == ESTABLISHMENT


@pytest.mark.parametrize("size", range(len(ESTABLISHMENT.encode())))
def test_a_message_cut_short_is_refused(size: int) -> None:
    with pytest.raises(CodecError):
        decode(ESTABLISHMENT.encode()[:size])


def test_wrong_octets_are_named() -> None:
    with pytest.raises(VersionError):
        decode(b"\x40" + ESTABLISHMENT.encode()[1:])
    with pytest.raises(MissingIe, match="CAUSE"):
        ESTABLISHMENT.need(IeType.CAUSE)
    broken = ESTABLISHMENT.encode().replace(b"\x00\x3c\x00\x05", b"\x00\x3c\xff\x05")
    with pytest.raises(CodecError, match="NODE_ID has"):
        decode(broken)
